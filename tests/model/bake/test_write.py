"""Baking: what is written can be loaded, and what could not be loaded is not left unsaid."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from model.bake.write import write_golden, write_manifest
from model.bundle.golden import verify_golden
from model.bundle.manifest import read_manifest
from model.errors import ArtefactError, InputError
from model.predictor import Predictor
from tests.model.bundle.bundles import DOCUMENT, Network, changed

ROWS: list[list[float]] = [[0, 0, 0], [0, 0, 99], [0.25, 0.5, 0.125]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder that has a model file and nothing else."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.onnx").write_bytes(Network().onnx())
    return tmp_path / "tiny"


def cases(rows: list[list[float]]) -> list[tuple[dict[str, Any], Any]]:
    """Name some rows as golden.json does."""
    return [({"name": f"row {n}", "row": row}, row) for n, row in enumerate(rows)]


def test_the_manifest_is_completed(folder: Path) -> None:
    """The schema and the file's hash are filled in, and the manifest is read back."""
    manifest = write_manifest(folder, DOCUMENT)
    assert manifest == read_manifest(folder)
    assert manifest.sha256 == hashlib.sha256(Network().onnx()).hexdigest()
    written = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
    assert written == changed("artefact.sha256", manifest.sha256)


def test_what_was_given_is_not_changed(folder: Path) -> None:
    """The document that is handed in stays as it was."""
    before = json.dumps(DOCUMENT)
    write_manifest(folder, DOCUMENT)
    assert json.dumps(DOCUMENT) == before


def test_a_manifest_that_would_not_load_is_refused(folder: Path) -> None:
    """What is wrong with a document is said when it is written, not in production."""
    with pytest.raises(ArtefactError) as caught:
        write_manifest(folder, changed("limits.instances", 0))
    assert str(caught.value) == (
        f"{folder / 'model.toml'}: limits.instances: expected a whole number from 1, got 0"
    )


def test_a_baked_bundle_verifies(folder: Path) -> None:
    """The answers that are written down are those that the bundle gives."""
    write_manifest(folder, DOCUMENT)
    write_golden(folder, cases(ROWS))
    assert verify_golden(Predictor.load(folder)) == 3
    document = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert document["tolerance"] == 1e-5
    assert document["why"] == (
        "float32 arithmetic differs by machine in the sixth decimal; answers are rounded there"
    )
    assert document["cases"][1] == {
        "name": "row 1",
        "row": [0, 0, 99],
        "answer": {
            "label": "z",
            "confidence": 1.0,
            "probabilities": {"x": 0.0, "y": 0.0, "z": 1.0},
        },
    }


def test_baking_twice_writes_the_same(folder: Path) -> None:
    """Nothing of the time or the machine stands in what is written."""
    texts = []
    for _ in range(2):
        write_manifest(folder, DOCUMENT)
        write_golden(folder, cases(ROWS))
        texts.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert texts[0] == texts[1]


def test_an_input_that_cannot_be_predicted_is_no_golden_vector(folder: Path) -> None:
    """Golden vectors are answers; an input without one is refused and nothing is written."""
    write_manifest(folder, DOCUMENT)
    with pytest.raises(InputError, match=r"rows\[0\]: expected 3 numbers"):
        write_golden(folder, cases([[1, 2, 3], [1]]))
    assert not (folder / "golden.json").exists()
