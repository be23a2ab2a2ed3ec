"""Write some digits as other people do: a 1 with a foot or an upstroke, a 7 with a bar.

Half of the world writes so, but MNIST's writers seldom did: five thousand digits have too few to
learn from. A 1 with an upstroke and a 7 differ only in how steeply the first stroke falls to the
left, so both are drawn anew as well, each with every slope, length and lean that it may have.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FLAG_SHARE: Final = 0.7
"""The share of 1s with a foot that have a flag too; a flag alone would make a 7."""

STEM: Final = 18.0
"""The height of a digit that is drawn anew, in pixels."""

BAR_SHARE: Final = 0.3
"""The share of 7s drawn anew that have a bar across the stem."""

INK: Final = 0.4
"""The grey from which a pixel belongs to a stroke."""

Floats = NDArray[np.float32]
Point = tuple[float, float]


def footed(digit: Floats, random: np.random.Generator) -> Floats:
    """Add a foot to a 1, and mostly a flag at its top.

    Args:
        digit: float32[28, 28] in 0..1, a 1.
        random: draws lengths and slants.
    """
    top, bottom = _ends(digit)
    pen = _pen_width(digit)
    left, right = random.uniform(2.5, 6.5, 2)
    slant = random.uniform(-0.15, 0.15)
    row, column = bottom
    foot = _stroke((row + slant * left, column - left), (row - slant * right, column + right), pen)
    written = np.maximum(digit, foot)
    if random.random() < FLAG_SHARE:
        length, angle = random.uniform(3.0, 7.0), random.uniform(0.3, 1.1)
        written = np.maximum(written, _stroke(top, _tip(top, length, angle), pen))
    return written


def with_upstroke(digit: Floats, random: np.random.Generator) -> Floats:
    """Draw a 1 anew: an upstroke of 0.2 to 0.5 of its height, a stem, no foot.

    Args:
        digit: float32[28, 28] in 0..1, a 1 with the pen to draw with.
        random: draws lengths and slants.
    """
    lean = random.uniform(-0.1, 0.3)
    share = random.uniform(0.2, 0.5)
    # The longer the upstroke, the steeper: a long one that hardly falls makes a 7.
    angle = random.uniform(0.35 + 0.4 * share, 1.1)
    return _two_strokes(_pen_width(digit), lean=lean, share=share, angle=angle)


def angular(digit: Floats, random: np.random.Generator) -> Floats:
    """Draw a 7 anew: a level stroke of 0.35 to 0.7 of its height, a stem, sometimes a bar.

    Args:
        digit: float32[28, 28] in 0..1, a 7 with the pen to draw with.
        random: draws lengths and slants.
    """
    share = random.uniform(0.35, 0.7)
    lean = random.uniform(0.0, 0.55)
    angle = random.uniform(-0.2, 0.2)
    drawn = _two_strokes(_pen_width(digit), lean=lean, share=share, angle=angle)
    return barred(drawn, random) if random.random() < BAR_SHARE else drawn


def barred(digit: Floats, random: np.random.Generator) -> Floats:
    """Add a bar across the stem of a 7.

    Args:
        digit: float32[28, 28] in 0..1, a 7.
        random: draws the bar's place, length and slant.
    """
    top, bottom = _ends(digit)
    row = top[0] + random.uniform(0.42, 0.62) * (bottom[0] - top[0])
    column = _middle(digit[round(row)])
    left, right = random.uniform(2.5, 5.5, 2)
    slant = random.uniform(-0.1, 0.4)
    bar = _stroke(
        (row + slant * left, column - left),
        (row - slant * right, column + right),
        _pen_width(digit),
    )
    return np.maximum(digit, bar)


def _two_strokes(pen: float, *, lean: float, share: float, angle: float) -> Floats:
    """Draw a stem in the middle of the field, and a stroke that ends at its top.

    Args:
        pen: its width in pixels.
        lean: how far the top leans right, as a share of the height.
        share: the length of the first stroke, as a share of the height.
        angle: how steeply that stroke rises from its left end, in radians.
    """
    half, aside = STEM / 2, lean * STEM / 2
    top, bottom = (13.5 - half, 13.5 + aside), (13.5 + half, 13.5 - aside)
    tip = _tip(top, share * STEM, angle)
    return np.maximum(_stroke(tip, top, pen), _stroke(top, bottom, pen))


def _tip(top: Point, length: float, angle: float) -> Point:
    """Return the left end of a stroke that rises to `top`."""
    return top[0] + length * np.sin(angle), top[1] - length * np.cos(angle)


def _ends(digit: Floats) -> tuple[Point, Point]:
    """Return the middle of the highest and of the lowest ink, (row, column) each."""
    rows = np.flatnonzero((digit > INK).any(axis=1))
    first, last = int(rows[0]), int(rows[-1])
    return (first + 0.5, _middle(digit[first])), (last - 0.5, _middle(digit[last]))


def _middle(row: Floats) -> float:
    columns = np.arange(len(row))
    return float(row @ columns / max(float(row.sum()), 1e-6))


def _pen_width(digit: Floats) -> float:
    """Return about the width of the pen in pixels: the ink's area divided by half its outline."""
    inked = np.pad(digit > INK, 1)
    outline = sum(int((inked ^ np.roll(inked, 1, axis)).sum()) for axis in (0, 1))
    return float(np.clip(2.2 * inked.sum() / max(outline, 1), 1.2, 4.5))


def _stroke(start: Point, end: Point, width: float) -> Floats:
    """Draw a straight stroke with round ends: float32[28, 28] in 0..1."""
    rows, columns = np.mgrid[0:28, 0:28].astype(np.float32)
    down, across = end[0] - start[0], end[1] - start[1]
    along = ((rows - start[0]) * down + (columns - start[1]) * across) / (down**2 + across**2)
    part = np.clip(along, 0.0, 1.0)
    distance = np.hypot(rows - start[0] - part * down, columns - start[1] - part * across)
    stroke: Floats = np.clip(width / 2 + 0.5 - distance, 0.0, 1.0).astype(np.float32)
    return stroke
