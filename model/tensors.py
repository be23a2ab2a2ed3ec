"""Tensors by name: as a manifest states them, as a caller sends them, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.elements import ElementError, to_vector
from model.errors import MAX_PROBLEMS, InputError, Problem, counted, kind_of

DTYPES: Final = (
    *("float32", "float64", "float16", "string", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
"""The element types of inputs and outputs, by NumPy's names; texts are `string`."""

Feeds = dict[str, NDArray[Any]]
"""Arrays by tensor name; texts are arrays of Python's strings."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of a model; -1 means an axis of any size, first for the batch.

    Attributes:
        batched: whether the model has a batch at all: else a free first axis is one like any other.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    batched: bool = True

    @property
    def has_batch(self) -> bool:
        """Whether the first axis is the batch."""
        return self.batched and self.shape[:1] == (-1,)

    def __str__(self) -> str:
        return f"{self.dtype} of shape {list(self.shape)}"


@dataclass(frozen=True, slots=True)
class NamedInputs:
    """A whole request by input name, past the recipe, with the batch axis.

    Attributes:
        values: nested lists, as JSON has them, or NumPy arrays.
    """

    values: Mapping[str, Any]


Instances = Sequence[Any] | NamedInputs
"""What is predicted together: instances as the recipe takes them, or the model's inputs by name."""


def to_feeds(values: Any, inputs: Sequence[Tensor]) -> Feeds:
    """Turn named values into the engine's arrays.

    Args:
        values: by input name: nested lists, as JSON has them, or NumPy arrays.
        inputs: the model's, all of which must be there.

    Returns:
        An array an input, of the dtype that the manifest states; texts as dtype object. Whole
        numbers and fractions convert to each other where nothing is lost. NaN and Infinity are
        allowed in floats.

    Raises:
        InputError: a name, a shape, a type or a number that does not fit, or batches that differ;
            names `inputs.<name>`.
    """
    names = ", ".join(one.name for one in inputs)
    if not isinstance(values, Mapping):
        raise InputError([Problem("inputs", f"an object with {names}", kind_of(values))])
    problems = [
        Problem(f"inputs.{one.name}", str(one), "nothing")
        for one in inputs
        if one.name not in values
    ]
    unknown = len(values) - len(inputs) + len(problems)
    if unknown:
        problems.append(Problem("inputs", f"only {names}", counted(unknown, "other key")))
    feeds: Feeds = {}
    for one in inputs:
        if one.name in values and len(problems) < MAX_PROBLEMS:
            try:
                feeds[one.name] = _array_of(values[one.name], one)
            except _MisfitError as misfit:
                problems.append(Problem(f"inputs.{one.name}", str(one), str(misfit)))
    counts = {len(feeds[one.name]) for one in inputs if one.has_batch and one.name in feeds}
    if len(counts) > 1 and not problems:
        several = ", ".join(str(count) for count in sorted(counts))
        problems.append(Problem("inputs", "as many instances of each input", several))
    if problems:
        raise InputError(problems)
    return feeds


def count_of(values: Mapping[str, Any], inputs: Sequence[Tensor]) -> int:
    """Return how many instances named values hold: N of the first input with a batch, else 1.

    Args:
        values: by input name, checked or not.
        inputs: the model's.
    """
    for one in inputs:
        if one.has_batch and isinstance(values, Mapping):
            value = values.get(one.name)
            if isinstance(value, np.ndarray):
                return len(value) if value.ndim else 1
            return len(value) if isinstance(value, list) else 1  # perhaps of unequal lists
    return 1


class _MisfitError(Exception):
    """A value that does not fit its tensor; the message says what it got."""


def _array_of(value: Any, tensor: Tensor) -> NDArray[Any]:
    """Make one input's array.

    Raises:
        _MisfitError: the value has another shape, or an element of another type or range.
    """
    if isinstance(value, np.generic):
        value = np.asarray(value)  # a scalar of NumPy's is no array
    if isinstance(value, np.ndarray):
        _require_shape(value.shape, tensor)
        if value.dtype.name == tensor.dtype:
            return value
        shape, flat = value.shape, value.reshape(-1).tolist()
    else:
        shape, flat = _flattened(value, tensor)
    _require_shape(shape, tensor)
    try:
        return to_vector(flat, tensor.dtype).reshape(shape)
    except ElementError as exc:
        place = [int(index) for index in np.unravel_index(exc.index, shape)]
        raise _MisfitError(f"{exc.got} at {place}" if place else exc.got) from exc


_LISTS: Final[set[type]] = {list, tuple}


def _flattened(value: Any, tensor: Tensor) -> tuple[tuple[int, ...], list[Any]]:
    """Take nested lists apart, an axis at a time."""
    shape: list[int] = []
    level = [value]
    for axis, size in enumerate(tensor.shape):
        if not set(map(type, level)) <= _LISTS:
            other = kind_of(next(one for one in level if type(one) not in _LISTS))
            raise _MisfitError(_shape_told(value, f"{other} on axis {axis}") if axis else other)
        lengths = set(map(len, level))
        if len(lengths) > 1:
            raise _MisfitError(f"lists of different lengths on axis {axis}")
        # Below an empty list there is nothing to measure.
        shape.append(lengths.pop() if lengths else max(size, 0))
        level = list(chain.from_iterable(level))
    if _LISTS & set(map(type, level)):
        raise _MisfitError(_shape_told(value, "more axes"))
    return tuple(shape), level


def _shape_told(value: Any, otherwise: str) -> str:
    """Return the shape of nested lists as text, or `otherwise` if they have none."""
    try:
        return f"shape {list(np.shape(value))}"
    except ValueError:  # lists of different lengths
        return otherwise


def _require_shape(shape: tuple[int, ...], tensor: Tensor) -> None:
    fits = len(shape) == len(tensor.shape) and all(
        fixed in (-1, size) for fixed, size in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        raise _MisfitError(f"shape {list(shape)}")


def schema_of(inputs: Sequence[Tensor]) -> dict[str, Any]:
    """Return the JSON schema of a model's inputs by name."""
    return {
        "type": "object",
        "properties": {one.name: _schema_of(one) for one in inputs},
        "required": [one.name for one in inputs],
        "additionalProperties": False,
    }


def scalar_schema(dtype: str) -> dict[str, Any]:
    """Return the JSON schema of one element, with the range that its type holds."""
    if dtype in ("string", "bool"):
        return {"type": "string" if dtype == "string" else "boolean"}
    if not dtype.startswith("float"):
        info = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(info.min), "maximum": int(info.max)}
    if dtype == "float64":  # it holds every number of JSON
        return {"type": "number"}
    largest = float(np.finfo(dtype).max)
    return {"type": "number", "minimum": -largest, "maximum": largest}


def _schema_of(tensor: Tensor) -> dict[str, Any]:
    schema = scalar_schema(tensor.dtype)
    for size in reversed(tensor.shape):
        schema = {"type": "array", "items": schema}
        if size != -1:
            schema |= {"minItems": size, "maxItems": size}
    return schema


MOST_EXAMPLE: Final = 1_000
"""The most elements of an example: a picture of 224 x 224 is no example to read."""


def example_of(inputs: Sequence[Tensor]) -> dict[str, Any] | None:
    """Return one instance's inputs by name, as JSON: zeros, and 1 for each axis of any size.

    Returns:
        None if they have more than 1,000 elements.
    """
    shapes = [[max(size, 1) for size in one.shape] for one in inputs]
    if sum(map(math.prod, shapes)) > MOST_EXAMPLE:
        return None
    return {
        one.name: np.full(
            shape,
            "" if one.dtype == "string" else 0,
            dtype=object if one.dtype == "string" else one.dtype,
        ).tolist()
        for one, shape in zip(inputs, shapes, strict=True)
    }
