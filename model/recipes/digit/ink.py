"""Find the ink on a plane of levels: in any light, dark on light or light on dark.

The steps, in order; each is a small function below:

    1. specks    a pixel unlike all its neighbours takes their median
    2. even?     paper of one level, or paper under uneven light
    3. drawn?    if neighbouring pixels do not agree there is only noise
    4. reading   dark ink or light? Ink is in one piece and keeps off the edge of the picture
    5. paper     even paper is one level; under uneven light it is the picture with all valleys as
                 wide as strokes filled: shadows are wider
    6. lines     lines straight through the whole picture were printed on the paper
    7. level     paper 0, ink 1, linear in between; ink must stand out from the paper's noise

Source for 5: background estimation by morphological closing, as in document binarisation
(e.g. Gatos et al., "Adaptive degraded document image binarization", 2006).
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from model.recipes.digit.filters import (
    Histogram,
    Mask,
    Plane,
    blurred,
    closed,
    eroded,
    pieces_of,
    ring_of,
    trend,
)

MIN_CONTRAST: Final = 4.0
"""Levels of 255 between ink and paper below which no eye would see a digit."""

MIN_SIGNAL: Final = 3.5
"""Ink must stand out from its paper by this many times the noise; noise itself reaches 3."""

CLEAR_SIGNAL: Final = 8.0
"""Below this many times the noise, the plane is blurred before noise is cut."""

MIN_AGREEMENT: Final = 0.12
"""Correlation of neighbouring pixels below which a picture is noise."""

PEN_ON_PAPER: Final = 2.5
"""How much likelier dark ink is than light ink on a photo, before looking."""

SHADOW_REST: Final = 0.35
"""The remains of a shadow, its paper removed, are below this share of the range of levels."""

SHADOW_LIKENESS: Final = 0.8
"""A part in light or in shadow touches a fifth of the edge or more; ink that broad seldom does."""

MOST_LIKENESS: Final = 1.02
"""The likeness of one piece that keeps off the edge."""

STROKE_LIKENESS: Final = 0.35
"""A stroke along the edge of a picture scores more than this; a shadow is broad."""

BEYOND: Final = 0.3
"""How far ink is beyond the levels of light and shadow, as a share of their contrast."""

LEAST_INK: Final = 0.01
"""The share of a picture from which ink beyond those levels is more than noise."""

LINED: Final = 16
"""Pixels per side from which a printed line can be told from a stroke."""

STRONG_LINE: Final = 0.4
"""The share of the darkest ink from which a line may have been written; rules are often paler."""

RULE_MARGIN: Final = 0.15
"""The share of the picture by which one rule goes on past the digit, on both sides."""

SMOOTHABLE: Final = 40
"""Pixels per side from which strokes are wide enough to be blurred by three pixels."""

_CENTRE: Final = 4  # of a pixel and its neighbours, in reading order
_ENDS_OF_ONE: Final = 2


def ink_of(plane: Plane) -> Plane | None:
    """Return how much ink is on each pixel.

    Args:
        plane: float32[h, w], levels about 0..255, at most a few hundred pixels a side, without a
            frame (frames.py).

    Returns:
        float32[h, w] in 0..1, ink 1, paper 0; None if nothing stands out.
    """
    if min(plane.shape) < 2 or np.ptp(plane) < MIN_CONTRAST:
        return None
    look = Look(without_lone_pixels(plane))
    light = None if look.is_even() else trend(look.plane)
    if agreement_of(plane if light is None else plane - light) < MIN_AGREEMENT:
        return None
    if light is None:
        raised, least = _raised_evenly(look), MIN_CONTRAST
    else:
        raised = _raised_unevenly(look, light)
        darkest, lightest = look.levels.percentile(0.02), look.levels.percentile(0.98)
        least = max(MIN_CONTRAST, SHADOW_REST * (lightest - darkest))
    return stretched(np.maximum(without_lines(raised), 0), least=least)


class Look:
    """What several steps ask of one plane, computed once.

    Attributes:
        plane: float32[h, w].
        soft: the plane blurred, where its strokes are wide enough.
        levels: those of `soft`.
        split: the first bin of the lighter of its two classes.
        light: bool[h, w], the lighter class.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.soft = blurred(plane) if min(plane.shape) >= SMOOTHABLE else plane
        self.levels = Histogram(self.soft)
        self.split = self.levels.split()
        self.light: Mask = self.levels.bins >= self.split

    @property
    def classes(self) -> tuple[Mask, Mask]:
        """The darker and the lighter pixels."""
        return ~self.light, self.light

    @cached_property
    def likenesses(self) -> tuple[float, float]:
        """How much the darker and the lighter class look like ink."""
        dark, light = map(likeness, self.classes)
        return dark, light

    def is_even(self) -> bool:
        """Whether the paper has one level: on the picture's edge, or with two levels in all."""
        if min(self.plane.shape) < 12 or self.split == len(self.levels.counts):
            return True
        levels = self.level_of(light=True), self.level_of(light=False)
        contrast = levels[0] - levels[1]
        lit = ring_of(self.light)
        on_paper = lit == (lit.mean() > 0.5)
        paper = Histogram(ring_of(self.soft)[on_paper])
        spread = paper.percentile(0.8) - paper.percentile(0.2)
        # A part in light or in shadow has ink beside it that is a third level; a broad stroke none.
        apart = np.abs(self.soft - (levels[0] + levels[1]) / 2) > (0.5 + BEYOND) * contrast
        third = bool(apart.mean() > LEAST_INK)
        if on_paper.mean() > 0.85 and spread < 0.1 * contrast:
            rest = self.classes[int(lit.mean() <= 0.5)]
            if not (third and _is_broad(rest)):
                return True
        away = np.minimum(np.abs(self.soft - levels[0]), np.abs(self.soft - levels[1]))
        if (away < 0.05 * contrast).mean() <= 0.65:
            return False
        broad = 1 if third else SHADOW_LIKENESS
        return any(
            likely > (broad if _is_broad(mask) else STROKE_LIKENESS)
            for likely, mask in zip(self.likenesses, self.classes, strict=True)
        )

    def level_of(self, *, light: bool) -> float:
        """Return the median level of a class."""
        if light:
            return self.levels.percentile(0.5, start=self.split)
        return self.levels.percentile(0.5, end=self.split)


def without_lone_pixels(plane: Plane) -> Plane:
    """Replace each pixel that differs from all neighbours, or all but one, by their median."""
    if min(plane.shape) < SMOOTHABLE:
        return plane
    apart = np.float32(0.25 * np.ptp(plane))
    # A pixel unlike its neighbours is unlike their mean: only a few need a closer look.
    rows, columns = np.nonzero(np.abs(plane - blurred(plane)) > apart / 2)
    padded = np.pad(plane, 1, mode="edge")
    around = np.stack(
        [padded[rows + at // 3, columns + at % 3] for at in range(9) if at != _CENTRE]
    )
    alone = (np.abs(around - plane[rows, columns]) < apart).sum(axis=0) <= 1
    if not alone.any():
        return plane
    plane = plane.copy()
    plane[rows[alone], columns[alone]] = np.median(around[:, alone], axis=0)
    return plane


def _raised_evenly(look: Look) -> Plane:
    """Return how far the ink is from paper of one level: positive for ink, dark or light."""
    dark, light = look.likenesses
    paper = np.float32(look.level_of(light=dark >= light))
    return paper - look.plane if dark >= light else look.plane - paper


def _raised_unevenly(look: Look, surface: Plane) -> Plane:
    """Return how far the ink is from paper under uneven light: positive for ink, dark or light.

    Both readings are tried, and each is judged twice: on the levelled plane, and after its paper is
    subtracted. Dark ink is assumed on a photo unless light ink is clearly likelier.
    """
    size = int(0.45 * min(look.plane.shape)) | 1
    levelled = Histogram(look.soft - surface)
    light = levelled.bins >= levelled.split()
    best = -1.0
    for sign, mask, prior in ((-1, ~light, PEN_ON_PAPER), (1, light, 1.0)):
        likely = prior * likeness(mask)
        if likely * MOST_LIKENESS <= best:
            break
        signed = np.float32(sign) * look.plane
        soft = np.float32(sign) * look.soft
        paper = np.median(signed[~mask]) if size < 9 else -closed(-soft, size)
        apart = np.maximum(signed - paper, 0)
        score = likely * likeness(_peaks_of(apart))
        if score > best:
            best, raised = score, apart
    return raised


def _peaks_of(raised: Plane) -> Mask:
    """Return where the levels are in the upper of two classes, and not far below the highest."""
    levels = Histogram(raised)
    return levels.bins >= _first_of_ink(levels)


def _first_of_ink(levels: Histogram) -> int:
    """Return the first bin of the upper of two classes that is not far below the highest level."""
    return max(levels.split(), levels.bin_of(0.3 * levels.high))


def likeness(mask: Mask) -> float:
    """Return how much a mask looks like ink: one piece, seldom on the edge, not all over.

    Returns:
        0 to MOST_LIKENESS.
    """
    cover = float(mask.mean())
    sizes = np.bincount(pieces_of(_in_blocks(mask)).labels.ravel())[1:]
    if not len(sizes):
        return 0.0
    sizes = sizes[sizes >= 0.02 * sizes.max()]
    in_one = float(sizes.max() / sizes.sum()) ** 2
    return in_one * (MOST_LIKENESS - float(ring_of(mask).mean())) * min(1.0, 2.5 * (1 - cover))


def _is_broad(mask: Mask) -> bool:
    """Whether a square of a quarter of the shorter side fits into the mask: it is no stroke."""
    return bool(eroded(mask, min(mask.shape) // 4).any())


def _in_blocks(mask: Mask) -> Mask:
    """Return the mask at about 64 pixels a side: a block is set if any of its pixels is.

    So a thin stroke stays one piece.
    """
    down, across = (max(1, side // 64) for side in mask.shape)
    if down == across == 1:
        return mask
    tops, lefts = np.arange(0, mask.shape[0], down), np.arange(0, mask.shape[1], across)
    return np.logical_or.reduceat(np.logical_or.reduceat(mask, tops, axis=0), lefts, axis=1)


def agreement_of(plane: Plane) -> float:
    """Return the correlation of neighbouring pixels, along the axis on which they agree more.

    It is 0 in noise, and above 0.5 in most drawings.
    """
    centred = plane - plane.mean()
    power = max(float((centred**2).mean()), 1e-9)
    down = float((centred[1:] * centred[:-1]).mean())
    across = float((centred[:, 1:] * centred[:, :-1]).mean())
    return max(down, across) / power


def without_lines(raised: Plane) -> Plane:
    """Remove what is printed straight through the whole picture: rules, squares, a frame.

    A line is thin, and inked along five sixths of its row or column; where strokes cross it, their
    own ink remains. In a picture cropped to its digit a bar, a foot or a stem is such a line too.
    """
    for _ in range(2):
        if raised.shape[0] >= LINED:
            lift = _lines_of(raised)
            if lift is not None:
                raised = raised - lift[:, np.newaxis]
        raised = raised.T
    return raised


def _lines_of(raised: Plane) -> Plane | None:
    """Return how far the lines along each row are raised, float32[h]; None if there are none."""
    height = raised.shape[0]
    peak = float(raised.max())
    if not ((raised > 0.05 * peak).mean(axis=1) > 5 / 6).any():
        return None
    ordered = np.sort(raised, axis=1)
    through, middle = (ordered[:, int(share * (raised.shape[1] - 1))] for share in (0.16, 0.5))
    thick = max(3, round(0.05 * height)) | 1
    # Outside the picture there is no line: one along its border is thin as well.
    profile = np.pad(middle, thick)[:, np.newaxis]
    wide = -closed(-profile, thick)[thick:-thick]
    lift: Plane = np.maximum(through[:, np.newaxis] - wide, 0)[:, 0]
    strong = lift > STRONG_LINE * peak
    return lift if _are_printed(raised, strong) else np.where(strong, np.float32(0), lift)


def _are_printed(raised: Plane, strong: Mask) -> bool:
    """Whether lines as strong as ink were printed on the paper, not written.

    They were if there are several, or if the only one goes on far past the rest of the ink.
    """
    ends = np.flatnonzero(np.diff(strong.astype(np.int8), prepend=0, append=0))
    if len(ends) != _ENDS_OF_ONE:
        return True
    rest = raised[~strong] > STRONG_LINE * raised.max()
    columns = np.flatnonzero(rest.any(axis=0))
    if not len(columns):
        return False
    width = raised.shape[1]
    return bool(min(columns[0], width - 1 - columns[-1]) > RULE_MARGIN * width)


def stretched(raised: Plane, *, least: float) -> Plane | None:
    """Scale paper to 0 and ink to 1; noisy paper is blurred first.

    Args:
        raised: float32[h, w], how far each pixel is from its paper, in levels.
        least: the least contrast of ink, in levels.

    Returns:
        float32[h, w] in 0..1; None if the ink does not stand out from the paper.
    """
    large = min(raised.shape) >= SMOOTHABLE
    clear = CLEAR_SIGNAL if large else CLEAR_SIGNAL / 2
    for blurs_left in (2, 1, 0) if large else (1, 0):
        levels = Histogram(raised)
        cut = _first_of_ink(levels)
        if cut >= len(levels.counts):
            return None
        floor = levels.percentile(0.5, end=cut)
        noise = 1.4826 * levels.deviation(floor, end=cut)
        contrast = levels.percentile(0.6, start=cut) - floor
        if not blurs_left or contrast > clear * noise:
            break
        raised = blurred(raised)
    if levels.high - floor < least or contrast < MIN_SIGNAL * noise:
        return None
    low = max(2.5 * noise, 0.1 * contrast)
    ink: Plane = np.clip((raised - (floor + low)) / np.float32(max(contrast - low, 1e-3)), 0, 1)
    return ink
