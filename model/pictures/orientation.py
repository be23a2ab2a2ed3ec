"""Turn a picture upright, as its Exif orientation says.

Pillow reads Exif too, but imports its TIFF reader for it, reads every tag and warns about each
broken one; only one number is needed.

Source: Exif 2.32, 4.6.2 "IFD structure" and tag 0x0112 "Orientation", values 1 to 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from PIL import Image

ORIENTATION_TAG: Final = 0x0112
UPRIGHT: Final = 1

_ORDERS: Final[dict[bytes, Literal["little", "big"]]] = {b"II*\0": "little", b"MM\0*": "big"}
_ENTRY_BYTES: Final = 12


def orientation_of(exif: bytes) -> int:
    """Return how the camera was held.

    Args:
        exif: a TIFF structure, with or without the six bytes before it in a JPEG.

    Returns:
        1 to 8; 1, upright, if the tag is missing, unknown or unreadable.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    start = int.from_bytes(tiff[4:8], order)
    entries = tiff[
        start + 2 : start + 2 + _ENTRY_BYTES * int.from_bytes(tiff[start : start + 2], order)
    ]
    for entry in range(0, len(entries), _ENTRY_BYTES):
        if int.from_bytes(entries[entry : entry + 2], order) == ORIENTATION_TAG:
            value = int.from_bytes(entries[entry + 8 : entry + 10], order)
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Undo an orientation of 1 to 8."""
    if orientation == UPRIGHT:
        return picture
    from PIL import Image

    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }[orientation]
    return picture.transpose(turn)
