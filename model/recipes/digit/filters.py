"""Filters on one plane of grey levels, float32[h, w], in NumPy alone.

SciPy has most of them and would double what the image adds to its base; the planes here are at
most a few hundred pixels wide, so simple array code is fast enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Level = TypeVar("Level", np.float32, np.bool_)
Box = tuple[int, int, int, int]
"""left, top, right, bottom: the last two are one past the end, as in Pillow."""

_BINS: Final = 128
_TREND_GRID: Final = 32  # samples a side: six unknowns need no more
_TREND_ROUNDS: Final = 6


def otsu(values: Plane) -> float:
    """Return the level that best splits values into two classes.

    If several levels split equally well (an empty valley between two peaks), their middle.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979: the level
    with the greatest variance between the classes.
    """
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return low
    counts, edges = np.histogram(values, _BINS, (low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    total = float(values.size)
    moments = np.cumsum(counts * middles)
    between = (moments[-1] * below / total - moments[:-1]) ** 2 / (below * (total - below))
    best = np.flatnonzero(between >= between.max() * 0.9999)
    return float(edges[1:-1][best].mean())


def blurred(plane: Plane) -> Plane:
    """Return the mean of each 3 x 3 neighbourhood, edges repeated."""
    padded = np.pad(plane, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    sums: Plane = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums * np.float32(1 / 9)


def neighbours(plane: Plane) -> Plane:
    """Return float32[8, h, w]: the neighbours of each pixel, edges repeated."""
    height, width = plane.shape
    padded = np.pad(plane, 1, mode="edge")
    return np.stack(
        [
            padded[down : down + height, right : right + width]
            for down in range(3)
            for right in range(3)
            if (down, right) != (1, 1)
        ]
    )


def closed(plane: Plane, size: int) -> Plane:
    """Fill every valley narrower than `size` (odd): a running maximum, then a running minimum.

    Anything wider, such as a shadow, keeps its level and its edge. The plane is continued beyond
    its borders by the levels on them, so a slope or a shadowed corner stays too.

    Source: J. Serra, "Image Analysis and Mathematical Morphology", 1982: closing.
    """
    height, width = plane.shape
    continued = np.pad(plane, size - 1, mode="edge")
    filled = _running(_running(continued, size, np.maximum), size, np.minimum)
    return filled[:height, :width]


def _running(plane: Plane, size: int, pick: Callable[[Plane, Plane], Plane]) -> Plane:
    """Return `pick` over each size x size window that fits; the plane shrinks by size - 1."""
    for _ in range(2):
        covered = 1
        # Doubling: the pick over 2n rows is the pick of two picks over n rows.
        while covered < size:
            step = min(covered, size - covered)
            plane = pick(plane[:-step], plane[step:])
            covered += step
        plane = plane.T
    return plane


def trend(plane: Plane) -> Plane:
    """Fit a smooth surface (a quadratic in x and y) to most of the plane.

    Repeated least squares; values far from the surface, such as ink, count less each time.
    """
    height, width = plane.shape
    rows = np.linspace(0, height - 1, min(height, _TREND_GRID)).astype(int)
    columns = np.linspace(0, width - 1, min(width, _TREND_GRID)).astype(int)
    terms = _quadratic(rows / height, columns / width)
    samples = plane[np.ix_(rows, columns)].ravel().astype(np.float64)
    design = terms.reshape(6, -1).T
    weights = np.ones_like(samples)
    for _ in range(_TREND_ROUNDS):
        weighted = design * weights[:, None]
        solution = np.linalg.lstsq(weighted, samples * weights, rcond=None)[0]
        residual = samples - design @ solution
        spread = 1.4826 * np.median(np.abs(residual - np.median(residual))) + 1e-3
        weights = 1 / (1 + (residual / (2 * spread)) ** 2)
    surface = np.tensordot(
        solution, _quadratic(np.arange(height) / height, np.arange(width) / width), 1
    )
    return surface.astype(np.float32)


def _quadratic(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[6, len(y), len(x)]: 1, x, y, xy, x², y² for coordinates in 0..1."""
    y, x = np.meshgrid(2 * y - 1, 2 * x - 1, indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y])


def ring_of(plane: NDArray[Level], share: float = 0.04) -> NDArray[Level]:
    """Return the outermost pixels: a ring as thick as `share` of the shorter side."""
    thick = max(1, round(share * min(plane.shape)))
    inner = plane[thick:-thick]
    return np.concatenate(
        (plane[:thick], plane[-thick:], inner[:, :thick], inner[:, -thick:]), axis=None
    )


def widened(mask: Mask) -> Mask:
    """Return the mask widened by each pixel's four neighbours."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    return wide


def components(mask: Mask) -> NDArray[np.intp]:
    """Number the connected pieces of a mask, diagonal neighbours included.

    Returns:
        intp[h, w]: 0 outside the mask; pixels of one piece share a number from 1 on.
    """
    runs, starts, ends, row_of = _runs(mask)
    parent = _joined(starts, ends, row_of, mask.shape[0])
    roots, numbers = np.unique(parent, return_inverse=True)
    labels = np.zeros(mask.shape, np.intp)
    labels[mask] = (numbers + 1)[runs] if len(roots) else 0
    return labels


def _runs(
    mask: Mask,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the run of each inked pixel, and each run's first pixel, its end and its row."""
    edged = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    edged[:, 1:-1] = mask
    change = np.diff(edged, axis=1)
    row_of, starts = np.nonzero(change == 1)
    _, ends = np.nonzero(change == -1)
    return np.repeat(np.arange(len(starts)), ends - starts), starts, ends, row_of


def _joined(
    starts: NDArray[np.intp], ends: NDArray[np.intp], row_of: NDArray[np.intp], height: int
) -> NDArray[np.intp]:
    """Return the representative of each run: touching runs of neighbouring rows are joined."""
    parent = list(range(len(starts)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    first, last = starts.tolist(), ends.tolist()
    bounds = np.searchsorted(row_of, np.arange(height + 1)).tolist()
    for row in range(1, height):
        above, below = bounds[row - 1], bounds[row]
        while above < bounds[row] and below < bounds[row + 1]:
            if first[above] <= last[below] and first[below] <= last[above]:
                one, other = root(above), root(below)
                parent[max(one, other)] = min(one, other)
            if last[above] < last[below]:
                above += 1
            else:
                below += 1
    return np.array([root(run) for run in range(len(parent))], np.intp)
