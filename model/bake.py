"""
Write a bundle: the manifest with the model file's hash, and the golden vectors.

Needs the training packages; never imported by what serves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli_w

from model.golden import GOLDEN_FILE
from model.manifest import MANIFEST_FILE, SCHEMA, Manifest, read_manifest
from model.predictor import Predictor

TOLERANCE: Final = 1e-5
WHY: Final = "float32 arithmetic differs by machine in the sixth decimal; answers are rounded there"


def write_manifest(folder: Path, document: Mapping[str, Any]) -> Manifest:
    """
    Write `model.toml`, with the schema and the hash of the model file filled in.

    Args:
        folder: the bundle; the model file is there already.
        document: the manifest's tables but for `schema` and `artefact.sha256`.

    Raises:
        ArtefactError: what was written is no manifest that would load.
    """
    content = (folder / document["artefact"]["file"]).read_bytes()
    artefact = {**document["artefact"], "sha256": hashlib.sha256(content).hexdigest()}
    whole = {"schema": SCHEMA, **document, "artefact": artefact}
    (folder / MANIFEST_FILE).write_text(tomli_w.dumps(whole), encoding="utf-8")
    return read_manifest(folder)


def write_golden(folder: Path, cases: Sequence[tuple[dict[str, Any], Any]]) -> None:
    """
    Predict some inputs with the bundle as it stands and write the answers down.

    Args:
        folder: the bundle, complete but for golden.json.
        cases: how golden.json names each input ({"name", "sample"} or {"name", "row"}), and the
            instance itself.
    """
    predictions, _ = Predictor.load(folder).predict([instance for _, instance in cases])
    document = {
        "tolerance": TOLERANCE,
        "why": WHY,
        "cases": [
            {**named, "label": answer.label, "probabilities": list(answer.probabilities.values())}
            for (named, _), answer in zip(cases, predictions, strict=True)
        ],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / GOLDEN_FILE).write_text(text, encoding="utf-8")
