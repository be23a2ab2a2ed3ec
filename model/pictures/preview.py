"""A picture as a model sees it, for people to look at."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB = 0, 2


def png_of(values: NDArray[Any], size: tuple[int, int]) -> bytes:
    """Write one instance's input as a PNG, its smallest value black and its largest white.

    Pillow's `save` would load readers that decode.py keeps out, and this much of PNG is short.

    Args:
        values: [H, W], [H, W, C] or [C, H, W] of any numbers.
        size: H and W.

    Returns:
        The file: in colour where C is 3, in the order of the channels; else gray, their mean.
    """
    height, width = size
    planes = values if values.shape[:2] == size else values.transpose(1, 2, 0)
    numbers = planes.astype(np.float64).reshape(height, width, -1)
    if numbers.shape[2] != 3:
        numbers = numbers.mean(axis=2, keepdims=True)
    low, high = numbers.min(), numbers.max()
    levels = ((numbers - low) * (255 / ((high - low) or 1))).round().astype(np.uint8)
    # Each line starts with its filter: none.
    lines = np.pad(levels.reshape(height, -1), ((0, 0), (1, 0)))
    colours = _RGB if levels.shape[2] == 3 else _GRAY
    head = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
