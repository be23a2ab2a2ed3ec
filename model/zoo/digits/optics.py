"""Degrade digits as cameras and small pictures do."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FEWEST_PIXELS: Final = 12
MOST_PIXELS: Final = 21
LEAST_INK: Final = 0.4
"""A digit that would lose more of its ink is left unchanged."""

Floats = NDArray[np.float32]


def photographed(images: Floats, random: np.random.Generator) -> Floats:
    """Degrade digits as cameras and small pictures do.

    Each step is applied to each digit with its own chance: fewer pixels, blur, a harder or softer
    edge, noise.

    Args:
        images: float32[B, 28, 28] in 0..1.

    Returns:
        float32[B, 28, 28] in 0..1.
    """
    count = len(images)

    def share(chance: float) -> NDArray[np.bool_]:
        return random.random(count) < chance

    degraded = images.copy()
    coarse = share(0.25)
    pixels = int(random.integers(FEWEST_PIXELS, MOST_PIXELS + 1))
    degraded[coarse] = _through_fewer_pixels(degraded[coarse], pixels)
    blurred = share(0.4)
    degraded[blurred] = ndimage.gaussian_filter(
        degraded[blurred], (0, *[random.uniform(0.3, 0.9)] * 2)
    )
    edged = share(0.5)
    # A steep slope is a hard threshold, as in a scan; a gentle one faint ink. Paper stays paper.
    slope = np.exp(random.uniform(-0.5, 1.6, (int(edged.sum()), 1, 1)))
    threshold = random.uniform(0.25, 0.6, slope.shape)
    harder = (degraded[edged] - threshold) * slope + 0.5
    degraded[edged] = harder * np.minimum(1, degraded[edged] * 8)
    noisy = share(0.3)
    degraded[noisy] *= 1 + random.normal(0.0, 0.15, degraded[noisy].shape)
    degraded = np.clip(degraded, 0.0, 1.0)
    lost = degraded.sum(axis=(1, 2)) < LEAST_INK * images.sum(axis=(1, 2))
    degraded[lost] = images[lost]
    return degraded.astype(np.float32)


def _through_fewer_pixels(images: Floats, pixels: int) -> Floats:
    """Shrink pictures to `pixels` a side by area and enlarge them again."""
    side = images.shape[1]
    both = _linear_matrix(pixels, side) @ _area_matrix(side, pixels)
    coarse: Floats = both @ images @ both.T
    return coarse


def _area_matrix(old: int, new: int) -> Floats:
    """Return float32[new, old]: the mean over the pixels that each new pixel covers."""
    edges = np.arange(new + 1) * old / new
    pixels = np.arange(old)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares: Floats = (np.clip(overlap, 0, None) * new / old).astype(np.float32)
    return shares


def _linear_matrix(old: int, new: int) -> Floats:
    """Return float32[new, old]: linear interpolation between old pixels."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance = np.abs(places[:, None] - np.arange(old))
    weights: Floats = np.clip(1 - distance, 0, None).astype(np.float32)
    return weights
