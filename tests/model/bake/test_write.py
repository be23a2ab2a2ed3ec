"""Baking: what is written can be loaded, and what could not be loaded is not left unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.bake.write import write_golden
from model.bundle.golden import verify_golden
from model.errors import InputError
from model.predictor import Predictor
from tests.model.bundle.bundles import write_bundle

ROWS: list[list[float]] = [[0, 0, 0], [0, 0, 99], [0.25, 0.5, 0.125]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a bundle without golden vectors."""
    return write_bundle(tmp_path / "tiny")


def cases(rows: list[list[float]]) -> list[tuple[dict[str, Any], Any]]:
    """Name some rows as golden.json does."""
    return [({"name": f"row {n}", "row": row}, row) for n, row in enumerate(rows)]


def test_a_baked_bundle_verifies(folder: Path) -> None:
    """The answers that are written down are those that the bundle gives."""
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


def test_an_input_that_cannot_be_predicted_is_no_golden_vector(folder: Path) -> None:
    """Golden vectors are answers; an input without one is refused and nothing is written."""
    with pytest.raises(InputError, match=r"rows\[0\]: expected 3 numbers"):
        write_golden(folder, cases([[1, 2, 3], [1]]))
    assert not (folder / "golden.json").exists()
