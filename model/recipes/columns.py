"""The recipe `columns`: rows of numbers to one matrix.

[[rows.columns]]
name = "sepal_length_cm"
unit, minimum, maximum       if known
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import MAX_PROBLEMS, InputError, Problem, counted, kind_of
from model.recipes.base import Column, Description, Feeds, Takes, only_input
from model.tensors import Tensor

if TYPE_CHECKING:
    from model.bundle.table import Table

FLOAT32_MAX: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Columns:
    """The recipe for a model whose only input is a matrix with one row per instance."""

    tensor: str
    columns: tuple[Column, ...]
    takes: Takes = "row"

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """Bring rows into column order: float32[N, F]."""
        return {self.tensor: to_matrix(instances, self._names())}

    def describe(self) -> Description:
        """Describe a row: a list in column order, or an object by column name."""
        names, number = self._names(), {"type": "number"}
        width = {"minItems": len(names), "maxItems": len(names)}
        by_name = {"properties": dict.fromkeys(names, number), "required": names}
        return Description(
            takes=self.takes,
            subject="table",
            schema={
                "anyOf": [
                    {"type": "array", "items": number, **width},
                    {"type": "object", **by_name, "additionalProperties": False},
                ]
            },
            example={column.name: _middle_of(column) for column in self.columns},
            tensors=(Tensor(self.tensor, "float32", (-1, len(names))),),
            columns=self.columns,
            features=tuple(names),
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Return each column."""
        return dict(zip(self._names(), feeds[self.tensor].T, strict=True))

    def _names(self) -> list[str]:
        return [column.name for column in self.columns]


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Columns:
    """Read the columns, and open the recipe for a model's input."""
    columns = tuple(map(_column_of, settings.tables("columns")))
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        settings.note("columns", "names that differ", names)
    tensor = only_input(settings, inputs, -1, len(columns)) if columns else ""
    return Columns(tensor, columns)


def _column_of(table: Table) -> Column:
    column = Column(
        table.text("name"),
        unit=table.text("unit", default=""),
        minimum=table.number("minimum", default=None),
        maximum=table.number("maximum", default=None),
    )
    table.choice("dtype", ("float32",), default="float32")
    table.choice("missing", ("refuse",), default="refuse")
    table.close()
    low, high = column.minimum, column.maximum
    if low is not None and high is not None and low > high:
        table.note("minimum", f"at most maximum ({high})", low)
    return column


def _middle_of(column: Column) -> float:
    """Return a plausible value for the column."""
    low = column.minimum if column.minimum is not None else column.maximum or 0.0
    high = column.maximum if column.maximum is not None else low
    return round((low + high) / 2, 1)


def to_matrix(rows: Sequence[Any], names: Sequence[str]) -> NDArray[np.float32]:
    """Turn rows into the engine's input.

    Args:
        rows: N rows, each a list in column order or an object by column name.
        names: the F columns, in the manifest's order.

    Returns:
        float32[N, F], C order; column j is names[j], in the unit that the manifest states.

    Raises:
        InputError: a row of another length; a value that is missing, not a number, not finite or
            beyond float32. Names the row and the column, for at most ten problems.
    """
    problems: list[Problem] = []
    values = [_values_of(row, f"rows[{n}]", names, problems) for n, row in enumerate(rows)]
    if problems:
        raise InputError(problems)
    # The types first: NumPy would accept True as 1 and "1" as 1.
    if set(map(type, chain.from_iterable(values))) <= {int, float}:
        try:
            matrix = np.array(values, dtype=np.float64)
        except OverflowError:  # a whole number beyond float64; reported below
            matrix = np.full((1, 1), np.inf)
        if (np.abs(matrix) <= FLOAT32_MAX).all():
            return matrix.astype(np.float32).reshape(len(rows), len(names))
    raise InputError(_problems_in(values, names))


def _values_of(
    row: Any, where: str, names: Sequence[str], problems: list[Problem]
) -> Sequence[Any]:
    """Bring one row into column order; add what is wrong with its shape to `problems`."""
    if len(problems) >= MAX_PROBLEMS:
        return ()
    if isinstance(row, list | tuple):
        if len(row) != len(names):
            got = counted(len(row), "number") if row else "an empty row"
            problems.append(Problem(where, f"{len(names)} numbers ({', '.join(names)})", got))
        return row
    if not isinstance(row, Mapping):
        expected = "a list of numbers or an object by column name"
        problems.append(Problem(where, expected, kind_of(row)))
        return ()
    missing = [name for name in names if name not in row]
    problems += [Problem(f"{where}.{name}", "a number", "nothing") for name in missing]
    unknown = len(row) - (len(names) - len(missing))
    if unknown:
        # The caller chose the unknown names: they are counted, not echoed.
        expected = f"only the columns {', '.join(names)}"
        problems.append(Problem(where, expected, counted(unknown, "other column")))
    return [row.get(name) for name in names]


def _problems_in(values: Sequence[Sequence[Any]], names: Sequence[str]) -> list[Problem]:
    found = (
        Problem(f"rows[{n}].{name}", "a finite number", got)
        for n, row in enumerate(values)
        for name, value in zip(names, row, strict=True)
        if (got := _fault_of(value))
    )
    return list(islice(found, MAX_PROBLEMS))


def _fault_of(value: Any) -> str | None:
    """Return what is wrong with a value; None if it is a number that float32 can hold."""
    if type(value) not in (int, float):
        return kind_of(value)
    if value != value:
        return "NaN"
    if abs(value) > FLOAT32_MAX:
        return "Infinity" if abs(value) == float("inf") else "a number too large for float32"
    return None
