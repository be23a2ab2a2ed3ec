"""The filters on planes do what their textbook versions do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from model.recipes.digit.filters import (
    Histogram,
    blurred,
    closed,
    eroded,
    pieces_of,
    ring_of,
    trend,
    widened,
)

MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def flooded(mask: NDArray[np.bool_]) -> set[frozenset[tuple[int, int]]]:
    """Find the connected pieces by flooding, pixel by pixel."""
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(mask), strict=True)}
    pieces = set()
    while left:
        border = [left.pop()]
        piece = set(border)
        while border:
            row, column = border.pop()
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
            border += near & left
            piece |= near & left
            left -= near
        pieces.add(frozenset(piece))
    return pieces


@given(MASKS)
def test_pieces_are_what_flooding_finds(mask: NDArray[np.bool_]) -> None:
    """Pixels share a number exactly if a flood from one reaches the other, diagonals included."""
    labels, boxes = pieces_of(mask)
    assert ((labels > 0) == mask).all()
    numbered = {
        frozenset(
            (int(row), int(column))
            for row, column in zip(*np.nonzero(labels == number), strict=True)
        )
        for number in range(1, int(labels.max(initial=0)) + 1)
    }
    assert numbered == flooded(mask)
    for number, (left, top, right, bottom) in enumerate(boxes.tolist(), 1):
        rows, columns = np.nonzero(labels == number)
        assert (left, top) == (columns.min(), rows.min())
        assert (right, bottom) == (columns.max() + 1, rows.max() + 1)


@given(arrays.arrays(np.float32, (9, 11), elements=st.integers(0, 255)), st.sampled_from([3, 5, 7]))
def test_closing_is_a_maximum_then_a_minimum(plane: NDArray[np.float32], size: int) -> None:
    """It agrees with windows cut out one by one, on the plane continued beyond its borders."""
    wide = np.pad(plane, size - 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (size, size)).max(axis=(2, 3))
    expected = np.lib.stride_tricks.sliding_window_view(windows, (size, size)).min(axis=(2, 3))
    assert np.array_equal(closed(plane, size), expected)


def test_closing_fills_strokes_and_keeps_shadows() -> None:
    """A valley of 4 pixels is filled by a window of 5; a step of 20 pixels stays, edge and all."""
    plane = np.full((40, 40), 200, np.float32)
    plane[:, :20] = 120
    shadowed = plane.copy()
    plane[10:14, 25:35] = 30
    assert np.array_equal(closed(plane, 5), shadowed)


def test_closing_keeps_a_slope_up_to_its_borders() -> None:
    """Light that falls off evenly is paper everywhere, in the corners as well."""
    slope = np.add.outer(np.arange(30), 2 * np.arange(20)).astype(np.float32)
    assert np.array_equal(closed(slope, 9), slope)


def test_a_histogram_splits_two_peaks_in_the_middle() -> None:
    """Between two levels any cut is as good; the middle one is taken. One level is one class."""
    levels = Histogram(np.array([10] * 70 + [210] * 30, np.float32))
    assert 10 + levels.split() * 200 / 255 == pytest.approx(110, abs=2)
    assert Histogram(np.full(5, 7, np.float32)).split() == 256


def test_a_histogram_knows_percentiles_and_deviations() -> None:
    """They are NumPy's to a 255th of the range, of all pixels or of some bins."""
    values = np.random.default_rng(0).normal(100, 20, 5000).astype(np.float32)
    levels = Histogram(values)
    near = float(np.ptp(values)) / 255
    for share in (0.02, 0.5, 0.98):
        assert levels.percentile(share) == pytest.approx(np.quantile(values, share), abs=near)
    cut = levels.bin_of(110)
    above, below = values[levels.bins >= cut], values[levels.bins < cut]
    assert levels.percentile(0.6, start=cut) == pytest.approx(np.quantile(above, 0.6), abs=near)
    apart = np.median(np.abs(below - np.median(below)))
    middle = levels.percentile(0.5, end=cut)
    assert levels.deviation(middle, end=cut) == pytest.approx(apart, abs=near)


def test_the_trend_follows_the_light_and_not_the_ink() -> None:
    """A quadratic surface is found again under a block of ink on it."""
    y, x = np.mgrid[0:60, 0:80] / 80
    light = (200 - 60 * x + 30 * y * y).astype(np.float32)
    inked = light.copy()
    inked[20:30, 10:60] -= 120
    assert np.abs(trend(inked) - light).max() < 6


def test_blurring_keeps_the_mean_of_nine() -> None:
    """Each pixel is the mean of its neighbourhood; a level plane stays level."""
    plane = np.zeros((5, 5), np.float32)
    plane[2, 2] = 9
    assert np.allclose(blurred(plane)[1:4, 1:4], 1)
    assert np.allclose(blurred(np.full((4, 6), 3, np.float32)), 3)


def test_erosion_finds_where_squares_fit() -> None:
    """A square of 3 fits into 4 x 5 pixels at six places, one of 5 nowhere."""
    mask = np.zeros((9, 9), np.bool_)
    mask[2:6, 1:6] = True
    assert eroded(mask, 3).sum() == 6
    assert not eroded(mask, 5).any()


def test_the_ring_is_the_border() -> None:
    """On a small plane it is one pixel thick; on a larger one 4 % of its shorter side."""
    assert len(ring_of(np.zeros((10, 6), np.float32))) == 10 * 6 - 8 * 4
    assert len(ring_of(np.zeros((100, 100), np.float32))) == 100 * 100 - 92 * 92


def test_widening_adds_four_neighbours() -> None:
    """A dot becomes a plus."""
    dot = np.zeros((3, 3), np.bool_)
    dot[1, 1] = True
    assert widened(dot).tolist() == [[False, True, False], [True] * 3, [False, True, False]]
