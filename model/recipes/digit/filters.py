"""Filters on one plane of grey levels, float32[h, w], in NumPy alone.

SciPy has most of them and would double what the image adds to its base; the planes here are at
most a few hundred pixels wide, so simple array code is fast enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Level = TypeVar("Level", np.float32, np.bool_)
Box = tuple[int, int, int, int]
"""left, top, right, bottom: the last two are one past the end, as in Pillow."""

_BINS: Final = 256
_TREND_GRID: Final = 24  # samples a side: six unknowns need no more
_TREND_ROUNDS: Final = 6


class Histogram:
    """The levels of a plane, counted once: each of its answers is exact to 1/256 of their range."""

    def __init__(self, plane: Plane) -> None:
        self.low, self.high = float(plane.min()), float(plane.max())
        self._step = max(self.high - self.low, 1e-9) / (_BINS - 1)
        self.bins = ((plane - np.float32(self.low)) * np.float32(1 / self._step) + 0.5).astype(
            np.uint8
        )
        self.counts = np.bincount(self.bins.ravel(), minlength=_BINS)
        self._below = np.cumsum(self.counts)

    def percentile(self, share: float, *, start: int = 0, end: int = _BINS) -> float:
        """Return the level below which `share` of the pixels of some bins lie, from 0 to 1."""
        before = self._below[start - 1] if start else 0
        rank = before + share * (self._below[end - 1] - before - 1)
        return self.low + self._step * int(np.searchsorted(self._below, rank, "right"))

    def deviation(self, middle: float, *, end: int) -> float:
        """Return the median distance from a level, of the pixels in the bins below `end`."""
        apart = np.abs(np.arange(end) - round((middle - self.low) / self._step))
        counts = np.bincount(apart, self.counts[:end])
        return self._step * int(np.searchsorted(counts.cumsum(), (self._below[end - 1] - 1) / 2))

    def split(self) -> int:
        """Return the first bin of the upper of two classes; 256 if there is one level only.

        If several levels split equally well (an empty valley between two peaks), their middle.

        Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979: the level
        with the greatest variance between the classes.
        """
        if self.high <= self.low:
            return _BINS
        below = self._below[:-1].astype(np.float64)
        total = float(self._below[-1])
        moments = np.cumsum(self.counts * np.arange(_BINS))
        between = (moments[-1] * below / total - moments[:-1]) ** 2 / (below * (total - below))
        best = np.flatnonzero(between >= between.max() * 0.9999)
        return int(best.mean()) + 1

    def bin_of(self, level: float) -> int:
        """Return the first bin whose level is above `level`."""
        return min(_BINS, max(0, int((level - self.low) / self._step + 0.5) + 1))


def blurred(plane: Plane) -> Plane:
    """Return the mean of each 3 x 3 neighbourhood, edges repeated."""
    padded = np.pad(plane, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    sums: Plane = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums * np.float32(1 / 9)


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


def eroded(mask: Mask, size: int) -> Mask:
    """Return where squares of size x size pixels fit into the mask, by their upper left corners."""
    return _running(mask, size, np.logical_and)


def _running(
    plane: NDArray[Level], size: int, pick: Callable[[Any, Any], NDArray[Level]]
) -> NDArray[Level]:
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
    y, x = np.meshgrid(2 * rows / height - 1, 2 * columns / width - 1, indexing="ij")
    samples = plane[np.ix_(rows, columns)].ravel().astype(np.float64)
    design = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y]).reshape(6, -1).T
    weights = np.ones_like(samples)
    for _ in range(_TREND_ROUNDS):
        weighted = design.T * weights
        solution = np.linalg.solve(weighted @ design, weighted @ samples)
        residual = samples - design @ solution
        spread = 1.4826 * _median(np.abs(residual - _median(residual))) + 1e-3
        weights = (1 / (1 + (residual / (2 * spread)) ** 2)) ** 2
    one, of_x, of_y, of_xy, of_xx, of_yy = solution
    y = 2 * np.arange(height)[:, np.newaxis] / height - 1
    x = 2 * np.arange(width) / width - 1
    surface = (one + y * (of_y + y * of_yy)) + x * (of_x + x * of_xx) + (of_xy * y) * x
    return np.asarray(surface, np.float32)


def _median(values: NDArray[np.float64]) -> float:
    """Return the upper median of a few hundred values, on which `np.median` spends four times."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


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


class Pieces(NamedTuple):
    """The connected pieces of a mask, diagonal neighbours included.

    Attributes:
        labels: intp[h, w], 0 outside the mask; pixels of one piece share a number from 1 on.
        boxes: intp[N, 4], the left, top, right and bottom of piece 1, 2, ...
    """

    labels: NDArray[np.intp]
    boxes: NDArray[np.intp]


def pieces_of(mask: Mask) -> Pieces:
    """Find the connected pieces of a mask: runs of pixels, joined where they touch."""
    edged = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    edged[:, 1:-1] = mask
    rows, starts, ends = _runs(edged)
    parent = _joined(rows, starts, ends, edged.shape[1])
    roots, numbers = np.unique(parent, return_inverse=True)
    labels = np.zeros(mask.shape, np.intp)
    labels[mask] = np.repeat(numbers + 1, ends - starts)
    boxes = np.empty((len(roots), 4), np.intp)
    boxes[:, :2], boxes[:, 2:] = max(mask.shape), 0
    for side, (pick, edges) in enumerate(
        ((np.minimum, starts), (np.minimum, rows), (np.maximum, ends), (np.maximum, rows + 1))
    ):
        pick.at(boxes[:, side], numbers, edges)
    return Pieces(labels, boxes)


def _runs(edged: NDArray[np.int8]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the row of each run, its first pixel and its end, of a mask with empty edges."""
    change = np.diff(edged, axis=1)
    rows, starts = np.nonzero(change == 1)
    return rows, starts, np.nonzero(change == -1)[1]


def _joined(
    rows: NDArray[np.intp], starts: NDArray[np.intp], ends: NDArray[np.intp], width: int
) -> NDArray[np.intp]:
    """Return the first run of the piece that each run belongs to."""
    # Runs are in reading order, so those of the row above that touch a run follow each other.
    first = np.searchsorted(rows * width + ends, (rows - 1) * width + starts)
    last = np.searchsorted(rows * width + starts, (rows - 1) * width + ends, "right")
    touching = last - first
    below = np.repeat(np.arange(len(rows)), touching)
    above = np.arange(len(below)) + np.repeat(first - touching.cumsum() + touching, touching)
    parent = np.arange(len(rows))
    while True:
        one, other = parent[above], parent[below]
        if (one == other).all():
            return parent
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while (parent[parent] != parent).any():
            parent = parent[parent]
