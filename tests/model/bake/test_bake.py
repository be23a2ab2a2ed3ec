"""A whole baking: what is said, written, kept, refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from onnx import helper

from model.bake import bake
from model.bake.errors import BakeError
from model.bake.weigh import Weight, warnings_of
from model.bake.weigh import weigh as weigh_really
from model.bundle.golden import verify_golden
from model.bundle.versions import Versions
from model.predictor import Predictor
from model.tensors import NamedInputs
from tests.model.bake.models import endless_model, model_of, rows_model


@pytest.fixture(autouse=True)
def weighed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Weigh bundles in this process: a new one takes most of a second."""
    folders: list[Path] = []

    def weigh(folder: Path) -> Weight:
        folders.append(folder)
        return Weight(0.1, 1.0, 70.0, verify_golden(Predictor.load(folder)))

    monkeypatch.setattr("model.bake.finish.weigh", weigh)
    return folders


class Kitchen:
    """A zoo in a folder of its own, and what was said while baking into it."""

    def __init__(self, folder: Path) -> None:
        self.zoo = folder / "zoo"
        self.said: list[str] = []

    def bake(self, model: Any, **how: Any) -> Path:
        """Bake into the zoo; what is said is that of the last call."""
        self.said = []
        return bake(model, folder=self.zoo, say=self.said.append, **how)

    def line(self, word: str) -> str:
        """Return what was said of a step."""
        return next(line[11:] for line in self.said if line.startswith(f"{word} "))

    def refusal(self, model: Any, **how: Any) -> BakeError:
        """Return why a model is refused."""
        with pytest.raises(BakeError) as caught:
            self.bake(model, **how)
        return caught.value


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """Make an empty zoo."""
    return Kitchen(tmp_path)


def files_in(folder: Path) -> dict[str, bytes]:
    """Read a whole bundle."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def manifest_in(folder: Path) -> dict[str, Any]:
    """Read a bundle's manifest."""
    return tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))


def test_a_bundle_of_a_file_alone(kitchen: Kitchen, tmp_path: Path) -> None:
    """Nothing is asked of a classifier of rows; it loads, answers, and what is unsure is marked."""
    folder = kitchen.bake(rows_model(tmp_path / "My Rows.onnx", "Softmax"))
    assert folder == kitchen.zoo / "my-rows"
    assert sorted(files_in(folder)) == [
        ".baked.json", "golden.json", "model.onnx", "model.toml", "samples/request.json",
    ]  # fmt: skip
    assert verify_golden(Predictor.load(folder)) == 3
    assert json.loads((folder / "golden.json").read_text())["seeded"] is True
    assert kitchen.line("read").startswith("ONNX, ")
    assert kitchen.line("read").endswith("x float32 [N, 3] -> y float32 [N, 3], softmax inside")
    assert kitchen.line("batch") == "two together answer as each alone"
    assert [line[2:9].strip() for line in kitchen.said if line.startswith("? ")] == [
        "columns", "labels",
    ]  # fmt: skip
    assert kitchen.line("golden").startswith("3 made-up inputs, which compare versions")
    assert kitchen.said[-1].endswith("samples/request.json "
                                     "http://127.0.0.1:8080/models/my-rows/predict")  # fmt: skip


def test_twice_changes_nothing(kitchen: Kitchen, tmp_path: Path) -> None:
    """The same bytes, the same dates, and it says so."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    how: dict[str, Any] = {"labels": "a,b,c", "samples": [[1, 2, 3]], "answers": ["c"]}
    folder = kitchen.bake(model, **how)
    before = [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))]
    kitchen.bake(model, **how)
    assert [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))] == before
    assert kitchen.line("written").endswith("nothing changed")
    assert kitchen.line("golden") == "1 samples, 1 answered as expected"


def test_what_was_edited_survives(kitchen: Kitchen, tmp_path: Path) -> None:
    """Labels, description, limits, a unit: with comments, and the golden vectors follow."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    folder = kitchen.bake(model)
    manifest = folder / "model.toml"
    text = manifest.read_text(encoding="utf-8")
    text = text.replace('"0",', '"zero",  # mine').replace("instances = 1000", "instances = 7")
    text = text.replace('{ name = "c0" }', '{ name = "c0", unit = "cm" }')
    text = text.replace("version", 'description = "Mine."\nversion', 1)
    manifest.write_text(text, encoding="utf-8")
    kitchen.bake(model)
    assert manifest.read_text(encoding="utf-8") == text
    assert kitchen.line("kept").endswith("rows.columns.c0.unit, answer.labels, limits.instances, "
                                         "description")  # fmt: skip
    assert verify_golden(Predictor.load(folder)) == 3
    assert "zero" in (folder / "golden.json").read_text(encoding="utf-8")
    kitchen.bake(model, licence="MIT")
    assert manifest_in(folder)["licence"] == "MIT"
    assert manifest_in(folder)["answer"]["labels"] == ["zero", "1", "2"]


def test_another_file_is_another_version(kitchen: Kitchen, tmp_path: Path) -> None:
    """Under the same version it is refused; beside it, both are served, and so is a third."""
    first, second = rows_model(tmp_path / "a", "Softmax"), rows_model(tmp_path / "b", width=3)
    before = files_in(kitchen.bake(first, name="m"))
    refused = kitchen.refusal(second, name="m", task="regress")
    assert refused.what.endswith("holds version 1 of this name, baked from another file")
    assert "--version 2" in refused.do
    assert kitchen.bake(second, name="m", task="regress", version=2) == kitchen.zoo / "m" / "2"
    assert kitchen.line("moved") == f"version 1 moved to {kitchen.zoo / 'm' / '1'}"
    assert files_in(kitchen.zoo / "m" / "1") == before
    kitchen.bake(first, name="m", version=10)
    versions = Versions.load(kitchen.zoo / "m", max_pixels=100)
    assert list(versions.predictors) == ["1", "2", "10"]
    kitchen.bake(first, name="m", version=2, replace=True)
    assert kitchen.refusal(second, name="m", version=2).what


def test_a_data_frame(kitchen: Kitchen, tmp_path: Path) -> None:
    """Its columns name the model's, and its rows are the samples."""
    frame = pandas.DataFrame({"Length (cm)": [1.5, 2], "b": [2, 9], "c": [3.25, 1]})
    folder = kitchen.bake(rows_model(tmp_path / "m"), samples=frame, task="regress")
    assert [one["name"] for one in manifest_in(folder)["rows"]["columns"]] == [
        "Length (cm)", "b", "c",
    ]  # fmt: skip
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert golden["cases"][0]["row"] == {"Length (cm)": 1.5, "b": 2.0, "c": 3.25}
    assert "seeded" not in golden


def test_an_expected_answer_that_does_not_come(kitchen: Kitchen, tmp_path: Path) -> None:
    """Refused with both, and the zoo is as it was."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    (tmp_path / "row.json").write_text('{"rows": [[0, 9, 0]]}')
    sample = f"{tmp_path / 'row.json'}=a"
    refused = kitchen.refusal(model, labels=["a", "b", "c"], samples=[sample])
    assert refused.what.startswith('row.json: expected a, got {"label": "b", "confidence": 1.0')
    assert not kitchen.zoo.exists()


def test_tensors(kitchen: Kitchen, tmp_path: Path) -> None:
    """Several inputs, two batches that do not mix, and samples as arrays by name."""
    nodes = [
        helper.make_node("Add", ["x", "state"], ["sum"]),
        helper.make_node("ReduceMax", ["sum"], ["most"], keepdims=0),
        helper.make_node("Sub", ["sum", "most"], ["y"]),
    ]
    shape = ("N", 2, 1)
    path = model_of(tmp_path / "m", nodes, {"x": ("FLOAT", shape), "state": ("FLOAT", shape)},
                    {"y": ("FLOAT", shape)})  # fmt: skip
    array = np.ones((1, 2, 1), np.float32)
    folder = kitchen.bake(path, samples={"x": array, "state": array}, task="tensors")
    manifest = manifest_in(folder)
    assert (manifest["limits"], manifest["task"]) == ({"instances": 64, "batch": 1}, "tensors")
    assert kitchen.line("batch").startswith("two together answer otherwise than each alone")
    answers, _ = Predictor.load(folder).predict(NamedInputs({"x": array, "state": array * 2}))
    assert answers == [{"outputs": {"y": [[0.0], [0.0]]}}]


def test_a_fixed_batch_is_asked_one_by_one(kitchen: Kitchen, tmp_path: Path) -> None:
    """An export for one instance answers several."""
    nodes = [helper.make_node("Softmax", ["x"], ["y"])]
    path = model_of(tmp_path / "m", nodes, {"x": ("FLOAT", [1, 2])}, {"y": ("FLOAT", [1, 2])})
    folder = kitchen.bake(path)
    assert manifest_in(folder)["limits"]["batch"] == 1
    answers, _ = Predictor.load(folder).predict([[0, 0], [9, 0], [0, 9]])
    assert [one["label"] for one in answers] == ["0", "0", "1"]


def test_what_fails_when_it_runs(kitchen: Kitchen, tmp_path: Path) -> None:
    """NaN, an index out of range, no end: the cause, and that a real input is to be shown."""
    nodes = [helper.make_node("Sub", ["x", "x"], ["zero"]),
             helper.make_node("Div", ["zero", "zero"], ["y"])]  # fmt: skip
    floats: Any = {"x": ("FLOAT", ["N", 2])}
    nan = model_of(tmp_path / "nan", nodes, floats, {"y": ("FLOAT", ["N", 2])})
    refused = kitchen.refusal(nan, name="nan")
    assert refused.what == "it answers made-up inputs with NaN in y"
    assert refused.do.startswith("Show it a real input: --sample FILE")
    shown = kitchen.refusal(nan, name="nan", samples=[[1, 2]])
    assert shown.what == "it answers sample 1 with NaN in y"
    endless = endless_model(tmp_path / "endless")
    assert kitchen.refusal(endless, deadline=0.05).what == (
        "it fails on made-up inputs: no answer within 0.05 s (--deadline allows more)"
    )


def test_a_bundle_is_weighed_in_a_process_of_its_own(kitchen: Kitchen, tmp_path: Path) -> None:
    """It loads as the function loads it; what Lambda cannot hold is warned of."""
    folder = kitchen.bake(rows_model(tmp_path / "m", "Softmax"))
    weight = weigh_really(folder)
    assert (weight.vectors, weight.load_s > 0, 20 < weight.memory_mb < 500) == (3, True, True)
    assert warnings_of(weight, 1, 1, 1) == []
    heavy = Weight(9.0, 1.0, 20_000, 3)
    assert warnings_of(heavy, 11 * 10**9, 7 * 2**20, 8 * 2**20) == [
        "it needs 20,000 MB: a function has 10,240 at most",
        "it has 11.0 GB: an image has 10 at most",
        "one request has 7.0 MB as JSON: Lambda passes 6 MB, a queue less",
        "one answer has 8.0 MB as JSON: Lambda passes 6 MB, a queue less",
    ]


def test_many_labels_have_a_file(kitchen: Kitchen, tmp_path: Path) -> None:
    """More than twenty stand beside the manifest, and an edited file survives."""
    model = rows_model(tmp_path / "m.onnx", "Softmax", width=21)
    labels = [f"label {number}" for number in range(21)]
    folder = kitchen.bake(model, labels=labels)
    assert manifest_in(folder)["answer"] == {"labels": "labels.txt"}
    path = folder / "labels.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("label 3\n", "three\n"))
    kitchen.bake(model, labels=labels)
    assert kitchen.line("kept") == "what was edited: labels.txt"
    assert Predictor.load(folder).task.labels[3] == "three"


def test_a_live_object_needs_a_name(kitchen: Kitchen) -> None:
    """There is no file that has one."""
    assert kitchen.refusal(object()).what == "a live object has no name"
