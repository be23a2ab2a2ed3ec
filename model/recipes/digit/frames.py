"""Find the frame around a picture: printed lines, a scanner's dark edge, a desk around the paper.

It is removed before ink is looked for, because ink is told from paper by keeping off the edge.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from model.recipes.digit.filters import Box, Plane, ring_of

SMALLEST: Final = 16
"""Pixels per side below which a line of a frame cannot be told from a stroke."""


def inside_of_frame(plane: Plane) -> Box | None:
    """Return the box inside a frame: a line or a dark desk along all four sides.

    A digit cropped to its ink may have a line on one or two sides, never on four.

    Returns:
        The box, or None if there is no frame.
    """
    height, width = plane.shape
    if min(height, width) < SMALLEST:
        return None
    apart = 0.25 * float(np.ptp(plane))
    sides = []
    for inwards in (plane, plane[::-1], plane.T, plane.T[::-1]):
        sides.append(_plain_rows(inwards, apart))
        if not len(sides[-1]):
            return None
    centre = plane[height // 4 : -height // 4, width // 4 : -width // 4]
    blur = 1 + min(height, width) // 50
    for paper in (float(np.median(centre)), float(np.median(plane))):
        depths = [_depth_of(levels, paper, apart) for levels in sides]
        top, bottom, left, right = (depth + blur for depth in depths)
        inner = plane[top : height - bottom, left : width - right]
        if all(depths) and (np.abs(ring_of(inner) - paper) < apart).mean() > 0.75:
            return left, top, width - right, height - bottom
    return None


def _plain_rows(plane: Plane, apart: float) -> Plane:
    """Return the levels of the first rows that have one level each, but for a sixth at either end.

    Up to a quarter of the plane.
    """
    width = plane.shape[1]
    ranks = [int(share * (width - 1)) for share in (0.16, 0.5, 0.84)]
    ordered = np.sort(plane[: len(plane) // 4], axis=1)[:, ranks]
    plain = ordered[:, 2] - ordered[:, 0] < apart
    return ordered[: int(np.argmin(np.append(plain, False))), 1]


def _depth_of(levels: Plane, paper: float, apart: float) -> int:
    """Return how many rows a frame takes: up to the last that has not the paper's level."""
    lines = np.flatnonzero(np.abs(levels - paper) > apart)
    return int(lines[-1]) + 1 if len(lines) else 0
