"""Seeded instances: the same made-up inputs each time, for a model that came without samples.

They warm a model up, show whether its instances may be predicted together, and compare versions.
They prove nothing about its answers.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.runtime import Runtime
from model.bake.samples import Sample
from model.recipes.base import Description
from model.tensors import NamedInputs, Tensor

SEED: Final = 7
COUNT: Final = 8
FREE_AXIS: Final = 8
"""The size of an axis that the model leaves free: the length of a short text in tokens."""

_BLOCKS: Final = 8
_TEXTS: Final = (
    "The parcel arrived late and the box was damaged.", "Great service, thank you!",
    "How do I change my password?", "The meeting is moved to Thursday at ten.",
    "It rained all day in Lisbon.", "Please send me the invoice again.",
    "I love this song.", "The battery lasts two hours.",
)  # fmt: skip


def seeded_instances(describe: Description, runtime: Runtime) -> list[Sample]:
    """Make eight instances of a model.

    Args:
        describe: what its recipe takes.
        runtime: the model, whose equally named free axes get equal sizes.
    """
    random = np.random.default_rng(SEED)
    kinds: dict[str, Callable[[int], Any]] = {
        "image": lambda _: _picture(describe, random),
        "row": lambda _: _row(describe, random),
        "text": lambda number: _TEXTS[number],
        "tensors": lambda _: named_inputs(describe.tensors, runtime, random),
    }
    make = kinds[describe.takes]
    return [Sample(f"seeded {number + 1}", make(number)) for number in range(COUNT)]


def _picture(describe: Description, random: np.random.Generator) -> bytes:
    """Draw large soft blocks: noise of single pixels would make a large file."""
    from PIL import Image

    blocks = random.integers(0, 256, (_BLOCKS, _BLOCKS, 3), dtype=np.uint8)
    height, width = describe.size or (64, 64)
    picture = Image.fromarray(blocks).resize((width, height), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _row(describe: Description, random: np.random.Generator) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in describe.columns:
        low = column.minimum if column.minimum is not None else 0.0
        high = column.maximum if column.maximum is not None else low + 1.0
        if column.dtype == "string":
            row[column.name] = str(random.choice(column.choices or ("a", "b")))
        elif column.dtype == "bool":
            row[column.name] = bool(random.integers(2))
        elif column.dtype.startswith("int"):
            row[column.name] = int(random.integers(int(low), int(high) + 1))
        else:
            row[column.name] = round(float(random.uniform(low, high)), 3)
    return row


def named_inputs(
    tensors: Sequence[Tensor], runtime: Runtime, random: np.random.Generator
) -> NamedInputs:
    """Make one instance of every input; what a name says of its numbers is kept to."""
    sizes: dict[str, int] = {}
    values = {}
    for tensor in tensors:
        names = runtime.axes[tensor.name]
        shape = tuple(
            1 if axis == 0 and tensor.has_batch else _size_of(size, name, sizes)
            for axis, (size, name) in enumerate(zip(tensor.shape, names, strict=True))
        )
        values[tensor.name] = _array_of(tensor, shape, random)
    return NamedInputs(values)


def _size_of(size: int, name: object, sizes: dict[str, int]) -> int:
    return size if size > 0 else sizes.setdefault(str(name), FREE_AXIS)


def _array_of(tensor: Tensor, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
    name = tensor.name.lower()
    if tensor.dtype == "string":
        return random.choice(np.array(["a", "b", "c"], object), shape)
    if tensor.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if tensor.dtype.startswith("float"):
        return np.round(random.uniform(-1, 1, shape), 3).astype(tensor.dtype)
    if "mask" in name or (not shape and "len" in name):
        return np.ones(shape, tensor.dtype)
    if "type" in name or "segment" in name:
        return np.zeros(shape, tensor.dtype)
    most = 128 if tensor.dtype == "int8" else 256 if tensor.dtype == "uint8" else 10
    return random.integers(0, most, shape).astype(tensor.dtype)
