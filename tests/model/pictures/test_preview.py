"""A model's input as a picture: any layout, any range, as Pillow reads it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from model.pictures.preview import png_of

GRAY = np.arange(6, dtype=np.float32).reshape(2, 3) / 5
RGB = np.stack([GRAY, 1 - GRAY, GRAY * 0], axis=2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (GRAY, GRAY),
        (GRAY[..., None] * 2 - 1, GRAY),
        (GRAY[None] * 7, GRAY),
        (RGB, RGB),
        (RGB.transpose(2, 0, 1) * 4 - 3, RGB),
        ((RGB * 255).round().astype(np.uint8), RGB),
        (np.stack([GRAY] * 4, axis=2), GRAY),
        (GRAY * 0 + 5, GRAY * 0),
    ],
)
def test_the_smallest_value_is_black_and_the_largest_white(
    values: np.ndarray, expected: np.ndarray
) -> None:
    """The picture is the input, its range stretched to that of a PNG."""
    seen = np.asarray(Image.open(io.BytesIO(png_of(values, (2, 3)))))
    assert np.array_equal(seen, np.round(expected * 255).astype(np.uint8))
