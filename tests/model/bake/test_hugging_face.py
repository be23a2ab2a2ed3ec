"""What a Hugging Face folder says of its model, and what it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.bake.errors import BakeError
from model.bake.sources import open_file
from model.bake.sources.base import Hints
from tests.model.bake.review_folder import CONFIG, review_folder


def hints_of(folder: Path, work: Path) -> Hints:
    """Open a folder."""
    original = open_file(folder, work, print)
    assert original.summary.startswith("Hugging Face, ")
    return original.hints


def written(folder: Path, name: str, content: Any) -> None:
    """Write a JSON file into a folder."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def test_labels_licence_and_the_longest_text_are_read(tmp_path: Path) -> None:
    """A text has as many tokens as the model takes, where the tokenizer states no length itself."""
    hints = hints_of(review_folder(tmp_path / "reviews"), tmp_path)
    assert (hints.task, hints.labels) == ("classify", ("NEGATIVE", "POSITIVE"))
    assert hints.licence == "apache-2.0"
    assert hints.tokenizer is not None
    assert json.loads(hints.tokenizer.read_text())["truncation"]["max_length"] == 3


MANY = {"problem_type": "multi_label_classification"}


@pytest.mark.parametrize(
    ("change", "task", "answer"),
    [
        (MANY, "classify", {"apply": "sigmoid", "many": True}),
        ({"problem_type": "regression"}, "regress", {}),
        ({"architectures": ["BertForTokenClassification"]}, "tensors", {}),
        ({"architectures": ["BertModel"]}, "", {}),
    ],
)
def test_the_architecture_tells_the_task(
    change: dict[str, Any], task: str, answer: dict[str, Any], tmp_path: Path
) -> None:
    """Labels of tokens are none of a text."""
    hints = hints_of(review_folder(tmp_path / "f", config=CONFIG | change), tmp_path)
    assert (hints.task, hints.answer) == (task, answer)
    assert bool(hints.labels) == (task == "classify")


def test_the_pooling_of_sentence_transformers_is_read(tmp_path: Path) -> None:
    """It lies in a folder of its own; the last module may normalise."""
    folder = review_folder(tmp_path / "f", config={"model_type": "bert"})
    written(folder, "modules.json", [{"type": "sentence_transformers.models.Normalize"}])
    written(folder, "1_Pooling/config.json", {"pooling_mode_cls_token": True})
    hints = hints_of(folder, tmp_path)
    assert hints.task == "embed"
    assert hints.answer == {"normalise": True, "pooling": "first", "mask": "attention_mask"}


def test_what_is_missing_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    """A folder of weights alone, and a tokenizer that only Python can read."""
    folder = review_folder(tmp_path / "f")
    (folder / "tokenizer.json").rename(folder / "vocab.txt")
    with pytest.raises(BakeError, match=r"without a tokenizer\.json, only vocab\.txt") as caught:
        open_file(folder, tmp_path, print)
    assert "AutoTokenizer" in str(caught.value.do)
    (folder / "onnx" / "model.onnx").unlink()
    with pytest.raises(BakeError, match="without an ONNX file") as caught:
        open_file(folder, tmp_path, print)
    assert "optimum-cli export onnx --model" in str(caught.value.do)


def test_of_several_graphs_the_plain_one_is_taken(tmp_path: Path) -> None:
    """Others are quantised, or for other hardware; the person is told."""
    folder = review_folder(tmp_path / "f")
    (folder / "onnx" / "model_int8.onnx").write_bytes(b"x")
    notes = hints_of(folder, tmp_path).notes
    assert notes == ("left out: onnx/model_int8.onnx; bake one by its own name, if it is meant",)
