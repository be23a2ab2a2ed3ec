"""The elements of tensors: from JSON's values to NumPy's, checked, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import kind_of

_DIGITS: Final = {"float16": range(5, 6), "float32": range(6, 10)}
"""How many significant digits tell two numbers apart: at best, and always."""


class ElementError(ValueError):
    """A value that a dtype cannot hold: its place among the values, and what it is."""

    def __init__(self, index: int, got: str) -> None:
        super().__init__(got)
        self.index = index
        self.got = got


def to_vector(values: Sequence[Any], dtype: str) -> NDArray[Any]:
    """Convert JSON's scalars to one array.

    Args:
        values: N of them. Whole numbers may be spelt as floats; nothing else is converted: true is
            no number, "1" neither, and 1.5 no integer.
        dtype: one of `model.tensors.DTYPES`.

    Returns:
        [N] of this dtype; texts as dtype object.

    Raises:
        ElementError: a value that the dtype cannot hold, the first one.
    """
    # The types first: NumPy would accept True as 1 and "1" as 1.
    types = set(map(type, values))
    if dtype == "string":
        if types <= {str} and _is_utf8(values):
            return np.array(values, dtype=object)
    elif dtype == "bool":
        if types <= {bool}:
            return np.array(values, dtype=bool)
    elif types <= {int, float}:
        array = _numbers(values, dtype, types)
        if array is not None:
            return array
    raise next(
        ElementError(index, fault)
        for index, value in enumerate(values)
        if (fault := fault_of(value, dtype))
    )


def _numbers(values: Sequence[Any], dtype: str, types: set[type]) -> NDArray[Any] | None:
    """Convert numbers; None if one of them does not fit."""
    try:
        if not dtype.startswith("float"):
            if float in types:
                if not all(map(float.is_integer, map(float, values))):
                    return None
                values = list(map(int, values))
            return np.array(values, dtype=dtype)
        array = np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number beyond the dtype
        return None
    if dtype != "float64":
        sizes = np.abs(array)
        if ((sizes > np.finfo(dtype).max) & (sizes != np.inf)).any():
            return None
    return array.astype(dtype)


def _is_utf8(texts: Sequence[str]) -> bool:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def fault_of(value: Any, dtype: str) -> str | None:
    """Return what is wrong with a value, without repeating it; None if the dtype can hold it."""
    if dtype == "string":
        if not isinstance(value, str):
            return kind_of(value)
        return None if _is_utf8([value]) else "a text with half a surrogate pair"
    if dtype == "bool":
        return None if isinstance(value, bool) else kind_of(value)
    if type(value) not in (int, float):
        return kind_of(value)
    if dtype.startswith("float"):
        too_large = value == value and float(np.finfo(dtype).max) < abs(value) != float("inf")
        return f"a number too large for {dtype}" if too_large else None
    if value != value or abs(value) == float("inf"):
        return "NaN" if value != value else "Infinity"
    if value != int(value):
        return "a fraction"
    info = np.iinfo(dtype)
    return None if info.min <= value <= info.max else f"a number beyond {dtype}"


def to_json(array: NDArray[Any]) -> Any:
    """Convert an array to nested lists that JSON can hold.

    Floats are spelt with as few digits as tell them from their neighbours: 0.1 in float32 is 0.1,
    not 0.10000000149011612. NaN and Infinity, which JSON has not, become null.
    """
    if array.dtype.kind != "f":
        return array.tolist()
    exact = array.astype(np.float64)
    finite = np.isfinite(exact)
    if array.dtype.name in _DIGITS:
        exact = _short(array, exact, finite & (exact != 0))
    if finite.all():
        return exact.tolist()
    spelt = exact.astype(object)
    spelt[~finite] = None
    return spelt.tolist()


def _short(
    array: NDArray[Any], exact: NDArray[np.float64], nonzero: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Round to the fewest significant digits from which the same float16 or float32 is read."""
    result = exact.copy()
    sizes = np.where(nonzero, np.abs(exact), 1.0)
    magnitude = np.floor(np.log10(sizes)).astype(int)
    with np.errstate(over="ignore"):
        for digits in reversed(_DIGITS[array.dtype.name]):
            places = digits - 1 - magnitude
            # Powers of ten are exact only upwards, so one multiplies or divides by them.
            up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
            rounded = np.round(np.where(nonzero, exact, 1.0) * up / down) * down / up
            same = nonzero & (rounded.astype(array.dtype) == array)
            result = np.where(same, rounded, result)
    return result
