"""A model without a recipe: its inputs by name, from the manifest to the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from model.bundle.golden import verify_golden
from model.errors import ArtefactError, InputError
from model.predictor import Predictor
from model.tensors import NamedInputs
from tests.model.bundle.bundles import write_bundle

DOCUMENT: dict[str, Any] = {
    "schema": 2,
    "name": "tensors",
    "version": "1",
    "task": "tensors",
    "artefact": {"file": "m.onnx"},
    "inputs": [
        {"name": "ids", "dtype": "int64", "shape": [-1, -1]},
        {"name": "rate", "dtype": "float32", "shape": []},
    ],
    "outputs": [
        {"name": "scaled", "dtype": "float32", "shape": [-1, -1]},
        {"name": "same", "dtype": "int64", "shape": [-1, -1]},
    ],
    "limits": {"instances": 3},
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Write a bundle of token ids times a rate, and the ids."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["ids"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "rate"], ["scaled"]),
            helper.make_node("Identity", ["ids"], ["same"]),
        ],
        "tensors",
        [
            value("ids", TensorProto.INT64, ["batch", "length"]),
            value("rate", TensorProto.FLOAT, []),
        ],
        [
            value("scaled", TensorProto.FLOAT, ["batch", "length"]),
            value("same", TensorProto.INT64, ["batch", "length"]),
        ],
    )
    opsets = [helper.make_opsetid("", 18)]
    content = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return write_bundle(tmp_path / "tensors", DOCUMENT, content=content)


def test_inputs_by_name_are_predicted(bundle: Path) -> None:
    """Each instance gets its share of every output; the outputs are also to be had as they are."""
    predictor = Predictor.load(bundle)
    inputs = NamedInputs({"ids": [[1, 2], [3, 4]], "rate": 0.1})
    answers, _ = predictor.predict(inputs)
    assert answers == [
        {"outputs": {"scaled": [0.1, 0.2], "same": [1, 2]}},
        {"outputs": {"scaled": [0.3, 0.4], "same": [3, 4]}},
    ]
    outputs, steps = predictor.run(inputs)
    assert outputs["same"].tolist() == [[1, 2], [3, 4]]
    assert outputs["scaled"].dtype == np.float32
    assert steps.engine_ms > 0
    assert predictor.manifest.kind == "tensor-inference"


def test_the_description_is_true(bundle: Path) -> None:
    """Every input is described, and the example is accepted."""
    predictor = Predictor.load(bundle)
    said = predictor.recipe.describe()
    assert (said.takes, said.plural, said.features) == ("tensors", "inputs", ())
    assert list(said.schema["properties"]) == ["ids", "rate"]
    assert len(predictor.predict(NamedInputs(said.example))[0]) == 1


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([[1, 2]], 'body: expected {"inputs": {…}}, got a list'),
        (
            NamedInputs({"ids": [[1]] * 4, "rate": 1}),
            "instances: expected 1 to 3 instances, got 4",
        ),
        (NamedInputs({"ids": [], "rate": 1}), "instances: expected 1 to 3 instances, got none"),
        (
            NamedInputs({"ids": [[1]]}),
            "inputs.rate: expected float32 of shape [], got nothing",
        ),
    ],
)
def test_other_instances_are_refused(bundle: Path, instances: Any, expected: str) -> None:
    """Rows are no tensors, and there are as many instances as the manifest allows."""
    with pytest.raises(InputError) as caught:
        Predictor.load(bundle).predict(instances)
    assert str(caught.value) == expected


def test_golden_vectors_may_be_inputs(bundle: Path) -> None:
    """A case's inputs are one instance's, and its answer is compared number by number."""
    case = {"name": "two", "inputs": {"ids": [[1, 2]], "rate": 2.5}}
    answer = {"outputs": {"scaled": [2.5, 5.0], "same": [1, 2]}}
    golden = {"tolerance": 1e-5, "cases": [{**case, "answer": answer}]}
    (bundle / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    assert verify_golden(Predictor.load(bundle)) == 1
    golden["cases"] = [{**case, "answer": {"outputs": {**answer["outputs"], "same": [1, 3]}}}]
    (bundle / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    with pytest.raises(ArtefactError, match="'two' to be answered with"):
        verify_golden(Predictor.load(bundle))
    case["inputs"] = {"ids": [[1] * 5_000, [2] * 5_000], "rate": 1}
    golden["cases"] = [{**case, "answer": {"outputs": {"same": [1] * 5_000}}}]
    (bundle / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    with pytest.raises(ArtefactError, match="got 2 answers") as caught:
        verify_golden(Predictor.load(bundle))
    assert len(str(caught.value)) < 1_500
