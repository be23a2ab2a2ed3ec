"""Draw digits with thinner and thicker pens, by grey morphology on digits enlarged twofold."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

ENLARGEMENT: Final = 2
PEN_STEPS: Final = 3
"""How many times the pen is thinned and thickened, half a pixel of MNIST each."""

LEAST_INK: Final = 0.45
"""A digit with less of its ink left is not thinned any further: a stroke must not break."""

Floats = NDArray[np.float32]


def pen_levels(digits: Floats) -> NDArray[np.uint8]:
    """Draw every digit with thinner and thicker pens.

    Args:
        digits: float32[N, 28, 28] in 0..1.

    Returns:
        uint8[7, N, 56, 56], the thinnest first, the original pen in the middle.
    """
    middle = _enlarged(digits)
    ink = middle.sum(axis=(1, 2))
    thinner, thicker = [middle], [middle]
    for _ in range(PEN_STEPS):
        eroded = 1 - _dilated(1 - thinner[-1])
        holds = eroded.sum(axis=(1, 2)) > LEAST_INK * ink
        thinner.append(np.where(holds[:, np.newaxis, np.newaxis], eroded, thinner[-1]))
        thicker.append(_dilated(thicker[-1]))
    levels = [*reversed(thinner), *thicker[1:]]
    return np.stack([np.rint(level * 255).astype(np.uint8) for level in levels])


def _enlarged(digits: Floats) -> Floats:
    """Return float32[N, 56, 56]: the digits twice as large, by cubic interpolation."""
    matrix = ndimage.zoom(
        np.eye(digits.shape[1]), (ENLARGEMENT, 1), order=3, grid_mode=True, mode="nearest"
    )
    matrix = matrix.astype(np.float32)
    enlarged: Floats = np.clip(matrix @ digits @ matrix.T, 0.0, 1.0)
    return enlarged


def _dilated(images: Floats) -> Floats:
    """Return the largest value of each pixel and its four neighbours."""
    grown = images.copy()
    for axis in (1, 2):
        rows = np.moveaxis(grown, axis, 1)
        source = np.moveaxis(images, axis, 1)
        np.maximum(rows[:, 1:], source[:, :-1], out=rows[:, 1:])
        np.maximum(rows[:, :-1], source[:, 1:], out=rows[:, :-1])
    return grown
