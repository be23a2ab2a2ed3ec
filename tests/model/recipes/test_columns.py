"""Rows to a matrix: every way of getting a row wrong is told where, and nothing else is raised."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.bundle.table import Table
from model.errors import InputError, kind_of
from model.recipes.columns import load
from model.recipes.columns.recipe import Columns
from model.tensors import Tensor

NAMES = ("a", "b", "c")
FLOAT32_MAX = float(np.finfo(np.float32).max)


def recipe_of(columns: list[dict[str, Any]], *inputs: Tensor) -> Columns:
    """Open the recipe with these columns; they are all right."""
    table = Table(Path(), {"columns": columns}, [])
    recipe = load(table, inputs)
    assert [str(problem) for problem in table.problems] == []
    return recipe


ABC = recipe_of([{"name": name} for name in NAMES], Tensor("rows", "float32", (-1, 3)))


def to_matrix(rows: list[Any]) -> NDArray[np.float32]:
    """Return the three columns' matrix."""
    return ABC.tensors(rows, max_pixels=0)["rows"]


def complaint(rows: list[Any]) -> str:
    """Return what the rows are refused with."""
    with pytest.raises(InputError) as caught:
        to_matrix(rows)
    return str(caught.value)


def test_rows_become_float32() -> None:
    """Lists, tuples and objects become rows of one matrix, whole numbers and fractions alike."""
    matrix = to_matrix([[1, 2.5, -3], (4, 5, 6), {"a": 7, "b": 8, "c": 9}])
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert matrix.tolist() == [[1, 2.5, -3], [4, 5, 6], [7, 8, 9]]


def test_an_object_is_read_by_name() -> None:
    """The order of an object's keys does not matter; nor do case, blanks and punctuation."""
    rows = [{"c": 3, "a": 1, "b": 2}, {"_A": 1, "C": 3, "(b)": 2}]
    assert to_matrix(rows).tolist() == [[1, 2, 3]] * 2


def test_no_rows_make_an_empty_matrix() -> None:
    """Nought rows are still as wide as the columns are many."""
    assert to_matrix([]).shape == (0, 3)


def test_thousands_of_rows_keep_their_order() -> None:
    """Row n of the matrix is row n of the request."""
    rows: list[Any] = [
        [n, n + 0.5, -n] if n % 2 else {"c": -n, "b": n + 0.5, "a": n} for n in range(5_000)
    ]
    n = np.arange(5_000, dtype=np.float32)
    assert np.array_equal(to_matrix(rows), np.stack([n, n + 0.5, -n], axis=1))


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
            "; ".join(f"rows[1].{name}: expected a finite number, got nothing" for name in NAMES),
        ),
        ({"a": 1, "c": 3}, "rows[1].b: expected a finite number, got nothing"),
        (
            {"a": 1, "b": 2, "c": 3, "<script>": 4},
            "rows[1]: expected only the columns a, b, c, got 1 other column",
        ),
        (
            {"a": 1, "bb": 2, "c": 3, "d": 4},
            "rows[1].b: expected a finite number, got nothing; "
            "rows[1]: expected only the columns a, b, c, got 2 other columns",
        ),
        (
            {"a": 1, "b": 2, "B ": 3, "c": 3},
            "rows[1].b: expected one value, got two, in two spellings",
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
    assert to_matrix([[value, 0, 0]])[0, 0] == np.float32(value)


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
        matrix = to_matrix(rows)
        assert matrix.dtype == np.float32
        assert matrix.shape == (len(rows), 3)
        assert matrix.tolist() == [[np.float32(value).item() for value in row] for row in ordered]
    else:
        assert 1 <= complaint(rows).count("expected") <= 10


TITANIC = recipe_of(
    [
        {"name": "Sex", "choices": ["male", "female"]},
        {"name": "age", "missing": "nan", "minimum": 0.25, "maximum": 0.35},
        {"name": "Siblings / Spouses", "maximum": 3},
        {"name": "alone"},
        {"name": "port", "missing": "nan"},
        {"name": "fare", "dtype": "float64", "input": "money"},
        {"name": "tax", "input": "money"},
    ],
    Tensor("sex", "string", (-1, 1)),
    Tensor("AGE", "float32", (-1,)),
    Tensor("siblings_spouses", "int64", (-1, 1)),
    Tensor("alone", "bool", (-1, 1)),
    Tensor("port", "string", (-1, -1)),
    Tensor("money", "float64", (-1, 2)),
)
MALE = ["male", 22, 1, True, "S", 7.25, 0]


def test_an_input_may_be_a_column() -> None:
    """Each input has its dtype and shape; what may be missing is NaN, and "" in texts."""
    rows = [MALE, ["", None, 2.0, False, None, 1, 2], {"sex": "x", "SiblingsSpouses": 0,
            "alone": True, "fare": 0.1, "tax": 1}]  # fmt: skip
    feeds = TITANIC.tensors(rows, max_pixels=0)
    assert {name: (array.dtype.name, array.shape) for name, array in feeds.items()} == {
        "sex": ("object", (3, 1)),
        "AGE": ("float32", (3,)),
        "siblings_spouses": ("int64", (3, 1)),
        "alone": ("bool", (3, 1)),
        "port": ("object", (3, 1)),
        "money": ("float64", (3, 2)),
    }
    assert feeds["sex"].tolist() == [["male"], [""], ["x"]]
    assert np.array_equal(feeds["AGE"], np.array([22, np.nan, np.nan]), equal_nan=True)
    assert feeds["siblings_spouses"].tolist() == [[1], [2], [0]]
    assert feeds["alone"].tolist() == [[True], [False], [True]]
    assert feeds["port"].tolist() == [["S"], [""], [""]]
    assert feeds["money"].tolist() == [[7.25, 0], [1, 2], [0.1, 1]]
    assert {len(array) for array in TITANIC.tensors([], max_pixels=0).values()} == {0}


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (0, 1, "Sex: expected a text, got a number"),
        (0, None, "Sex: expected a text, got null"),
        (0, "\ud800", "Sex: expected a text, got a text with half a surrogate pair"),
        (1, "22", "age: expected a finite number or null, got a string"),
        (1, math.inf, "age: expected a finite number or null, got Infinity"),
        (2, 1.5, "Siblings / Spouses: expected a whole number, got a fraction"),
        (2, 2**63, "Siblings / Spouses: expected a whole number, got a number beyond int64"),
        (2, True, "Siblings / Spouses: expected a whole number, got true or false"),
        (3, 1, "alone: expected true or false, got a number"),
        (4, 5, "port: expected a text or null, got a number"),
        (5, None, "fare: expected a finite number, got null"),
    ],
)
def test_a_value_of_another_type_is_refused(place: int, value: Any, expected: str) -> None:
    """A number is no text, a fraction no integer; the row and the column are named."""
    row = [*MALE[:place], value, *MALE[place + 1 :]]
    with pytest.raises(InputError) as caught:
        TITANIC.tensors([MALE, row], max_pixels=0)
    assert str(caught.value) == f"rows[1].{expected}"


def test_a_matrix_may_have_gaps_where_the_manifest_says_so() -> None:
    """NaN and null are allowed in one column and refused in the next."""
    columns = [{"name": "a", "missing": "nan"}, {"name": "b"}]
    recipe = recipe_of(columns, Tensor("rows", "float32", (-1, -1)))
    matrix = recipe.tensors([[None, 1], [math.nan, 2], {"b": 3}], max_pixels=0)["rows"]
    assert np.isnan(matrix[:, 0]).all()
    assert matrix[:, 1].tolist() == [1, 2, 3]
    for gap, got in ((None, "null"), (math.nan, "NaN")):
        with pytest.raises(InputError) as caught:
            recipe.tensors([[1, gap]], max_pixels=0)
        assert str(caught.value) == f"rows[0].b: expected a finite number, got {got}"


def test_a_row_of_values_is_asked_for() -> None:
    """Where texts are among the columns, a row is not of numbers."""
    with pytest.raises(InputError) as caught:
        TITANIC.tensors([["male"]], max_pixels=0)
    assert "expected 7 values (Sex, age, " in str(caught.value)


def test_the_description_is_of_the_columns() -> None:
    """Types, missing values and examples; drift watches the numbers."""
    said = TITANIC.describe()
    assert said.example == {
        "Sex": "male", "age": 0.3, "Siblings / Spouses": 3, "alone": False, "port": "text",
        "fare": 0.0, "tax": 0.0,
    }  # fmt: skip
    feeds = TITANIC.tensors([said.example], max_pixels=0)
    assert [(one.name, one.shape) for one in said.tensors] == [
        (name, (-1, *array.shape[1:])) for name, array in feeds.items()
    ]
    by_list, by_name = said.schema["anyOf"]
    types = ["string", ["number", "null"], "integer", "boolean", ["string", "null"], "number"]
    assert [one["type"] for one in by_list["prefixItems"]] == [*types, "number"]
    assert by_name["required"] == ["Sex", "Siblings / Spouses", "alone", "fare", "tax"]
    features = TITANIC.features(feeds)
    assert tuple(features) == said.features == ("age", "Siblings / Spouses", "fare", "tax")
    assert {values.shape for values in features.values()} == {(1,)}


@pytest.mark.parametrize(
    ("columns", "inputs", "expected"),
    [
        (
            [{"name": "a b"}, {"name": "A_B"}],
            [Tensor("x", "float32", (-1, 2))],
            "columns: expected names that differ in more than case, blanks and punctuation, "
            "got a b, A_B",
        ),
        (
            [{"name": "a", "dtype": "int64"}, {"name": "b"}],
            [Tensor("x", "float32", (-1, 2))],
            "columns[0].dtype: expected float32, as the input has it, got int64",
        ),
        (
            [{"name": "a"}],
            [Tensor("x", "float32", (-1, 2))],
            "inputs: expected x of shape [-1, 1] or [-1], by its columns, "
            "got float32 of shape [-1, 2]",
        ),
        (
            [{"name": "a"}, {"name": "b"}],
            [Tensor("A", "float32", (-1, 1)), Tensor("c", "string", (-1, 1))],
            "columns[1].input: expected one of A, c, got 'b'; "
            "inputs: expected columns for c, got string of shape [-1, 1]",
        ),
        (
            [{"name": "a", "missing": "nan"}],
            [Tensor("a", "int64", (-1, 1))],
            "columns[0].missing: expected 'refuse', since int64 has no NaN, got 'nan'",
        ),
    ],
)
def test_columns_that_do_not_fit_are_noted(
    columns: list[dict[str, Any]], inputs: list[Tensor], expected: str
) -> None:
    """Names that are alike, another dtype, and inputs without their columns stop the load."""
    table = Table(Path(), {"columns": columns}, [])
    load(table, tuple(inputs))
    assert "; ".join(map(str, table.problems)) == expected
