"""The pre-traffic hook as a zip: its code, and every bundle's golden vectors as questions."""

from __future__ import annotations

import base64
import json
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from infra.image.collect import bundles

HOOK = Path(__file__).parent.parent / "aws" / "hook.py"
_DATE = (1980, 1, 1, 0, 0, 0)
_MANIFEST = "model.toml"

Case: TypeAlias = dict[str, Any]

_PLURALS = {"sample": "images", "row": "rows", "text": "texts"}


def write_hook_package(zoo: Path, target: Path) -> Path:
    """Write the zip of a zoo; the same bundles give the same bytes, so a plan shows no change."""
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
    """Return the golden vectors of all bundles as payloads and expected answers."""
    return [question for bundle in bundles(zoo) for question in _questions_of(bundle)]


def _questions_of(folder: Path) -> Iterator[dict[str, Any]]:
    manifest = tomllib.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    limit = manifest["limits"]["instances"]
    for asked, cases in _asked_in(golden["cases"], folder / "samples", limit):
        yield {
            "payload": {"model": manifest["name"], "version": manifest["version"], **asked},
            "tolerance": golden["tolerance"],
            "cases": [
                {"name": case["name"], "answer": _answer_of(case, manifest)} for case in cases
            ],
        }


def _asked_in(cases: list[Case], samples: Path, limit: int) -> Iterator[tuple[Case, list[Case]]]:
    """Yield what is asked, with its cases: those of a kind together, tensors one by one."""
    for key, plural in _PLURALS.items():
        # At most as many as one request may have; a bundle seldom has more golden vectors.
        some = [case for case in cases if key in case][:limit]
        instances = [case[key] for case in some]
        if key == "sample":
            pictures = [(samples / name).read_bytes() for name in instances]
            instances = [base64.b64encode(picture).decode() for picture in pictures]
        if some:
            yield {plural: instances}, some
    for case in cases:
        if "inputs" in case:
            yield {"inputs": case["inputs"]}, [case]


def _answer_of(case: dict[str, Any], manifest: dict[str, Any]) -> Any:
    """Return a case's answer; in bundles of the first schema it is in two parts."""
    if "answer" in case:
        return case["answer"]
    labels, label = manifest["output"]["labels"], case["label"]
    probabilities = dict(zip(labels, case["probabilities"], strict=True))
    return {"label": label, "confidence": probabilities[label], "probabilities": probabilities}
