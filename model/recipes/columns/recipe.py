"""The recipe itself.

[[rows.columns]]
name = "sepal length (cm)"   matched without case, blanks and punctuation
dtype = "float32"            absent: that of its input
missing = "refuse"           or "nan": null, an absent key or an empty cell becomes NaN; "" in texts
input = "features"           absent: the only input, or the one with the column's name
unit, minimum, maximum       if known; of numbers
choices = ["S", "C", "Q"]    the known values of texts; they refuse no other

An input takes the columns that name it, in their order: [N, F], or [N] of one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from model.errors import InputError, Problem
from model.recipes.base import Column, Description, Feeds, Missing, Takes, name_key
from model.recipes.columns.rows import in_order
from model.recipes.columns.values import problems_in, to_matrix
from model.tensors import DTYPES, Tensor, scalar_schema

if TYPE_CHECKING:
    from model.bundle.table import Table


@dataclass(frozen=True, slots=True)
class Columns:
    """The recipe for a model of tables.

    Attributes:
        columns: in the order of a row that is a list.
        groups: each input with the places of its columns.
    """

    columns: tuple[Column, ...]
    groups: tuple[tuple[Tensor, tuple[int, ...]], ...]
    takes: Takes = "row"

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """Bring rows into column order and make each input's array.

        Raises:
            InputError: a row of another length or with other names; a value that is missing, of
                another type, not finite or out of range. Names the row and the column.
        """
        rows = in_order(instances, self.columns)
        feeds: Feeds = {}
        by_column: list[tuple[Any, ...]] = []
        for tensor, places in self.groups:
            if len(places) == len(self.columns):
                flat: Sequence[Any] = list(chain.from_iterable(rows))
            else:
                by_column = by_column or list(zip(*rows, strict=True)) or [()] * len(self.columns)
                some = [by_column[place] for place in places]
                flat = (
                    some[0]
                    if len(some) == 1
                    else list(chain.from_iterable(zip(*some, strict=True)))
                )
            matrix = to_matrix(flat, [self.columns[place] for place in places])
            if matrix is None:
                raise InputError(problems_in(rows, self.columns))
            feeds[tensor.name] = matrix[:, 0] if len(tensor.shape) == 1 else matrix
        return feeds

    def describe(self) -> Description:
        """Describe a row: a list in column order, or an object by column name."""
        schemas = [_schema_of(column) for column in self.columns]
        items: dict[str, Any] = (
            {"items": schemas[0]}
            if all(one == schemas[0] for one in schemas)
            else {"prefixItems": schemas}
        )
        width = {"minItems": len(schemas), "maxItems": len(schemas)}
        names = [column.name for column in self.columns]
        by_name = {
            "properties": dict(zip(names, schemas, strict=True)),
            "required": [one.name for one in self.columns if one.missing == "refuse"],
        }
        return Description(
            takes=self.takes,
            subject="table",
            schema={
                "anyOf": [
                    {"type": "array", **items, **width},
                    {"type": "object", **by_name, "additionalProperties": False},
                ]
            },
            example={column.name: _example_of(column) for column in self.columns},
            tensors=tuple(
                Tensor(one.name, one.dtype, (-1, len(places))[: len(one.shape)])
                for one, places in self.groups
            ),
            columns=self.columns,
            features=tuple(one.name for one in self.columns if _is_number(one)),
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Return the columns of numbers."""
        found = {
            self.columns[place].name: feeds[tensor.name].reshape(-1, len(places))[:, at]
            for tensor, places in self.groups
            for at, place in enumerate(places)
        }
        return {
            one.name: found[one.name].astype(np.float64, copy=False)
            for one in self.columns
            if _is_number(one)
        }


def _is_number(column: Column) -> bool:
    return column.dtype not in ("string", "bool")


def _schema_of(column: Column) -> dict[str, Any]:
    schema = scalar_schema(column.dtype)
    return schema | {"type": [schema["type"], "null"]} if column.missing == "nan" else schema


def _example_of(column: Column) -> Any:
    """Return a plausible value for the column."""
    if column.dtype == "bool":
        return False
    if column.dtype == "string":
        return column.choices[0] if column.choices else "text"
    low = column.minimum if column.minimum is not None else column.maximum or 0.0
    high = column.maximum if column.maximum is not None else low
    middle = (low + high) / 2
    if not column.dtype.startswith("float"):
        return int(middle)
    return rounded if low <= (rounded := round(middle, 1)) <= high else middle


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Columns:
    """Read the columns, and divide them among a model's inputs."""
    places: dict[str, list[int]] = {one.name: [] for one in inputs}
    columns = []
    for place, table in enumerate(settings.tables("columns")):
        tensor = _input_of(table, inputs)
        columns.append(_column_of(table, tensor))
        if tensor:
            places[tensor.name].append(place)
    keys = [name_key(column.name) for column in columns]
    if len(set(keys)) != len(keys):
        alike = [one.name for one, key in zip(columns, keys, strict=True) if keys.count(key) > 1]
        expected = "names that differ in more than case, blanks and punctuation"
        settings.note("columns", expected, ", ".join(alike))
    if columns:
        settings.problems += [
            Problem("inputs", _expected_for(one.name, len(places[one.name])), str(one))
            for one in inputs
            if not _fits(one, len(places[one.name]))
        ]
    groups = tuple((one, tuple(places[one.name])) for one in inputs)
    return Columns(tuple(columns), groups)


def _expected_for(name: str, count: int) -> str:
    shapes = f"[-1, {count}] or [-1]" if count == 1 else f"[-1, {count}]"
    return f"{name} of shape {shapes}, by its columns" if count else f"columns for {name}"


def _fits(tensor: Tensor, count: int) -> bool:
    """Whether an input takes so many columns."""
    if count == 1 and tensor.shape == (-1,):
        return True
    return count > 0 and len(tensor.shape) == 2 and tensor.shape[1] in (-1, count)


def _input_of(table: Table, inputs: Sequence[Tensor]) -> Tensor | None:
    """Return the input that takes a column; note it if there is none."""
    named = table.text("input", default="")
    name = table.values.get("name")
    if named:
        found = [one for one in inputs if one.name == named]
    elif len(inputs) == 1:
        found = list(inputs)
    else:
        key = name_key(name) if isinstance(name, str) else ""
        found = [one for one in inputs if name_key(one.name) == key]
    if inputs and len(found) != 1:
        table.note("input", f"one of {', '.join(one.name for one in inputs)}", repr(named or name))
    return found[0] if len(found) == 1 else None


def _column_of(table: Table, tensor: Tensor | None) -> Column:
    dtype = tensor.dtype if tensor else "float32"
    column = Column(
        table.text("name"),
        table.choice("dtype", DTYPES, default=dtype),
        cast("Missing", table.choice("missing", ("refuse", "nan"), default="refuse")),
        unit=table.text("unit", default=""),
        minimum=table.number("minimum", default=None),
        maximum=table.number("maximum", default=None),
        choices=table.texts("choices", absent=True),
    )
    table.close()
    if column.dtype in DTYPES and column.dtype != dtype:
        table.note("dtype", f"{dtype}, as the input has it", column.dtype)
    if column.missing == "nan" and column.dtype not in ("float16", "float32", "float64", "string"):
        table.note("missing", f"'refuse', since {column.dtype} has no NaN", "'nan'")
    low, high = column.minimum, column.maximum
    if low is not None and high is not None and low > high:
        table.note("minimum", f"at most maximum ({high})", low)
    return column
