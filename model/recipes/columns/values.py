"""The values of some columns, checked, as one array; or what is wrong with each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from types import NoneType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.elements import ElementError, fault_of, to_vector
from model.errors import MAX_PROBLEMS, Problem
from model.recipes.base import Column

_EXPECTED: Final = {"string": "a text", "bool": "true or false"}


def to_matrix(flat: Sequence[Any], columns: Sequence[Column]) -> NDArray[Any] | None:
    """Convert the values of columns of one dtype, row by row.

    Args:
        flat: N times F values.
        columns: F of them. Where values may be missing, None becomes NaN, or "" in texts.

    Returns:
        [N, F] of the columns' dtype, C order; None if any value is wrong.
    """
    shape, dtype = (-1, len(columns)), columns[0].dtype
    missing = [column.missing == "nan" for column in columns]
    if dtype.startswith("float"):
        return _floats(flat, dtype, missing)
    if any(missing):
        flat = [
            "" if value is None and missing[index % len(columns)] else value
            for index, value in enumerate(flat)
        ]
    try:
        return to_vector(flat, dtype).reshape(shape)
    except ElementError:
        return None


def _floats(
    flat: Sequence[Any], dtype: str, missing: Sequence[bool]
) -> NDArray[np.floating[Any]] | None:
    # The types first: NumPy would accept True as 1 and "1" as 1.
    types: set[type] = {int, float, NoneType} if any(missing) else {int, float}
    if not set(map(type, flat)) <= types:
        return None
    try:
        matrix = np.array(flat, dtype=np.float64).reshape(-1, len(missing))
    except OverflowError:  # a whole number beyond float64
        return None
    fits = np.abs(matrix) <= np.finfo(dtype).max  # false for NaN
    if any(missing):
        fits |= np.isnan(matrix) & missing
    return matrix.astype(dtype) if fits.all() else None


def problems_in(rows: Sequence[Sequence[Any]], columns: Sequence[Column]) -> list[Problem]:
    """Return what is wrong with the values of rows in column order, ten problems at most."""
    found = (
        Problem(f"rows[{index}].{column.name}", expected_of(column), got)
        for index, row in enumerate(rows)
        for column, value in zip(columns, row, strict=True)
        if (got := _fault_in(value, column))
    )
    return list(islice(found, MAX_PROBLEMS))


def expected_of(column: Column) -> str:
    """Say what a column's values are."""
    number = "a finite number" if column.dtype.startswith("float") else "a whole number"
    null = " or null" if column.missing == "nan" else ""
    return _EXPECTED.get(column.dtype, number) + null


def _fault_in(value: Any, column: Column) -> str | None:
    """Return what is wrong with a value; None if the column can hold it."""
    is_float = column.dtype.startswith("float")
    if column.missing == "nan" and (value is None or (is_float and value != value)):
        return None
    fault = fault_of(value, column.dtype)
    if fault or not is_float:
        return fault
    return "NaN" if value != value else "Infinity" if abs(value) == float("inf") else None
