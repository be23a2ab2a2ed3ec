"""Turn a picture of one digit into what MNIST would have made of it.

The steps:

    1. ready     a 28 x 28 picture that already is an MNIST digit passes unchanged
    2. look      the picture is reduced to about LOOK_SIDE pixels of one plane (colours.py), a frame
                 is cut off (frames.py), and its ink is found (ink.py)
    3. digit     the largest piece of ink off the edge, with the pieces near it; all else is dirt,
                 but a piece as tall beside it is a second digit
    4. close up  a digit that is small in a large picture is cropped from the picture and looked at
                 again, so that a corner of a photo works as well as a scan
    5. scale     the digit's box is scaled to 20 pixels, aspect kept, area by area
    6. centre    the digit is moved so that its centre of mass is the middle of 28 x 28

Source for 5 and 6: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits":
"The original black and white (bilevel) images from NIST were size normalized to fit in a 20x20
pixel box while preserving their aspect ratio. The resulting images contain grey levels as a
result of the anti-aliasing technique used by the normalization algorithm. The images were
centered in a 28x28 image by computing the center of mass of the pixels, and translating the
image so as to position this point at the center of the 28x28 field."
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from model.errors import InputError, Problem
from model.recipes.digit.colours import plane_of, reduced, workable
from model.recipes.digit.filters import Box, Mask, Plane, pieces_of, widened
from model.recipes.digit.frames import inside_of_frame
from model.recipes.digit.ink import SMOOTHABLE, ink_of

if TYPE_CHECKING:
    from PIL import Image

SIDE: Final = 28
INK_BOX: Final = 20

LOOK_SIDE: Final = 96
"""The first look: a digit a twentieth as high as the picture is still 10 pixels."""

CLOSE_SIDE: Final = 96
"""The close look: strokes are several pixels wide, and closing them takes a millisecond."""

LEAST_DIGIT: Final = 0.25
"""The share of a digit's ink that a second digit has: a 1 beside an 8 has a third."""

ALIKE: Final = 0.75
"""How much of the taller of two digits side by side the shorter covers in height."""

WIDE: Final = 1.1
"""The width of two digits together, in heights: the halves of a 0 that a thin pen drew are less."""


def digit_of(picture: Image.Image, *, where: str = "image") -> Plane:
    """Find the digit in a picture and normalise it as MNIST did.

    Args:
        picture: any mode, any size, upright.
        where: the picture's name in errors.

    Returns:
        float32[28, 28, 1] in 0..1: ink 1, paper 0.

    Raises:
        InputError: nothing stands out from the paper, or two digits do.
    """
    if picture.size == (SIDE, SIDE):
        ready = ready_made(plane_of(workable(picture)))
        if ready is not None:
            return ready[..., np.newaxis]
    small = reduced(picture, LOOK_SIDE)
    inside = inside_of_frame(plane_of(small))
    if inside is not None:
        picture = _cropped(picture, inside, picture.width / small.width)
        small = reduced(picture, LOOK_SIDE)
    ink, box = _digit_in(small, where)
    zoom = picture.width / small.width
    if zoom >= 2 and _longer(box) < CLOSE_SIDE / 2:
        ink, box = _digit_in(reduced(_close_up(picture, box, zoom), CLOSE_SIDE), where)
    return centred(scaled(ink, box))[..., np.newaxis]


def ready_made(plane: Plane) -> Plane | None:
    """Recognise an MNIST digit, light on dark or dark on light.

    The paper is even, the ink in a box of 18 to 20 pixels, its mass within a pixel of the middle.

    Returns:
        float32[28, 28] in 0..1, exactly level / 255 for MNIST's own; None for other pictures.
    """
    paper = plane[0, 0]
    ink = plane - paper
    low, high = float(ink.min()), float(ink.max())
    peak = max(-low, high)
    if peak < 128 or low < 0 < high or ink[0, -1] or ink[-1, 0] or ink[-1, -1]:
        return None
    if low < 0:
        ink = np.abs(ink)
    along = _sums_of(ink)
    if not INK_BOX - 2 <= max(map(_length_of, along)) <= INK_BOX:
        return None
    if max(abs(_middle_of(sums) - SIDE / 2) for sums in along) > 1:
        return None
    ready: Plane = ink / np.float32(peak if peak < 250 else 255)
    return ready


def _digit_in(picture: Image.Image, where: str) -> tuple[Plane, Box]:
    """Return the ink of the digit alone, and its box."""
    ink = ink_of(plane_of(picture))
    mask = None if ink is None else digit_mask(ink, where)
    if ink is None or mask is None:
        expected = "a picture with one digit: ink that stands out from its paper"
        raise InputError([Problem(where, expected, "a blank picture")])
    ink = ink * mask
    return ink, _box_of(ink > (0.4 if min(ink.shape) >= SMOOTHABLE else 0.05))


def digit_mask(ink: Plane, where: str) -> Mask | None:
    """Choose the pieces of ink that make up the digit; the rest is dirt, a frame, the next line.

    Returns:
        bool[h, w]; None if there is no ink.

    Raises:
        InputError: two digits stand side by side.
    """
    large = min(ink.shape) >= SMOOTHABLE
    strong = ink > (0.4 if large else 0.15)
    if not strong.any():
        return None
    labels, found = pieces_of(widened(strong) if large else strong)
    masses = np.bincount(labels.ravel(), (ink * strong).ravel())
    masses[0] = 0
    boxes: dict[int, Box] = {
        int(piece): tuple(found[piece - 1].tolist())
        for piece in np.flatnonzero(masses > 0.03 * masses.max())
    }
    main = max(boxes, key=lambda piece: masses[piece] * _standing(boxes[piece], ink.shape))
    kept = [main]
    digit = boxes.pop(main)
    if any(
        masses[piece] > LEAST_DIGIT * masses[main]
        and _standing(box, ink.shape) == 1
        and _are_side_by_side(digit, box, boxes.values())
        for piece, box in boxes.items()
    ):
        raise InputError([Problem(where, "a picture with one digit", "two digits side by side")])
    for piece, box in sorted(boxes.items(), key=lambda item: _gap(item[1], digit)):
        large_enough = masses[piece] >= 0.04 * masses[main] and _standing(box, ink.shape) == 1
        if large_enough and _gap(box, digit) <= 0.3 * _longer(digit):
            kept.append(piece)
            digit = _union(digit, box)
    return widened(np.isin(labels, kept))


def _are_side_by_side(one: Box, other: Box, pieces: Iterable[Box]) -> bool:
    """Whether two of the pieces are as tall as each other, and together too wide for one digit.

    Nothing lies between them: the sides of a 0 that a thin pen drew have its top between them.
    """
    left, top, right, bottom = _union(one, other)
    both = min(one[3], other[3]) - max(one[1], other[1])
    start, end = min(one[2], other[2]), max(one[0], other[0])
    between = any(box[0] < end and box[2] > start for box in pieces)
    tall = bottom - top
    return start <= end and not between and both >= ALIKE * tall and right - left >= WIDE * tall


def _standing(box: Box, shape: tuple[int, ...]) -> float:
    """Return 1 for a piece inside the picture, and little for one cut off by the edge."""
    left, top, right, bottom = box
    cut = left == 0 or top == 0 or right == shape[1] or bottom == shape[0]
    return 0.1 if cut else 1.0


def _gap(one: Box, other: Box) -> int:
    """Return the pixels between two boxes, along the axis on which they are further apart."""
    return max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3], 0)


def _union(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _longer(box: Box) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def _box_of(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _close_up(picture: Image.Image, box: Box, zoom: float) -> Image.Image:
    """Crop the picture to a box found on a copy `zoom` times smaller, with some paper around it."""
    margin = _longer(box) // 2 + 2
    wide = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
    return _cropped(picture, wide, zoom)


def _cropped(picture: Image.Image, box: Box, zoom: float) -> Image.Image:
    left, top, right, bottom = (round(side * zoom) for side in box)
    return picture.crop(
        (max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom))
    )


def scaled(ink: Plane, box: Box) -> Plane:
    """Scale the box to 20 pixels on its longer side; a digit of that size stays unchanged."""
    left, top, right, bottom = box
    digit = np.ascontiguousarray(ink[top:bottom, left:right])
    longer = _longer(box)
    if INK_BOX - 2 <= longer <= INK_BOX:
        return digit
    from PIL import Image

    zoom = INK_BOX / longer
    size = max(1, round((right - left) * zoom)), max(1, round((bottom - top) * zoom))
    way = Image.Resampling.BICUBIC if zoom > 1 else Image.Resampling.HAMMING
    shrunk = np.clip(np.asarray(Image.fromarray(digit).resize(size, way), np.float32), 0, 1)
    # A stroke thinner than a pixel becomes grey; MNIST's pen never is.
    peak = float(np.percentile(shrunk[shrunk > 0.1], 90)) if (shrunk > 0.1).any() else 1.0
    return np.clip(shrunk / np.float32(max(peak, 0.1)), 0, 1) if peak < 0.95 else shrunk


def centred(digit: Plane) -> Plane:
    """Place a digit of at most 20 x 20 pixels on 28 x 28, its mass in the middle."""
    height, width = digit.shape
    down, right = (
        min(max(round(SIDE / 2 - _middle_of(sums)), 0), SIDE - len(sums))
        for sums in _sums_of(digit)
    )
    field = np.zeros((SIDE, SIDE), np.float32)
    field[down : down + height, right : right + width] = digit
    return field


def _sums_of(ink: Plane) -> tuple[list[float], list[float]]:
    """Return the ink of each row and of each column: lists, since NumPy is slow on so few."""
    return ink.sum(axis=1).tolist(), ink.sum(axis=0).tolist()


def _length_of(sums: list[float]) -> int:
    """Return how many pixels there are from the first with ink to the last."""
    inked = [place for place, amount in enumerate(sums) if amount]
    return inked[-1] - inked[0] + 1


def _middle_of(sums: list[float]) -> float:
    """Return the centre of mass along one axis, in pixels."""
    return sum(place * amount for place, amount in enumerate(sums)) / sum(sums)
