"""What changes in prepared digits when pens, cameras or scanners do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES = ("ink", "edge", "width", "slant")


def features_of(digits: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """
    Describe digits by what changes when pens, cameras or scanners do.

    The recipe has scaled and centred them, so that neither size nor place says anything.

    Args:
        digits: float32[N, 28, 28, 1] in 0..1, ink = 1.

    Returns:
        Each float[N]: the share of ink; the edge by ink, which thin and sharp strokes have much of;
        the spread across by the spread down; the slant, positive where the top leans right.
    """
    plane = digits[..., 0]
    mass = plane.sum(axis=(1, 2)) + np.float32(1e-6)
    edge = np.abs(np.diff(plane, axis=1)).sum(axis=(1, 2))
    edge += np.abs(np.diff(plane, axis=2)).sum(axis=(1, 2))
    place = np.arange(plane.shape[1], dtype=np.float32)
    rows, columns = plane.sum(axis=2), plane.sum(axis=1)
    down = place - (rows @ place / mass)[:, np.newaxis]
    across = place - (columns @ place / mass)[:, np.newaxis]
    height = (rows * down**2).sum(axis=1) / mass
    width = (columns * across**2).sum(axis=1) / mass
    both = np.einsum("nij,ni,nj->n", plane, down, across, optimize=True) / mass
    spread = np.sqrt(width / (height + np.float32(1e-6)))
    slant = -both / (height + np.float32(1e-6))
    return dict(zip(FEATURES, (mass / plane[0].size, edge / mass, spread, slant), strict=True))
