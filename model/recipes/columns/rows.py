"""Rows, each a list in column order or an object by column name, brought into column order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model.errors import MAX_PROBLEMS, InputError, Problem, counted, kind_of
from model.recipes.base import Column, name_key
from model.recipes.columns.values import expected_of

Row = Sequence[Any]


def in_order(rows: Sequence[Any], columns: Sequence[Column]) -> list[Row]:
    """Bring rows into column order.

    Args:
        rows: N of them. The keys of an object are matched without case, blanks and punctuation.
        columns: F of them, in the manifest's order.

    Returns:
        N rows of F values, unchecked; None for a key that is absent and may be.

    Raises:
        InputError: neither a list nor an object, another length, or other names; names the row.
    """
    names = [column.name for column in columns]
    width, exact = len(names), set(names)
    reader: _Reader | None = None
    ordered: list[Row] = []
    for index, row in enumerate(rows):
        if isinstance(row, list | tuple) and len(row) == width:
            ordered.append(row)
        elif isinstance(row, dict) and row.keys() == exact:
            ordered.append([row[name] for name in names])
        else:
            reader = reader or _Reader(columns)
            if len(reader.problems) < MAX_PROBLEMS:
                ordered.append(reader.read(row, f"rows[{index}]"))
    if reader and reader.problems:
        raise InputError(reader.problems)
    return ordered


class _Reader:
    """Reads the rows that need a closer look, and notes what is wrong with them."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.names = [column.name for column in columns]
        self.problems: list[Problem] = []
        self._columns = columns
        self._places = {name_key(name): place for place, name in enumerate(self.names)}
        self._seen: dict[str, int | None] = {}

    def read(self, row: Any, where: str) -> Row:
        """Bring one row into column order."""
        noun = (
            "value" if any(one.dtype in ("string", "bool") for one in self._columns) else "number"
        )
        if isinstance(row, list | tuple):
            got = counted(len(row), noun) if row else "an empty row"
            expected = f"{counted(len(self.names), noun)} ({', '.join(self.names)})"
            self.problems.append(Problem(where, expected, got))
            return row
        if not isinstance(row, Mapping):
            expected = f"a list of {noun}s or an object by column name"
            self.problems.append(Problem(where, expected, kind_of(row)))
            return ()
        return self._by_name(row, where)

    def _by_name(self, row: Mapping[str, Any], where: str) -> Row:
        keys: list[str | None] = [None] * len(self.names)
        unknown = 0
        for key in row:
            place = self._place_of(key)
            if place is None:
                unknown += 1
            elif keys[place] is not None:
                name = f"{where}.{self.names[place]}"
                self.problems.append(Problem(name, "one value", "two, in two spellings"))
            else:
                keys[place] = key
        self.problems += [
            Problem(f"{where}.{column.name}", expected_of(column), "nothing")
            for key, column in zip(keys, self._columns, strict=True)
            if key is None and column.missing == "refuse"
        ]
        if unknown:
            # The caller chose the unknown names: they are counted, not echoed.
            expected = f"only the columns {', '.join(self.names)}"
            self.problems.append(Problem(where, expected, counted(unknown, "other column")))
        return [None if key is None else row[key] for key in keys]

    def _place_of(self, key: str) -> int | None:
        """Return the column that a key names, in any spelling; each spelling is read once."""
        if key not in self._seen:
            self._seen[key] = self._places.get(name_key(key))
        return self._seen[key]
