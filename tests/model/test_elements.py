"""Outputs as JSON: short, exact and valid."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.elements import to_json


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0.1, -2.5], [1e-9, 3e20]], np.float32), [[0.1, -2.5], [1e-9, 3e20]]),
        (np.array([0.1, 65504, 0], np.float16), [0.099976, 65504, 0]),
        (np.array([0.1 + 0.2, 1e-320]), [0.1 + 0.2, 1e-320]),
        (np.array([math.nan, math.inf, -math.inf, 1], np.float32), [None, None, None, 1]),
        (np.array([[2**63 - 1]]), [[2**63 - 1]]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "Zürich"], object), ["a", "Zürich"]),
        (np.float32(0.7), 0.7),
        (np.zeros((0, 2), np.float32), []),
    ],
)
def test_arrays_become_json(array: Any, expected: Any) -> None:
    """Nested lists in the shape of the array; floats as short as their dtype allows."""
    assert to_json(np.asarray(array)) == expected
    json.dumps(to_json(np.asarray(array)), allow_nan=False)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_float32_survives_json(values: list[float]) -> None:
    """What is read from the JSON as float32 is the same number, to the last bit."""
    array = np.array(values, np.float32)
    assert np.array_equal(np.array(json.loads(json.dumps(to_json(array))), np.float32), array)
