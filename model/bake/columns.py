"""The columns of a row: which input takes them, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from model.bake.errors import BakeError
from model.bake.graph import Graph
from model.bake.runtime import stated
from model.recipes.base import Column, name_key
from model.tensors import Tensor

_USUAL = {"dtype": "float32", "missing": "refuse", "unit": "", "choices": []}


def columns_of(
    inputs: Sequence[Tensor],
    known: Sequence[Column],
    graph: Graph,
    measured: Sequence[Sequence[Column]] = (),
) -> tuple[list[dict[str, Any]], str, bool]:
    """Describe the columns of a model's rows.

    Args:
        inputs: each takes one column, or several of one type.
        known: columns by --columns, a DataFrame or the source; of a table there may be more.
        graph: the model's own names, known values, and what it fills in.
        measured: lists of columns in the model's order, for the ranges that are not known.

    Returns:
        The tables of the manifest, the reason for their names, and whether these are sure.

    Raises:
        BakeError: too few or too many names, or columns of texts for an input of numbers.
    """
    widths = [width_of(one) for one in inputs]
    by_input = widths == [1] * len(inputs)
    if by_input and len(inputs) > 1:
        by_key = {name_key(one.name): one for one in known}
        columns = [by_key.get(name_key(one.name), Column(one.name)) for one in inputs]
        why, sure = "the inputs' names", True
    else:
        columns, why, sure = _in_order(inputs, known, graph)
        for others in measured:
            columns = _with_ranges(columns, others)
    owners = [one for one, width in zip(inputs, widths, strict=True) for _ in range(width)]
    columns = [_fitted(one, owner, graph) for one, owner in zip(columns, owners, strict=True)]
    tables = [_table_of(one) for one in columns]
    _require_each_once([one.name for one in columns])
    if not by_input and len(inputs) > 1:
        for table, owner in zip(tables, owners, strict=True):
            table["input"] = owner.name
    return tables, why, sure


def _require_each_once(names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if (key := name_key(name)) in seen:
            raise BakeError(
                "--columns: expected names that differ in more than case, blanks and punctuation, "
                f"got {seen[key]} and {name}"
            )
        seen[key] = name


def width_of(tensor: Tensor) -> int:
    """Return how many columns an input takes."""
    return tensor.shape[1] if len(tensor.shape) == 2 else 1


def _in_order(
    inputs: Sequence[Tensor], known: Sequence[Column], graph: Graph
) -> tuple[list[Column], str, bool]:
    """Name the columns by their places."""
    count = sum(map(width_of, inputs))
    if known:
        if len(known) != count:
            raise BakeError(
                f"--columns: expected {count}, as the model's input {stated(inputs)}, "
                f"got {len(known)}: {listed([one.name for one in known])}",
                f"Name those {count} that the model learnt from, in their order: --columns a,b,c",
            )
        return list(known), "given", True
    if len(graph.columns) == count:
        return [Column(name) for name in graph.columns], "the file's metadata", True
    if len(inputs) == 1:
        return [Column(f"c{number}") for number in range(count)], "no names in the file", False
    names = [
        one.name if width_of(one) == 1 else f"{one.name}_{number}"
        for one in inputs
        for number in range(width_of(one))
    ]
    return list(map(Column, names)), "the inputs' names and places", False


def _with_ranges(columns: list[Column], others: Sequence[Column]) -> list[Column]:
    """Give the columns without a range that of the others, and their gaps, if these are as many."""
    if len(columns) != len(others):
        return columns
    found = []
    for one, other in zip(columns, others, strict=True):
        missing = "nan" if other.missing == "nan" else one.missing
        ends = one if one.minimum is not None else other
        found.append(replace(one, minimum=ends.minimum, maximum=ends.maximum, missing=missing))
    return found


def _fitted(column: Column, tensor: Tensor, graph: Graph) -> Column:
    """Give a column the type of its input."""
    if column.choices and tensor.dtype != "string":
        raise BakeError(
            f"--columns: {column.name} holds texts, and the model takes {tensor.dtype}",
            "Bake the whole pipeline, with the encoder of this column in it.",
        )
    is_float = tensor.dtype.startswith("float")
    fills = is_float and tensor.name in graph.imputed
    missing = column.missing if is_float or tensor.dtype == "string" else "refuse"
    column = replace(column, dtype=tensor.dtype, missing="nan" if fills else missing)
    if tensor.dtype in ("string", "bool"):
        own = graph.choices.get(tensor.name, ()) if width_of(tensor) == 1 else ()
        column = replace(column, minimum=None, maximum=None, choices=column.choices or own)
    return column


def _table_of(column: Column) -> dict[str, Any]:
    """Write a column as the manifest has it, without what is the default."""
    values = {
        "name": column.name, "dtype": column.dtype, "missing": column.missing, "unit": column.unit,
        "minimum": column.minimum, "maximum": column.maximum, "choices": list(column.choices),
    }  # fmt: skip
    return {
        k: v for k, v in values.items() if v is not None and (k not in _USUAL or _USUAL[k] != v)
    }


def listed(names: Sequence[str]) -> str:
    """Write names in a row, the middle left out if they are many."""
    return ", ".join(names if len(names) <= 8 else [*names[:6], "…", names[-1]])
