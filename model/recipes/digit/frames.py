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
    centre = plane[height // 4 : -height // 4, width // 4 : -width // 4]
    apart = 0.25 * float(np.ptp(plane))
    blur = 1 + min(height, width) // 50
    for paper in (float(np.median(centre)), float(np.median(plane))):
        top, bottom = (depth + blur for depth in _frame_depths(plane, paper, apart))
        left, right = (depth + blur for depth in _frame_depths(plane.T, paper, apart))
        inner = plane[top : height - bottom, left : width - right]
        framed = min(top, bottom, left, right) > blur
        if framed and (np.abs(ring_of(inner) - paper) < apart).mean() > 0.75:
            return left, top, width - right, height - bottom
    return None


def _frame_depths(plane: Plane, paper: float, apart: float) -> tuple[int, int]:
    """Return how many rows the frame takes above and below, 0 for none.

    From the outside in, up to a quarter of the plane, each row has one level (except for a sixth at
    either end); the last of them without the paper's level ends the frame.
    """
    low, middle, high = np.percentile(plane, (16, 50, 84), axis=1)
    plain = high - low < apart
    line = np.abs(middle - paper) > apart
    depths = []
    for inwards in (slice(None), slice(None, None, -1)):
        outer = len(line) // 4
        reach = int(np.argmin(np.append(plain[inwards][:outer], False)))
        lines = np.flatnonzero(line[inwards][:reach])
        depths.append(int(lines[-1]) + 1 if len(lines) else 0)
    return depths[0], depths[1]
