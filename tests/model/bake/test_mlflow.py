"""MLflow's folders: the model in them, the signature's columns, the rows of the example."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.bake.errors import BakeError
from model.bake.sources import open_file
from model.recipes.base import Column
from tests import ROOT

SIGNATURE = [
    {"type": "double", "name": "age in years", "required": True},
    {"type": "double", "name": "income", "required": False},
]


def folder_of(path: Path, flavours: dict[str, Any], **more: Any) -> Path:
    """Write a folder as MLflow does; its YAML may be JSON."""
    document = {"flavors": {**flavours, "python_function": {"loader_module": "x"}}, **more}
    (path / "MLmodel").write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_model_in_the_folder_is_opened(tmp_path: Path) -> None:
    """With the signature's columns, missing where it allows that, and the example's rows."""
    shutil.copy(ROOT / "model/zoo/iris/iris.onnx", tmp_path / "model.onnx")
    example = {"columns": ["age in years", "income"], "data": [[31.5, 2.0], [40.0, None]]}
    (tmp_path / "input_example.json").write_text(json.dumps(example), encoding="utf-8")
    folder = folder_of(
        tmp_path,
        {"onnx": {"data": "model.onnx"}, "sklearn": {"pickled_model": "model.pkl"}},
        signature={"inputs": json.dumps(SIGNATURE)},
        saved_input_example_info={"artifact_path": "input_example.json", "type": "dataframe"},
    )
    for path in (folder, folder / "MLmodel"):
        original = open_file(path, tmp_path, print)
        assert (original.format, original.summary) == ("onnx", "MLflow, ONNX")
        assert original.onnx == tmp_path / "model.onnx"
    assert original.hints.columns == (Column("age in years"), Column("income", missing="nan"))
    assert original.hints.samples == (
        {"age in years": 31.5, "income": 2.0}, {"age in years": 40.0, "income": None},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flavours", "what", "do"),
    [
        (
            {"sklearn": {"pickled_model": "model.pkl"}},
            "keeps this sklearn model as a Python object",
            "import mlflow.sklearn; from model.bake import bake; bake(mlflow.sklearn.load_model('",
        ),
        (
            {"lightgbm": {"data": "model.skops"}},
            "keeps this lightgbm model as a Python object",
            "bake(mlflow.lightgbm.load_model('",
        ),
        ({"spacy": {}}, "flavours onnx, xgboost, lightgbm, keras, tensorflow, got", "mlflow.onnx."),
    ],
)
def test_objects_of_python_are_refused(
    tmp_path: Path, flavours: dict[str, Any], what: str, do: str
) -> None:
    """Nothing is unpickled here: who trusts the folder loads it and bakes the object."""
    with pytest.raises(BakeError) as refusal:
        open_file(folder_of(tmp_path, flavours), tmp_path, print)
    assert what in refusal.value.what
    assert do in refusal.value.do
