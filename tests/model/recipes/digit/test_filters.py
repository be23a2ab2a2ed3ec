"""The filters on planes do what their textbook versions do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from model.recipes.digit.filters import (
    blurred,
    closed,
    components,
    neighbours,
    otsu,
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
def test_components_are_what_flooding_finds(mask: NDArray[np.bool_]) -> None:
    """Pixels share a number exactly if a flood from one reaches the other, diagonals included."""
    labels = components(mask)
    assert ((labels > 0) == mask).all()
    numbered = {
        frozenset(
            (int(row), int(column))
            for row, column in zip(*np.nonzero(labels == number), strict=True)
        )
        for number in range(1, int(labels.max(initial=0)) + 1)
    }
    assert numbered == flooded(mask)


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


def test_otsu_splits_two_peaks_in_the_middle() -> None:
    """Between two levels any cut is as good; the middle one is returned."""
    assert otsu(np.array([10] * 70 + [210] * 30, np.float32)) == pytest.approx(110, abs=2)
    assert otsu(np.full(5, 7, np.float32)) == 7


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


def test_neighbours_are_the_eight_around() -> None:
    """Each pixel has eight, in reading order; on the border the pixel's own row repeats."""
    plane = np.arange(9, dtype=np.float32).reshape(3, 3)
    assert neighbours(plane)[:, 1, 1].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert neighbours(plane)[:, 0, 0].tolist() == [0, 0, 1, 0, 1, 3, 3, 4]


def test_the_ring_is_the_border() -> None:
    """On a small plane it is one pixel thick; on a larger one 4 % of its shorter side."""
    assert len(ring_of(np.zeros((10, 6), np.float32))) == 10 * 6 - 8 * 4
    assert len(ring_of(np.zeros((100, 100), np.float32))) == 100 * 100 - 92 * 92


def test_widening_adds_four_neighbours() -> None:
    """A dot becomes a plus."""
    dot = np.zeros((3, 3), np.bool_)
    dot[1, 1] = True
    assert widened(dot).tolist() == [[False, True, False], [True] * 3, [False, True, False]]
