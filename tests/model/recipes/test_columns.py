"""Rows to a matrix: every way of getting a row wrong is told where, and nothing else is raised."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError, kind_of
from model.recipes.columns import FLOAT32_MAX, to_matrix

NAMES = ("a", "b", "c")


def complaint(rows: list[Any]) -> str:
    """Return what the rows are refused with."""
    with pytest.raises(InputError) as caught:
        to_matrix(rows, NAMES)
    return str(caught.value)


def test_rows_become_float32() -> None:
    """Lists, tuples and objects become rows of one matrix, whole numbers and fractions alike."""
    matrix = to_matrix([[1, 2.5, -3], (4, 5, 6), {"a": 7, "b": 8, "c": 9}], NAMES)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert matrix.tolist() == [[1, 2.5, -3], [4, 5, 6], [7, 8, 9]]


def test_an_object_is_read_by_name() -> None:
    """The order of an object's keys does not matter."""
    assert to_matrix([{"c": 3, "a": 1, "b": 2}], NAMES).tolist() == [[1, 2, 3]]


def test_no_rows_make_an_empty_matrix() -> None:
    """Nought rows are still as wide as the columns are many."""
    assert to_matrix([], NAMES).shape == (0, 3)


def test_thousands_of_rows_keep_their_order() -> None:
    """Row n of the matrix is row n of the request."""
    rows: list[Any] = [
        [n, n + 0.5, -n] if n % 2 else {"c": -n, "b": n + 0.5, "a": n} for n in range(5_000)
    ]
    n = np.arange(5_000, dtype=np.float32)
    assert np.array_equal(to_matrix(rows, NAMES), np.stack([n, n + 0.5, -n], axis=1))


COLUMNS = "3 numbers (a, b, c)"
FORMS = "a list of numbers or an object by column name"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([], f"rows[1]: expected {COLUMNS}, got an empty row"),
        ([1], f"rows[1]: expected {COLUMNS}, got 1 number"),
        ([1, 2], f"rows[1]: expected {COLUMNS}, got 2 numbers"),
        ([1, 2, 3, 4], f"rows[1]: expected {COLUMNS}, got 4 numbers"),
        (None, f"rows[1]: expected {FORMS}, got null"),
        (True, f"rows[1]: expected {FORMS}, got true or false"),
        (5, f"rows[1]: expected {FORMS}, got a number"),
        ("123", f"rows[1]: expected {FORMS}, got a string"),
        (b"123", f"rows[1]: expected {FORMS}, got something else"),
        (
            {},
            "; ".join(f"rows[1].{name}: expected a number, got nothing" for name in NAMES),
        ),
        ({"a": 1, "c": 3}, "rows[1].b: expected a number, got nothing"),
        (
            {"a": 1, "b": 2, "c": 3, "<script>": 4},
            "rows[1]: expected only the columns a, b, c, got 1 other column",
        ),
        (
            {"a": 1, "B": 2, "c": 3, "d": 4},
            "rows[1].b: expected a number, got nothing; "
            "rows[1]: expected only the columns a, b, c, got 2 other columns",
        ),
    ],
)
def test_a_row_of_another_form_is_refused(row: Any, expected: str) -> None:
    """The row is named, what it should be and what it is; its own text is not repeated."""
    assert complaint([[1, 2, 3], row]) == expected


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (None, "null"),
        (True, "true or false"),
        (False, "true or false"),
        ("1", "a string"),
        ("", "a string"),
        ([1], "a list"),
        ((1,), "a list"),
        ({"a": 1}, "an object"),
        (1j, "something else"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "Infinity"),
        (1e39, "a number too large for float32"),
        (-1e39, "a number too large for float32"),
        (np.nextafter(FLOAT32_MAX, math.inf).item(), "a number too large for float32"),
        (10**400, "a number too large for float32"),
        (-(10**400), "a number too large for float32"),
    ],
)
@pytest.mark.parametrize("form", [list, lambda row: dict(zip(NAMES, row, strict=True))])
def test_a_value_that_is_no_number_is_refused(value: Any, got: str, form: Any) -> None:
    """The row and the column are named; that NumPy takes True and "1" for 1 does not matter."""
    expected = f"rows[1].b: expected a finite number, got {got}"
    assert complaint([[1, 2, 3], form([1, value, 3])]) == expected


@pytest.mark.parametrize("value", [0, -0.0, 1e-46, 5e-324, 2**53 + 1, FLOAT32_MAX, -FLOAT32_MAX])
def test_any_number_that_float32_holds_is_taken(value: float) -> None:
    """The smallest and the largest numbers are taken, rounded as float32 does."""
    assert to_matrix([[value, 0, 0]], NAMES)[0, 0] == np.float32(value)


def test_ten_problems_are_listed_at_most() -> None:
    """Thousands of wrong values, or of wrong rows, make ten messages, the first ten."""
    values = complaint([[None, "x", 3]] * 5_000).split("; ")
    assert values == [
        f"rows[{n}].{name}: expected a finite number, got {got}"
        for n in range(5)
        for name, got in (("a", "null"), ("b", "a string"))
    ]
    rows = complaint([[1, 2]] * 5_000).split("; ")
    assert rows == [f"rows[{n}]: expected {COLUMNS}, got 2 numbers" for n in range(10)]


def test_forms_are_complained_of_before_values() -> None:
    """Until every row has the right form its values are not looked at."""
    assert complaint([[None, 2, 3], [1]]) == f"rows[1]: expected {COLUMNS}, got 1 number"


def test_kinds_are_named_without_the_value() -> None:
    """Whatever JSON has is named by its kind."""
    kinds = [kind_of(value) for value in json.loads('[null, true, 1, 1.5, "x", {}, []]')]
    assert kinds == [
        *("null", "true or false", "a number", "a number"),
        *("a string", "an object", "a list"),
    ]


NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, 1e39, FLOAT32_MAX])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcd"), inner, max_size=4),
    max_leaves=6,
)
FULL = st.lists(NUMBERS, min_size=3, max_size=3)
ROWS = st.lists(FULL | FULL.map(lambda row: dict(zip("bca", row, strict=True))) | JSON, max_size=5)


def is_float32(value: Any) -> bool:
    """Tell whether a JSON value is a number that float32 holds, by Python's own arithmetic."""
    return type(value) in (int, float) and value == value and -FLOAT32_MAX <= value <= FLOAT32_MAX


@given(rows=ROWS)
def test_any_json_is_a_matrix_or_an_input_error(rows: list[Any]) -> None:
    """Whatever JSON the rows are, the matrix holds their numbers, or InputError says why not."""
    ordered = [
        [row[name] for name in NAMES] if isinstance(row, dict) and row.keys() == set(NAMES) else row
        for row in rows
    ]
    if all(
        isinstance(row, list) and len(row) == 3 and all(map(is_float32, row)) for row in ordered
    ):
        matrix = to_matrix(rows, NAMES)
        assert matrix.dtype == np.float32
        assert matrix.shape == (len(rows), 3)
        assert matrix.tolist() == [[np.float32(value).item() for value in row] for row in ordered]
    else:
        assert 1 <= complaint(rows).count("expected") <= 10
