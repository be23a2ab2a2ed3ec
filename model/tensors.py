"""A tensor as a manifest states it: its name, element type and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DTYPES: Final = (
    *("float32", "float64", "float16", "string", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
"""The element types of inputs and outputs, by NumPy's names; texts are `string`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of a model; -1 means an axis of any size, first for the batch."""

    name: str
    dtype: str
    shape: tuple[int, ...]
