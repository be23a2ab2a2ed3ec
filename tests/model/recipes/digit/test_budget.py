"""Many pictures in one request cost no more than one large one: limits on all of them together."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from model.errors import LimitError
from model.recipes.digit.normalise import LOOK_SIDE
from model.recipes.digit.recipe import MAX_LOOKS, to_digits

MAX_PIXELS = 16_777_216


def a_seven(side: int) -> bytes:
    """Draw a picture with some ink, side x side pixels, as PNG."""
    plane = np.full((side, side), 255, np.uint8)
    plane[side // 5 : side // 4 + 1, side // 4 : -side // 4] = 0
    plane[side // 4 : -side // 5, -side // 3 : -side // 4] = 0
    out = io.BytesIO()
    Image.fromarray(plane).save(out, "PNG")
    return out.getvalue()


def test_as_many_large_pictures_as_allowed() -> None:
    """At the limit all are looked at."""
    pictures = [a_seven(LOOK_SIDE)] * MAX_LOOKS
    assert to_digits(pictures, max_pixels=MAX_PIXELS).shape == (MAX_LOOKS, 28, 28, 1)


def test_one_large_picture_too_many() -> None:
    """One more is refused, before it is looked at."""
    pictures = [a_seven(LOOK_SIDE)] * (MAX_LOOKS + 1)
    with pytest.raises(LimitError) as caught:
        to_digits(pictures, max_pixels=MAX_PIXELS)
    assert str(caught.value) == (
        "images: expected at most 192 pictures of 96 x 96 pixels and more, or more small ones, "
        "got more pixels: send fewer at a time, or resize them"
    )


def test_small_pictures_may_be_many() -> None:
    """The most instances that the manifest allows, as large as MNIST's."""
    assert len(to_digits([a_seven(28)] * 256, max_pixels=MAX_PIXELS)) == 256


def test_the_pixels_of_all_pictures_count_together() -> None:
    """The third picture is one too many for the limit of one."""
    with pytest.raises(LimitError) as caught:
        to_digits([a_seven(100)] * 3, max_pixels=29_999)
    assert str(caught.value) == (
        "images[2]: expected at most 29999 pixels in the pictures of one request together, "
        "got 100 x 100: send fewer at a time, or resize them"
    )
    assert len(to_digits([a_seven(100)] * 3, max_pixels=30_000)) == 3
