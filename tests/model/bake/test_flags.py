"""Flags that cannot be followed: what was expected, what it got, and where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import model.bake
from tests.model.bake.conftest import Kitchen
from tests.model.bake.models import rows_model


@pytest.mark.parametrize(
    ("how", "what"),
    [
        (
            {"pixels": "0..1", "fit": "crop"},
            "--pixels, --fit: said of pictures, and the model takes row instances",
        ),
        ({"deadline": 0}, "--deadline: expected more than 0 seconds, got 0"),
        ({"columns": "absent.csv"}, "--columns: no such file: absent.csv"),
        ({"samples": "absent.csv=yes"}, "--sample: no such file: absent.csv"),
        ({"like": "absent.json"}, "--like: no such file: absent.json"),
        ({"recipe": "absent.py"}, "--recipe: no such file: absent.py"),
        ({"reference": "absent.csv"}, "--reference: no such file: absent.csv"),
        ({"labels": "."}, "--labels: expected a file, got the folder ."),
        (
            {"recipe": "odd"},
            "--recipe: expected a recipe.py or one of columns, custom, digit, picture, tensors, "
            "text, got 'odd'",
        ),
        (
            {"pixels": "odd"},
            "--pixels: expected one of 0..1, -1..1, 0..255, imagenet, caffe, got 'odd'",
        ),
        (
            {"columns": "a,b,A"},
            "--columns: expected names that differ in more than case, blanks and punctuation, "
            "got a and A",
        ),
        (
            {"columns": "a,b,c", "samples": [{"A": 1, "b": 2, "d": 3}]},
            "--sample: sample 1 lacks the columns c and has others, d",
        ),
        (
            {"columns": "a,b,c", "samples": [{"a": 1, "b": 2, "c": 3, "d": 3}]},
            "--sample: sample 1 has others, d",
        ),
        (
            {"samples": [b"GIF89a"]},
            "--sample: sample 1: expected a .csv with a header, or a .json with one row, "
            "got a picture",
        ),
        (
            {"labels": "a,b,c", "samples": [[1, 2, 3]], "answers": ["d"]},
            "sample 1: expected the answer d, and the labels are a, b, c",
        ),
    ],
)
def test_a_flag_that_cannot_be_followed_is_refused(
    kitchen: Kitchen, tmp_path: Path, how: dict[str, Any], what: str
) -> None:
    """It is never taken and ignored."""
    assert kitchen.refusal(rows_model(tmp_path / "m", "Softmax"), **how).what == what


def test_columns_without_names_are_asked_with_those_of_the_sample(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """A table with another header says what the names may be; who confirms them is done."""
    model = rows_model(tmp_path / "m", "Softmax")
    table = tmp_path / "rows.csv"
    table.write_text("red,green,blue\n1,2,3\n", encoding="utf-8")
    refused = kitchen.refusal(model, samples=str(table))
    assert refused.what == (
        "--sample: rows.csv lacks the columns c0, c1, c2 and has others, red, green, blue"
    )
    assert refused.do.endswith(" say so: --columns red,green,blue")
    kitchen.bake(model, samples=str(table), columns="red,green,blue")


def test_a_notebook_without_the_packages_learns_what_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as one whose Python has the model's packages only."""
    monkeypatch.setitem(sys.modules, "model.bake.command", None)
    with pytest.raises(ModuleNotFoundError, match=r"run make \.venv/\.bake in the checkout") as e:
        _ = model.bake.bake
    assert e.value.name == "model.bake.command"
