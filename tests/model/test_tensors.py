"""Inputs by name to the engine's arrays: what fits is exact, and what does not is told where."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError
from model.tensors import DTYPES, Tensor, count_of, example_of, schema_of, to_feeds

X = Tensor("x", "float32", (-1, 2))
IDS = Tensor("ids", "int64", (-1, -1))


def complaint(values: Any, *inputs: Tensor) -> str:
    """Return what the inputs are refused with."""
    with pytest.raises(InputError) as caught:
        to_feeds(values, inputs)
    return str(caught.value)


VALUES: dict[str, list[Any]] = {
    "string": ["", "Zürich", "a\0b"],
    "bool": [True, False, True],
    "float16": [0.5, -2, 65504],
    "float32": [0.1, 3, math.inf],
    "float64": [0.1, 2**60, -1e300],
    **{
        name: [int(np.iinfo(name).min), 2.0, int(np.iinfo(name).max)]
        for name in DTYPES
        if "int" in name
    },
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_read_exactly(dtype: str) -> None:
    """Lists become arrays of the stated dtype, the ends of its range included."""
    one = Tensor("x", dtype, (-1, 3))
    (array,) = to_feeds({"x": [VALUES[dtype]]}, [one]).values()
    assert array.dtype == (object if dtype == "string" else dtype)
    expected = np.array([VALUES[dtype]], object)
    assert (
        array.tolist()
        == (expected.astype(dtype) if dtype.startswith("float") else expected).tolist()
    )
    again = to_feeds({"x": array}, [one])["x"]
    assert np.array_equal(again, array)


def test_axes_of_any_size_are_free() -> None:
    """An axis of -1 may have any size, no axis makes a number, and NaN is a float."""
    assert to_feeds({"ids": [[1, 2, 3]]}, [IDS])["ids"].shape == (1, 3)
    assert to_feeds({"ids": [[]]}, [IDS])["ids"].shape == (1, 0)
    scalar = to_feeds({"k": np.float32(2)}, [Tensor("k", "float32", ())])["k"]
    assert (type(scalar), scalar.shape) == (np.ndarray, ())
    assert to_feeds({"x": []}, [X])["x"].shape == (0, 2)
    assert to_feeds({"rate": 16000}, [Tensor("rate", "int64", ())])["rate"].shape == ()
    assert np.isnan(to_feeds({"x": [[math.nan, 1]]}, [X])["x"][0, 0])


FORM = "inputs.x: expected float32 of shape [-1, 2], got"
IDS_FORM = "inputs.ids: expected int64 of shape [-1, -1], got"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[1, 2]], "inputs: expected an object with x, got a list"),
        ({}, f"{FORM} nothing"),
        ({"x": [[1, 2]], "<b>": 1}, "inputs: expected only x, got 1 other key"),
        ({"x": None}, f"{FORM} null"),
        ({"x": 5}, f"{FORM} a number"),
        ({"x": [1, 2]}, f"{FORM} shape [2]"),
        ({"x": [[1, 2], [1]]}, f"{FORM} lists of different lengths on axis 1"),
        ({"x": [[1, 2], 3]}, f"{FORM} a number on axis 1"),
        ({"x": [[[1], [2]]]}, f"{FORM} shape [1, 2, 1]"),
        ({"x": [[[1], 2]]}, f"{FORM} more axes"),
        ({"x": [[1, 2, 3]]}, f"{FORM} shape [1, 3]"),
        ({"x": [[1, 2], [True, 3]]}, f"{FORM} true or false at [1, 0]"),
        ({"x": [[1, "NaN"]]}, f"{FORM} a string at [0, 1]"),
        ({"x": [[1, None]]}, f"{FORM} null at [0, 1]"),
        ({"x": [[1, 1e39]]}, f"{FORM} a number too large for float32 at [0, 1]"),
        ({"x": [[1, 10**400]]}, f"{FORM} a number too large for float32 at [0, 1]"),
        ({"x": np.zeros((1, 3))}, f"{FORM} shape [1, 3]"),
        ({"x": np.array([["a", "b"]])}, f"{FORM} a string at [0, 0]"),
        ({"x": np.array([[True, False]])}, f"{FORM} true or false at [0, 0]"),
    ],
)
def test_what_does_not_fit_is_told(values: Any, expected: str) -> None:
    """The input is named, what it should be, and what it is, with the element's place."""
    assert complaint(values, X) == expected


@pytest.mark.parametrize(
    ("dtype", "value", "got"),
    [
        ("int64", 1.5, "a fraction"),
        ("int64", 2**63, "a number beyond int64"),
        ("int8", -129, "a number beyond int8"),
        ("uint8", -1, "a number beyond uint8"),
        ("uint64", 1e20, "a number beyond uint64"),
        ("int32", math.nan, "NaN"),
        ("int32", math.inf, "Infinity"),
        ("int32", True, "true or false"),
        ("bool", 1, "a number"),
        ("string", 1, "a number"),
        ("string", "\ud800", "a text with half a surrogate pair"),
        ("float16", 65520, "a number too large for float16"),
    ],
)
def test_an_element_that_a_dtype_cannot_hold_is_refused(dtype: str, value: Any, got: str) -> None:
    """Nothing is rounded to an integer, cut, or taken for another type."""
    expected = f"inputs.x: expected {dtype} of shape [-1], got {got} at [1]"
    fine = "a" if dtype == "string" else False if dtype == "bool" else 1
    assert complaint({"x": [fine, value]}, Tensor("x", dtype, (-1,))) == expected


def test_all_inputs_are_looked_at() -> None:
    """Every wrong input is told; where each is right by itself, their batches are compared."""
    assert complaint({"x": 1, "y": 2}, X, IDS) == (
        f"{IDS_FORM} nothing; inputs: expected only x, ids, got 1 other key; {FORM} a number"
    )
    assert complaint({"x": [[1, 2]], "ids": [[1], [2]]}, X, IDS) == (
        "inputs: expected as many instances of each input, got 1, 2"
    )
    many = [Tensor(f"t{n}", "int8", (-1,)) for n in range(20)]
    assert complaint(dict.fromkeys([one.name for one in many], 1), *many).count("expected") == 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy"), inner, max_size=2),
    max_leaves=8,
)


@given(value=JSON, dtype=st.sampled_from(DTYPES), shape=st.lists(st.sampled_from([-1, 2])))
def test_any_json_is_an_array_or_an_input_error(value: Any, dtype: str, shape: list[int]) -> None:
    """Whatever JSON an input is, it becomes an array as stated, or the error says why not."""
    one = Tensor("x", dtype, tuple(shape[:3]))
    with contextlib.suppress(InputError):
        array = to_feeds({"x": value}, [one])["x"]
        assert array.dtype == (object if dtype == "string" else dtype)
        assert all(a in (-1, b) for a, b in zip(one.shape, array.shape, strict=True))


def test_instances_are_counted() -> None:
    """N is the first axis of the inputs that have a batch; a model without one takes one."""
    state = Tensor("state", "float32", (2, 1, 4))
    assert count_of({"x": [[1, 2]] * 3, "state": [1, 2]}, [state, X]) == 3
    assert count_of({"state": [1, 2]}, [state]) == 1
    assert count_of({"x": np.zeros((4, 2))}, [X]) == 4
    assert count_of({"x": [[1, 2], 0]}, [X]) == 2  # lists that are no array are counted, too
    assert count_of({"x": "abc"}, [X]) == count_of({}, [X]) == count_of([], [X]) == 1  # type: ignore[arg-type]


def test_the_example_is_accepted() -> None:
    """The example fits the inputs and the schema says how."""
    inputs = [Tensor(name, name, (-1, -1, 2)) for name in DTYPES]
    feeds = to_feeds(example_of(inputs), inputs)
    assert {array.shape for array in feeds.values()} == {(1, 1, 2)}
    assert example_of([Tensor("picture", "uint8", (-1, 224, 224, 3))]) is None
    assert schema_of([Tensor("x", "uint8", (-1, 2))]) == {
        "type": "object",
        "properties": {
            "x": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": 255},
                    "minItems": 2,
                    "maxItems": 2,
                },
            }
        },
        "required": ["x"],
        "additionalProperties": False,
    }
