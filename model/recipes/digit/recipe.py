"""The recipe itself: untrusted pictures to float32[N, 28, 28, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import LimitError, Problem
from model.pictures.decode import decode_each
from model.recipes.base import Description, Feeds, Takes, only_input
from model.recipes.digit.features import FEATURES, features_of
from model.recipes.digit.normalise import LOOK_SIDE, SIDE, digit_of
from model.tensors import Tensor

if TYPE_CHECKING:
    from model.bundle.table import Table

MAX_LOOKS: Final = 192
"""The most large pictures in one request: finding the ink on one takes some milliseconds."""

DRAFT_SIDE: Final = 480
"""A large JPEG is decoded at a smaller scale while its shorter side keeps so many pixels: a digit a
twentieth as high is still larger than the 20 pixels that it becomes."""

SHAPE: Final = (-1, SIDE, SIDE, 1)

EXAMPLE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAAHElEQVR42mP8z8DwkYmBgYEBmfiJyqUJwY4hBgCNrAMo"
    "4XAYyAAAAABJRU5ErkJggg=="
)
"""A one, upright, in black on white."""


@dataclass(frozen=True, slots=True)
class Digit:
    """The recipe for a model whose only input is a digit as MNIST has it."""

    tensor: str
    takes: Takes = "image"

    def tensors(self, instances: Sequence[bytes], *, max_pixels: int) -> Feeds:
        """Find the digit in each picture file: float32[N, 28, 28, 1], ink 1, paper 0."""
        return {self.tensor: to_digits(instances, max_pixels=max_pixels)}

    def describe(self) -> Description:
        """Describe a picture of one digit."""
        return Description(
            takes=self.takes,
            subject="image",
            schema={"type": "string", "contentEncoding": "base64"},
            example=EXAMPLE,
            tensors=(Tensor(self.tensor, "float32", SHAPE),),
            media_types=("image/*",),
            features=FEATURES,
            size=(SIDE, SIDE),
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Compute the ink, the edge, the width and the slant of each digit."""
        return features_of(feeds[self.tensor])


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Digit:
    """Open the recipe, which has no settings, for a model's input."""
    return Digit(only_input(settings, inputs, *SHAPE))


def to_digits(
    pictures: Sequence[bytes], *, max_pixels: int, where: str = "image"
) -> NDArray[np.float32]:
    """Turn picture files into the digit model's input, one by one.

    Args:
        pictures: N files, N >= 0.
        max_pixels: the most pixels of one picture, and of all together as they are decoded.
        where: the input's name in errors; with several pictures "images[3]".

    Returns:
        float32[N, 28, 28, 1], ink 1, paper 0.

    Raises:
        InputError: FormatError, LimitError, or a picture that is broken or blank.
    """
    digits = np.empty((len(pictures), *SHAPE[1:]), np.float32)
    look_pixels = 0
    files = decode_each(pictures, max_pixels=max_pixels, where=where, draft_side=DRAFT_SIDE)
    with closing(files) as decoded:
        for index, (name, picture) in enumerate(decoded):
            look_pixels += min(picture.width * picture.height, LOOK_SIDE * LOOK_SIDE)
            if look_pixels > MAX_LOOKS * LOOK_SIDE * LOOK_SIDE:
                side = f"{LOOK_SIDE} x {LOOK_SIDE}"
                most = f"at most {MAX_LOOKS} pictures of {side} pixels and more"
                expected = f"{most}, or more small ones"
                got = "more pixels: send fewer at a time, or resize them"
                raise LimitError([Problem(f"{where}s", expected, got)])
            digits[index] = digit_of(picture, where=name)
    return digits
