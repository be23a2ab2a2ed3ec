"""Numbers: one or several an instance, by name."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle.table import Table
from model.errors import EngineError
from model.tasks.regress import Regress, load
from model.tensors import Tensor

Y = Tensor("y", "float32", (-1, 1))


def task_of(settings: dict[str, Any], *outputs: Tensor) -> Regress:
    """Open the task with these settings, all of them read."""
    table = Table(Path(), settings, [])
    task = load(table, outputs or (Y,))
    table.close()
    assert [str(problem) for problem in table.problems] == []
    return task


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 1, 1)])
def test_a_value_an_instance(shape: tuple[int, ...]) -> None:
    """[N] and [N, 1] are values, as short as float32 allows, and drift watches them."""
    task = task_of({})
    answers = task.answers({"y": np.array([0.1, -5], np.float32).reshape(shape)}, 2)
    assert answers == [{"value": 0.1}, {"value": -5.0}]
    assert task.features == ("value",)
    assert task.watched(answers)["value"].tolist() == [0.1, -5.0]


@pytest.mark.parametrize(
    ("settings", "dtype", "number", "value"),
    [
        ({"apply": "exp"}, "float64", math.log(1383.636), 1383.636),
        ({"apply": "expm1"}, "float64", math.log1p(2.5), 2.5),
        ({"apply": "sigmoid"}, "float32", -1000, 0.0),
        ({"scale": 0.5, "shift": -1}, "uint8", 255, 126.5),
        ({}, "int64", 2**40, 2.0**40),
        ({}, "float32", math.nan, None),
        ({"apply": "exp"}, "float32", 1e4, None),
    ],
)
def test_what_the_network_left_out_is_applied(
    settings: dict[str, Any], dtype: str, number: float, value: float | None
) -> None:
    """The inverse of the target's logarithm, or the scale of a quantised output."""
    task = task_of(settings, Tensor("y", dtype, (-1, 1)))
    answers = task.answers({"y": np.array([[number]], dtype)}, 1)
    assert answers == [{"value": None if value is None else pytest.approx(value)}]
    json.dumps(answers, allow_nan=False)
    assert task.watched(answers)["value"].dtype == np.float64


def test_several_values_have_names() -> None:
    """They are those of the outputs, or those given for the numbers of one output."""
    age, fare = (Tensor(name, "float32", (-1, 1)) for name in ("age", "fare"))
    task = task_of({"outputs": ["fare", "age"]}, age, fare)
    arrays = {"age": np.array([[40]], np.float32), "fare": np.array([7.25], np.float32)}
    assert task.answers(arrays, 1) == [{"values": {"fare": 7.25, "age": 40.0}}]
    assert task.features == ("fare", "age")
    point = {"y": np.array([[1, 2], [3, 4]], np.float32)}
    wide = Tensor("y", "float32", (-1, 2))
    assert task_of({"names": ["x", "y"]}, wide).answers(point, 2) == [
        {"values": {"x": 1.0, "y": 2.0}},
        {"values": {"x": 3.0, "y": 4.0}},
    ]
    assert task_of({}, wide).answers(point, 2)[1] == {"values": {"0": 3.0, "1": 4.0}}


def test_the_schema_is_of_the_answer() -> None:
    """The documents know the names and the unit."""
    number = {"type": ["number", "null"], "description": "In EUR."}
    assert task_of({"unit": "EUR"}).schema() == {
        "type": "object", "properties": {"value": number}, "required": ["value"],
    }  # fmt: skip
    schema = task_of({"unit": "EUR", "names": ["x", "y"]}).schema()
    assert schema["properties"]["values"]["properties"] == {"x": number, "y": number}


def test_wrong_settings_are_noted() -> None:
    """An unknown output, and one beside several, are told."""
    table = Table(Path(), {"outputs": ["y", "z"], "names": ["a"]}, [])
    load(table, (Y,))
    assert [str(problem) for problem in table.problems] == [
        "outputs: expected names of y, got ['z']",
        "names: expected nothing beside outputs, got both",
    ]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (
            np.zeros((1, 2)),
            "expected 1 numbers per instance (value), got 2; names says what they are",
        ),
        (
            np.zeros((1, 2, 2)),
            "expected an output y of shape [1, K], got [1, 2, 2]: "
            "the task tensors gives any output as it is",
        ),
        (np.array(["a"], object), "expected numbers in the output y, got object"),
    ],
)
def test_other_outputs_are_the_engines_fault(array: Any, expected: str) -> None:
    """What is no value is told by its shape."""
    with pytest.raises(EngineError) as caught:
        task_of({}).answers({"y": array}, 1)
    assert str(caught.value) == expected
