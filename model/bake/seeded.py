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
FREE_SIZES: Final = (8, 64, 256, 1024)
"""Sizes to try for the axes that the model leaves free: a few tokens, up to a window of audio."""

_BLOCKS: Final = 8
_TEXTS: Final = (
    "The parcel arrived late and the box was damaged.", "Great service, thank you!",
    "How do I change my password?", "The meeting is moved to Thursday at ten.",
    "It rained all day in Lisbon.", "Please send me the invoice again.",
    "I love this song.", "The battery lasts two hours.",
)  # fmt: skip


def seeded_instances(
    describe: Description, runtime: Runtime, free: int = FREE_SIZES[0]
) -> list[Sample]:
    """Make eight instances of a model.

    Args:
        describe: what its recipe takes.
        runtime: the model, whose equally named free axes get equal sizes.
        free: the size of a free axis.
    """
    random = np.random.default_rng(SEED)
    kinds: dict[str, Callable[[int], Any]] = {
        "image": lambda _: _picture(describe, random),
        "row": lambda _: _row(describe, random),
        "text": lambda number: _texts(describe, number),
        "tensors": lambda _: named_inputs(describe.tensors, runtime, random, free),
    }
    make = kinds[describe.takes]
    return [Sample(f"seeded {number + 1}", make(number)) for number in range(COUNT)]


def _texts(describe: Description, number: int) -> str | list[str]:
    """Take one text, or as many as an instance has."""
    if not isinstance(describe.example, list):
        return _TEXTS[number]
    return [_TEXTS[(number + at) % len(_TEXTS)] for at in range(len(describe.example))]


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
    tensors: Sequence[Tensor], runtime: Runtime, random: np.random.Generator, free: int
) -> NamedInputs:
    """Make one instance of every input; what a name says of its numbers is kept to."""
    # A recurrent state has the batch as its second axis, mostly under the same name.
    sizes = {str(runtime.axes[one.name][0]): 1 for one in tensors if one.has_batch}
    values = {}
    for tensor in tensors:
        names = runtime.axes[tensor.name]
        last = len(names) - 1
        shape = tuple(
            1 if axis == 0 and tensor.has_batch
            else size if size > 0
            else sizes.setdefault(name, free) if isinstance(name, str)
            else free if axis == last or free == FREE_SIZES[0]
            else 1
            for axis, (size, name) in enumerate(zip(tensor.shape, names, strict=True))
        )  # fmt: skip
        # What is of no single instance is the same for all, so that they can stand together.
        is_shared = not tensor.has_batch and shape[:1] in ((), (1,))
        values[tensor.name] = _array_of(
            tensor, shape, np.random.default_rng(SEED) if is_shared else random
        )
    return NamedInputs(values)


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
