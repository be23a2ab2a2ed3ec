"""Turn a picture of any mode into 8 bits a channel, as people see it.

What cannot be seen is decided here, the same for every recipe:

- Transparent pixels show white, the ground of most pages. Pillow's `convert("RGB")`, which
  torchvision and Keras load with, shows the colour that a file happens to have under them, often
  black. Opaque pictures, all that people train on, are the same in both.
- Of 16 bits the upper eight are taken, where `convert` clips at 255.
- Gray is ITU-R 601-2 luma, as torchvision's Grayscale and Keras have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

WHITE: Final = "white"


def shown(picture: Image.Image, mode: Literal["RGB", "L"]) -> Image.Image:
    """Convert a decoded picture.

    Args:
        picture: upright, of any mode that Pillow decodes.
        mode: three channels, or one of luma.
    """
    if picture.mode == mode and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I"):
        picture = _upper_bits(picture)
    if picture.has_transparency_data:
        picture = _on_white(picture)
    return picture if picture.mode == mode else picture.convert(mode)


def _upper_bits(picture: Image.Image) -> Image.Image:
    """Return gray of 16 bits as gray of 8."""
    from PIL import Image

    return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    from PIL import Image

    layer = picture.convert("RGBA")
    ground = Image.new("RGB", picture.size, WHITE)
    ground.paste(layer, mask=layer)
    return ground
