"""Tables: what a CSV file or a DataFrame says of a row's columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.columns import listed
from model.bake.errors import BakeError
from model.bake.write import write_reference
from model.predictor import Predictor
from model.recipes.base import Column, name_key
from model.tensors import Feeds, NamedInputs

MOST_CHOICES: Final = 30
"""A column of text with more different values has no list of them."""

LEAST_ROWS: Final = 20
"""Fewer rows say nothing of a column's range."""

MOST_AT_ONCE: Final = 256

_FLAGS: Final = {"true": True, "false": False}
_MISSING: Final = {"", "na", "nan", "null", "none", "n/a"}


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Read a table with a header: numbers, true or false, texts; None where a cell is empty.

    Raises:
        BakeError: it cannot be read, or has no rows.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.read(4096)
            file.seek(0)
            delimiter = max(",;\t", key=head.partition("\n")[0].count)
            rows = [
                {str(name).strip(): _value_of(cell) for name, cell in row.items() if name}
                for row in csv.DictReader(file, delimiter=delimiter)
            ]
    except (OSError, ValueError, csv.Error) as exc:
        raise BakeError(f"{path} cannot be read as a table: {exc}") from exc
    if not rows:
        raise BakeError(f"{path}: expected a header and rows below it, got no rows")
    return rows


def _value_of(cell: Any) -> Any:
    text = str(cell).strip() if cell is not None else ""
    if text.lower() in _MISSING:
        return None
    if text.lower() in _FLAGS:
        return _FLAGS[text.lower()]
    try:
        number = float(text)
    except ValueError:
        return text
    return int(text) if text.lstrip("+-").isdecimal() else number


def records_of(samples: Any) -> list[dict[str, Any]]:
    """Return a DataFrame's rows; nothing of anything else."""
    if not (hasattr(samples, "to_dict") and hasattr(samples, "columns")):
        return []
    return [{str(k): plain(v) for k, v in row.items()} for row in samples.to_dict("records")]


def ranges_of(samples: Any) -> tuple[Column, ...]:
    """Return the columns of a matrix of numbers by place; nothing of anything else."""
    rows = samples if isinstance(samples, np.ndarray | list | tuple) else ()
    if not len(rows) or np.ndim(rows[0]) != 1:
        return ()
    try:
        matrix = np.asarray(rows, np.float64)
    except (TypeError, ValueError):  # texts among them
        return ()
    return tuple(_measured(str(at), column) for at, column in enumerate(matrix.T))


def _measured(name: str, values: NDArray[np.float64]) -> Column:
    known = values[~np.isnan(values)]
    column = Column(name, missing="nan" if len(known) < len(values) else "refuse")
    if len(values) < LEAST_ROWS or not len(known):
        return column
    return replace(column, minimum=float(known.min()), maximum=float(known.max()))


def plain(value: Any) -> Any:
    """Return a value as JSON has it; NaN, None and pandas' NA are null."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    return value


def columns_in(rows: Sequence[dict[str, Any]]) -> tuple[Column, ...]:
    """Describe the columns of a table: dtype, range, known values, whether any are missing."""
    names = dict.fromkeys(name for row in rows for name in row)
    return tuple(_column_of(name, [row.get(name) for row in rows]) for name in names)


def _column_of(name: str, values: Sequence[Any]) -> Column:
    known = [one for one in values if one is not None]
    kinds = {type(one) for one in known}
    column = Column(name, missing="nan" if len(known) < len(values) else "refuse")
    if known and kinds <= {bool}:
        return replace(column, dtype="bool")
    enough = len(known) >= LEAST_ROWS
    if known and kinds <= {int, float}:
        whole = kinds == {int} and len(known) == len(values)
        column = replace(column, dtype="int64" if whole else "float32")
        low, high = float(np.min(known)), float(np.max(known))
        return replace(column, minimum=low, maximum=high) if enough else column
    choices = tuple(sorted({str(one) for one in known}))
    few = enough and len(choices) <= MOST_CHOICES
    return replace(column, dtype="string", choices=choices if few else ())


def write_drift(folder: Path, reference: Path) -> None:
    """Write what the data that a model learnt from looks like, and its answers to it.

    Args:
        folder: the bundle, complete except for reference.json.
        reference: a table with the model's columns; others are left out.

    Raises:
        BakeError: the model takes no rows, or the table lacks a column.
    """
    predictor = Predictor.load(folder)
    manifest = predictor.manifest
    names = [column.name for column in manifest.recipe.describe().columns]
    if manifest.recipe.takes != "row":
        raise BakeError("--reference: only models that take rows have a table to learn from")
    rows = rows_in(reference)
    by_key = {name_key(name): name for name in rows[0]}
    missing = [name for name in names if name_key(name) not in by_key]
    if missing:
        raise BakeError(
            f"--reference: {reference} has no column {listed(missing)}; it has {listed([*rows[0]])}"
        )
    chosen = [{name: row[by_key[name_key(name)]] for name in names} for row in rows]
    feeds = manifest.recipe.tensors(chosen, max_pixels=1)
    outputs = [predictor.run(NamedInputs(part))[0] for part in _parts_of(feeds, MOST_AT_ONCE)]
    joined = {name: np.concatenate([one[name] for one in outputs]) for name in outputs[0]}
    write_reference(folder, feeds, joined, source=f"{reference.name}, {len(rows)} rows")


def _parts_of(feeds: Feeds, size: int) -> Iterator[Feeds]:
    count = len(next(iter(feeds.values())))
    for at in range(0, count, size):
        yield {name: array[at : at + size] for name, array in feeds.items()}
