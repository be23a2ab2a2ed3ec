"""Features of prepared digits that change with pens, cameras and scanners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES = ("ink", "edge", "width", "slant")


def features_of(digits: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Compute the features that change with pens, cameras or scanners.

    The recipe has scaled and centred the digits, so size and place say nothing.

    Args:
        digits: float32[N, 28, 28, 1] in 0..1, ink = 1.

    Returns:
        float[N] each: the share of ink; the edge per ink, large for thin and sharp strokes; the
        spread across per spread down; the slant, positive if the top leans right.
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
