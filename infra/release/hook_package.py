"""
The pre-traffic hook as a zip: its code, and every bundle's golden vectors as questions.

The same bundles give the same bytes, so a deployment without changes changes nothing.
"""

from __future__ import annotations

import base64
import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

HOOK = Path(__file__).parent.parent / "aws" / "hook.py"
_DATE = (1980, 1, 1, 0, 0, 0)
_MANIFEST = "model.toml"


def write_hook_package(zoo: Path, target: Path) -> Path:
    """
    Write the zip.

    Args:
        zoo: the folder of the bundles, zoo/<name>/ or zoo/<name>/<version>/.
        target: the file to write.

    Returns:
        The file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    golden = json.dumps(questions_of(zoo), sort_keys=True).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("golden.json", golden), ("hook.py", HOOK.read_bytes())):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return target


def questions_of(zoo: Path) -> list[dict[str, Any]]:
    """Turn the golden vectors of all bundles into payloads and the answers expected."""
    manifests = sorted([*zoo.glob(f"*/{_MANIFEST}"), *zoo.glob(f"*/*/{_MANIFEST}")])
    return [_question_of(path.parent) for path in manifests]


def _question_of(folder: Path) -> dict[str, Any]:
    manifest = tomllib.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    # As many as one request may have; a bundle seldom has more golden vectors.
    cases = golden["cases"][: manifest["limits"]["instances"]]
    labels = manifest["output"]["labels"]
    if "row" in cases[0]:
        asked: dict[str, Any] = {"rows": [case["row"] for case in cases]}
    else:
        samples = [(folder / "samples" / case["sample"]).read_bytes() for case in cases]
        asked = {"images": [base64.b64encode(sample).decode() for sample in samples]}
    return {
        "payload": {"model": manifest["name"], "version": manifest["version"], **asked},
        "tolerance": golden["tolerance"],
        "cases": [
            {
                "name": case["name"],
                "label": case["label"],
                "probabilities": dict(zip(labels, case["probabilities"], strict=True)),
            }
            for case in cases
        ],
    }
