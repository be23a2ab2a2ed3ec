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

from typing import Final

import numpy as np

from model.recipes.digit.filters import (
    Mask,
    Plane,
    blurred,
    closed,
    components,
    neighbours,
    otsu,
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

PEN_ON_PAPER: Final = 1.5
"""How much likelier dark ink is than light ink on a photo, before looking."""

SHADOW_REST: Final = 0.35
"""The remains of a shadow, its paper removed, are below this share of the range of levels."""

SHADOW_LIKENESS: Final = 0.55
"""Half of a picture scores 0.5: two levels that score no more are lit paper and its shadow."""

LINED: Final = 16
"""Pixels per side from which a printed line can be told from a stroke."""

SMOOTHABLE: Final = 40
"""Pixels per side from which strokes are wide enough to be blurred by three pixels."""


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
    clean = without_lone_pixels(plane)
    even = is_even(clean)
    light = np.float32(0) if even else trend(clean)
    if agreement_of(plane - light) < MIN_AGREEMENT:
        return None
    if even:
        raised, least = _raised_evenly(clean), MIN_CONTRAST
    else:
        raised = _raised_unevenly(clean, clean - light)
        darkest, lightest = np.percentile(_soft(clean), (2, 98))
        least = max(MIN_CONTRAST, SHADOW_REST * float(lightest - darkest))
    return stretched(np.maximum(without_lines(raised), 0), least=least)


def without_lone_pixels(plane: Plane) -> Plane:
    """Replace each pixel that differs from all neighbours, or all but one, by their median."""
    if min(plane.shape) < SMOOTHABLE:
        return plane
    around = neighbours(plane)
    alone = (np.abs(around - plane) < 0.25 * np.ptp(plane)).sum(axis=0) <= 1
    if not alone.any():
        return plane
    plane = plane.copy()
    plane[alone] = np.median(around[:, alone], axis=0)
    return plane


def is_even(plane: Plane) -> bool:
    """Whether the paper has one level: on the picture's edge, or with two levels in all."""
    if min(plane.shape) < 12:
        return True
    soft = _soft(plane)
    high = soft > otsu(soft)
    if high.all() or not high.any():
        return True
    levels = np.median(soft[high]), np.median(soft[~high])
    contrast = levels[0] - levels[1]
    ring, ring_high = ring_of(soft), ring_of(high)
    paper = ring[ring_high == (ring_high.mean() > 0.5)]
    spread = float(np.percentile(paper, 80) - np.percentile(paper, 20))
    if len(paper) > 0.85 * len(ring) and spread < 0.1 * contrast:
        return True
    near = np.minimum(np.abs(soft - levels[0]), np.abs(soft - levels[1])) < 0.05 * contrast
    two_levels = bool(near.mean() > 0.65)
    return two_levels and max(likeness(high), likeness(~high)) > SHADOW_LIKENESS


def _soft(plane: Plane) -> Plane:
    return blurred(plane) if min(plane.shape) >= SMOOTHABLE else plane


def _raised_evenly(plane: Plane) -> Plane:
    """Return how far the ink is from paper of one level: positive for ink, dark or light."""
    soft = _soft(plane)
    light = soft > otsu(soft)
    dark = likeness(~light) >= likeness(light)
    paper = np.float32(np.median(plane[light if dark else ~light]))
    return paper - plane if dark else plane - paper


def _raised_unevenly(plane: Plane, levelled: Plane) -> Plane:
    """Return how far the ink is from paper under uneven light: positive for ink, dark or light.

    Both readings are tried, and each is judged twice: on the levelled plane, and after its paper is
    subtracted. Dark ink is assumed on a photo unless light ink is clearly likelier.
    """
    size = int(0.45 * min(plane.shape)) | 1
    soft = _soft(levelled)
    light = soft > otsu(soft)
    best = -1.0
    for sign, mask, prior in ((-1, ~light, PEN_ON_PAPER), (1, light, 1.0)):
        signed = np.float32(sign) * plane
        paper = np.median(signed[~mask]) if size < 9 else -closed(-_soft(signed), size)
        apart = np.maximum(signed - paper, 0)
        score = (
            prior * likeness(mask) * likeness(apart > max(otsu(apart), 0.3 * float(apart.max())))
        )
        if score > best:
            best, raised = score, apart
    return raised


def likeness(mask: Mask) -> float:
    """Return how much a mask looks like ink: in one piece, and seldom on the edge of the picture.

    Returns:
        0 to 1.
    """
    coarse = mask[:: max(1, mask.shape[0] // 64), :: max(1, mask.shape[1] // 64)]
    sizes = np.bincount(components(coarse).ravel())[1:]
    if not len(sizes):
        return 0.0
    sizes = sizes[sizes >= 0.02 * sizes.max()]
    return float((sizes.max() / sizes.sum()) ** 2 * (1.02 - ring_of(mask).mean()))


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
    """Remove what runs straight through the whole picture: rules, squares, a frame.

    A line is thin, and inked along five sixths of its row or column; where strokes cross it, their
    own ink remains.
    """
    for _ in range(2):
        height = raised.shape[0]
        if height >= LINED:
            through, middle = np.percentile(raised, (16, 50), axis=1).astype(np.float32)
            thick = max(3, round(0.05 * height)) | 1
            # Outside the picture there is no line: one along its border is thin as well.
            profile = np.pad(middle, thick)[:, np.newaxis]
            wide = -closed(-profile, thick)[thick:-thick]
            raised = raised - np.maximum(through[:, np.newaxis] - wide, 0)
        raised = raised.T
    return raised


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
        peak = float(raised.max())
        inked = raised > max(otsu(raised), 0.3 * peak)
        if not inked.any():
            return None
        rest = raised[~inked]
        floor = float(np.median(rest))
        noise = 1.4826 * float(np.median(np.abs(rest - floor)))
        contrast = float(np.percentile(raised[inked], 60)) - floor
        if not blurs_left or contrast > clear * noise:
            break
        raised = blurred(raised)
    if peak - floor < least or contrast < MIN_SIGNAL * noise:
        return None
    low = max(2.5 * noise, 0.1 * contrast)
    ink: Plane = np.clip((raised - (floor + low)) / np.float32(max(contrast - low, 1e-3)), 0, 1)
    return ink
