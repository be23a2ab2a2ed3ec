"""Comma-separated values to rows, a line at a time.

A cell cannot hold a line break, or one broken quote could swallow a whole file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from function.errors import InvalidError, MalformedError
from function.objects.lines import Item, Line, item_of
from model.errors import Problem
from model.recipes.base import Column, name_key

_NUMBER: Final = r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*"
NUMBER: Final = re.compile(_NUMBER, re.ASCII)
"""What a cell's number looks like: `float` alone would also take 1_0, NaN and other alphabets."""

NUMBERS: Final = re.compile(f"{_NUMBER}(?:,{_NUMBER})*", re.ASCII)
"""A line of nothing else: matched at once, which halves the time that a row takes."""

_INTEGER: Final = re.compile(r"\s*[+-]?\d{1,20}\s*", re.ASCII)
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}

Read = Callable[[str], Any]


def rows_of_csv(lines: Iterable[Line], columns: Sequence[Column]) -> Iterator[Item]:
    """Read comma-separated values, one row a line.

    Args:
        lines: of the object.
        columns: the table's. The first line is a header if it names one of them, or if a table of
            numbers has none in it; it has to name them all, in any order, and nothing else.

    Returns:
        Rows in column order. An empty cell is None; what is no value of its column is left as a
        text, and a row of another length as it is, for the model to refuse.

    Raises:
        InvalidError: another header.
    """
    readers = [_reader_of(column) for column in columns]
    of_numbers = all(column.dtype.startswith("float") for column in columns)
    order = list(range(len(columns)))

    def read(line: str) -> list[Any]:
        if of_numbers and NUMBERS.fullmatch(line):
            row: list[Any] = list(map(float, line.split(",")))
            return [row[index] for index in order] if len(row) == len(order) else row
        cells = _cells_of(line)
        if len(cells) != len(order):
            return cells
        return [reader(cells[index]) for reader, index in zip(readers, order, strict=True)]

    for index, (number, line) in enumerate(lines):
        if index == 0 and isinstance(line, str):
            cells = _cells_of(line)
            if _is_header(cells, columns):
                order = _order_of(cells, columns)
                continue
        yield item_of(number, line, read)


def _cells_of(line: str) -> list[str]:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as exc:
        raise MalformedError([Problem("line", "comma-separated values", "broken quotes")]) from exc


def _is_header(cells: Sequence[str], columns: Sequence[Column]) -> bool:
    names = {name_key(column.name) for column in columns}
    if any(name_key(cell) in names for cell in cells):
        return True
    has_numbers = any(column.dtype not in ("string", "bool") for column in columns)
    return has_numbers and not any(map(NUMBER.fullmatch, cells))


def _order_of(cells: Sequence[str], columns: Sequence[Column]) -> list[int]:
    """Return where each column stands in a header."""
    header = list(map(name_key, cells))
    names = [name_key(column.name) for column in columns]
    if sorted(header) != sorted(names):
        listed = ", ".join(column.name for column in columns)
        expected = f"values, or the columns {listed} in any order"
        raise InvalidError([Problem("first line", expected, "other names")])
    return [header.index(name) for name in names]


def _reader_of(column: Column) -> Read:
    """Return what reads a column's cells."""
    if column.dtype == "string":
        return lambda cell: cell or None
    if column.dtype == "bool":
        return lambda cell: _BOOLEANS.get(cell.strip().lower(), cell if cell.strip() else None)
    integers = column.dtype.startswith("int")
    may_be_nan = column.missing == "nan"

    def number(cell: str) -> Any:
        if integers and _INTEGER.fullmatch(cell):
            return int(cell)
        if NUMBER.fullmatch(cell):
            return float(cell)
        is_missing = not cell.strip() or (may_be_nan and cell.strip().lower() == "nan")
        return None if is_missing else cell

    return number
