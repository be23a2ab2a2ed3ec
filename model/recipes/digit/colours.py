"""Turn a picture of any mode into one plane of levels on which ink and paper differ.

1. reduced   a large picture is shrunk, in bands, so no whole copy of it is ever made
2. colours   transparency: shapes drawn on nothing are the ink, otherwise nothing is paper
3. axis      three channels become one, along the axis of colours on which neighbouring pixels
             differ most: for red on green that axis is red against green
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from model.recipes.digit.filters import Plane

if TYPE_CHECKING:
    from PIL import Image

BAND_PIXELS: Final = 1 << 20
"""A large picture is converted and reduced in bands of about this many pixels."""

OPAQUE: Final = 127
"""Alpha above which a pixel counts as covered, where the picture's largest is 255."""


def reduced(picture: Image.Image, side: int) -> Image.Image:
    """Shrink a picture by a whole factor, to a longer side of `side` to 2 x `side` pixels.

    Each pixel is the mean of those it replaces. Works in bands, so that no whole copy in another
    mode is ever made.

    Returns:
        Mode L, LA, RGB, RGBA or F.
    """
    factor = max(picture.size) // side
    if factor < 2:
        return workable(picture)
    from PIL import Image

    width, height = picture.size
    rows = max(1, BAND_PIXELS // (width * factor)) * factor
    bands = [
        workable(picture.crop((0, top, width, min(height, top + rows)))).reduce(factor)
        for top in range(0, height, rows)
    ]
    whole = Image.new(bands[0].mode, (bands[0].width, sum(band.height for band in bands)))
    top = 0
    for band in bands:
        whole.paste(band, (0, top))
        top += band.height
    return whole


def workable(picture: Image.Image) -> Image.Image:
    """Convert a picture of any mode to L, LA, RGB, RGBA or F without losing levels."""
    mode = picture.mode
    if "transparency" in picture.info and mode in ("1", "L", "P", "RGB"):
        return picture.convert("RGBA")
    if mode in ("L", "LA", "RGB", "RGBA", "F"):
        return picture
    if mode == "1":
        return picture.convert("L")
    if mode.startswith("I"):
        return picture.convert("I").convert("F")
    if mode in ("PA", "La", "RGBa"):
        return picture.convert("RGBA")
    return picture.convert("RGB")


def plane_of(picture: Image.Image) -> Plane:
    """Return the levels of a picture along its ink axis.

    Args:
        picture: mode L, LA, RGB, RGBA or F, as `reduced` returns it.

    Returns:
        float32[h, w], about 0..255; which end is ink is not known yet.
    """
    return along_ink_axis(colours_of(picture))


def colours_of(picture: Image.Image) -> NDArray[np.float32]:
    """Return the picture's levels without transparency.

    Returns:
        float32[h, w, c] in 0..255; c = 1 for grey, 3 for colours.
    """
    levels = np.asarray(picture, np.float32)
    if picture.mode == "F":
        # 16 and 32 bits: cameras use any part of the range, so the actual range is taken.
        low, high = float(levels.min()), float(levels.max())
        levels = (levels - low) * np.float32(255 / (high - low) if high > low else 0)
    if levels.ndim == 2:
        return levels[..., np.newaxis]
    if picture.mode in ("LA", "RGBA"):
        levels = without_transparency(levels[..., :-1], levels[..., -1:])
    return levels


def without_transparency(
    colours: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the picture as the eye would see it.

    Alpha that hardly varies hides nothing. Where things are drawn on nothing, their shape is the
    ink, whatever their colour, and whatever colour the nothing has. Only a card, opaque all over
    its box and of several colours, is put on a ground of its own most common colour.
    """
    most = float(alpha.max())
    if np.ptp(alpha) <= most / 2:
        return colours
    alpha = alpha * np.float32(255 / most)  # a translucent pen draws, too
    opaque = alpha[..., 0] > OPAQUE
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    inside = colours[opaque]
    if opaque.sum() < 0.8 * box or np.ptp(inside, axis=0).max() < 32:
        return alpha
    cover: NDArray[np.float32] = alpha / np.float32(255)
    ground = np.median(inside, axis=0).astype(np.float32)
    return colours * cover + ground * (1 - cover)


def along_ink_axis(colours: NDArray[np.float32]) -> Plane:
    """Return one plane: the colours along the axis on which neighbours differ most.

    Light changes slowly over the paper, ink ends within pixels: so the differences of near pixels
    point from paper to ink, and their first principal axis is the ink axis.

    Source: S. Di Zenzo, "A note on the gradient of a multi-image", 1986.
    """
    if colours.shape[2] == 1:
        grey: Plane = colours[..., 0]
        return grey
    if min(colours.shape[:2]) < 3:
        level: Plane = colours.mean(axis=2)
        return level
    step = 2 if min(colours.shape[:2]) > 32 else 1
    across = (colours[:, step:] - colours[:, :-step]).reshape(-1, 3)
    down = (colours[step:] - colours[:-step]).reshape(-1, 3)
    _, axes = np.linalg.eigh(across.T @ across + down.T @ down)
    axis = axes[:, -1] / np.abs(axes[:, -1]).sum()
    plane: Plane = (colours @ (axis if axis.sum() >= 0 else -axis)).astype(np.float32)
    return plane
