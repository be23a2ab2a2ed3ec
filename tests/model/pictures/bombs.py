"""Picture files that are small to send and large to decode, and the largest ones that are served.

Source: docs/contract.md 4.3 lists most of them with what Pillow does by default.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.model.recipes.digit.pens import saved

SIDE = 4096
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BLOCK_ROWS = 64
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
MEGABYTE = 1_000_000


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int,
    height: int,
    *,
    depth: int = 8,
    colour: int = 0,
    rows: int | None = None,
    before: bytes = b"",
) -> bytes:
    """Write a PNG of zeros, without ever holding its pixels.

    Args:
        width: in pixels.
        height: in pixels, as the header says it.
        depth: bits of a sample.
        colour: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        rows: how many rows there really are; all of them if None.
        before: chunks to put before the pixels.
    """
    row = bytes(1 + (width * CHANNELS[colour] * depth + 7) // 8)
    press = zlib.compressobj(1)
    whole, rest = divmod(height if rows is None else rows, BLOCK_ROWS)
    pixels = b"".join(press.compress(row * BLOCK_ROWS) for _ in range(whole))
    pixels += press.compress(row * rest)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    return (
        PNG_SIGNATURE
        + chunk(b"IHDR", header)
        + palette
        + before
        + chunk(b"IDAT", pixels + press.flush())
        + chunk(b"IEND", b"")
    )


def webp(width: int, height: int) -> bytes:
    """Write a black WEBP of 34 bytes: without loss, one colour takes as much at any size."""
    small = bytearray(saved(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    start = small.index(b"VP8L") + 9
    bits = (width - 1) | (height - 1) << 14
    packed = int.from_bytes(small[start : start + 4], "little") & ~((1 << 28) - 1) | bits
    small[start : start + 4] = packed.to_bytes(4, "little")
    return bytes(small)


def one() -> NDArray[np.uint8]:
    """Draw a 1 as large as is served: uint8[4096, 4096], dark on light."""
    plane = np.full((SIDE, SIDE), 240, np.uint8)
    plane[1000:3000, 1900:2200] = 20
    return plane


def rgba() -> Image.Image:
    """Return the 1 in colours, on transparent paper."""
    plane = one()
    layers = (plane, plane // 2, 255 - plane, np.where(plane > 100, 0, 255).astype(np.uint8))
    return Image.fromarray(np.dstack(layers), "RGBA")


def gif_of_many_frames() -> bytes:
    """Write a GIF of 3,001 frames."""
    frames = [Image.new("L", (16, 16), level % 256) for level in range(3001)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def run_length_bmp(side: int) -> bytes:
    """Write a BMP whose rows are coded as runs; Pillow decodes those in Python."""
    run = bytes((255, 0)) * (side // 255) + bytes((side % 255, 0)) * bool(side % 255)
    pixels = (run + b"\x00\x00") * side + b"\x00\x01"
    start = 14 + 40 + 1024
    information = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    colours = b"".join(bytes((level, level, level, 0)) for level in range(256))
    head = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return head + information + colours + pixels


def text_bomb(colour: int) -> bytes:
    """Return 63 chunks of text that inflate to a megabyte each."""
    text = zlib.compress(bytes(1 << 20), 9)
    return b"".join(chunk(b"zTXt", b"k%d\0\0" % colour + text) for _ in range(63))


def scans(count: int) -> bytes:
    """Write a progressive JPEG that repeats its last scan."""
    data = saved(Image.new("L", (SIDE, SIDE), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def announcing(data: bytes, width: int, height: int) -> bytes:
    """Write another size into a JPEG's header; libjpeg fills with grey what is missing."""
    frame = data.index(b"\xff\xc2" if b"\xff\xc2" in data else b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def _jpeg(mode: str, **options: Any) -> bytes:
    return saved(Image.fromarray(one()).convert(mode), "JPEG", subsampling=0, **options)


REFUSED: dict[str, Callable[[], bytes]] = {
    "png 9400 rgb": lambda: png(9400, 9400, colour=2),
    "png 13300 rgb": lambda: png(13_300, 13_300, colour=2),
    "png 13300 one bit": lambda: png(13_300, 13_300, depth=1),
    "png 14000 one bit": lambda: png(14_000, 14_000, depth=1),
    "png 13000 with one row": lambda: png(13_000, 13_000, colour=2, rows=1),
    "png 4096 with one row": lambda: png(SIDE, SIDE, colour=2, rows=1),
    "png 1 x 16777216": lambda: png(1, SIDE * SIDE, depth=1, rows=64),
    "png 16777216 x 1": lambda: png(SIDE * SIDE, 1, depth=1),
    "png of empty chunks": lambda: png(28, 28, before=chunk(b"teXt", b"") * 450_000),
    "png of empty pixel chunks": lambda: png(28, 28, before=chunk(b"IDAT", b"") * 450_000),
    "png cut off": lambda: png(28, 28)[:60],
    "webp 12000": lambda: webp(12_000, 12_000),
    "avif": lambda: b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B" + bytes(1000),
    "eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n%%EOF\n",
    "jpeg 8193": lambda: announcing(saved(Image.new("L", (8, 8)), "JPEG"), 8193, 8192),
    "jpeg progressive 4097": lambda: announcing(
        saved(Image.new("L", (8, 8)), "JPEG", progressive=True), 4097, SIDE
    ),
    "jpeg of 100 scans": lambda: scans(100),
    "jpeg of empty segments": lambda: b"\xff\xd8" + b"\xff\xfe\0\x02" * 1_400_000 + b"\xff\xd9",
    "jpeg of fill bytes": lambda: b"\xff\xd8" + b"\xff" * 5 * MEGABYTE,
    "gif of comments": lambda: b"GIF89a\x1c\0\x1c\0\0\0\0!\xfe" + b"\x01a" * 2_500_000 + b"\0,",
    "gif with a frame of 65535": lambda: (
        b"GIF89a\x1c\0\x1c\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;"
    ),
    "bmp of runs 4096": lambda: run_length_bmp(SIDE),
}
"""Each is refused, and costs next to nothing."""

BLANK: dict[str, Callable[[], bytes]] = {
    "gif of 3001 frames": gif_of_many_frames,
    "webp 4096": lambda: webp(SIDE, SIDE),
    "png 4096 rgba": lambda: png(SIDE, SIDE, colour=6),
    "png 4096 rgba of 16 bits": lambda: png(SIDE, SIDE, depth=16, colour=6),
    "png 4096 rgba and 63 MB of text": lambda: png(SIDE, SIDE, colour=6, before=text_bomb(6)),
    "png 65535 x 256 rgba": lambda: png(65_535, 256, colour=6),
    "png 256 x 65535 rgba": lambda: png(256, 65_535, colour=6),
    "bmp of runs 1024": lambda: run_length_bmp(1024),
    "jpeg 32768 x 2048 cmyk": lambda: announcing(
        saved(Image.new("CMYK", (8, 8)), "JPEG"), 32_768, 2048
    ),
}
"""Each is decoded as a whole, and found blank."""

SERVED: dict[str, Callable[[], bytes]] = {
    "png rgba": lambda: saved(rgba(), compress_level=1),
    "png of 16 bits": lambda: saved(Image.fromarray(one().astype(np.uint16) * 256)),
    "png palette": lambda: saved(Image.fromarray(one()).convert("P"), transparency=240),
    "png one bit": lambda: saved(Image.fromarray(one() > 100)),
    "webp without loss": lambda: saved(rgba(), "WEBP", lossless=True, method=0),
    "webp": lambda: saved(Image.fromarray(one()).convert("RGB"), "WEBP", method=0),
    "jpeg": lambda: _jpeg("RGB"),
    "jpeg progressive": lambda: _jpeg("RGB", progressive=True),
    "jpeg progressive cmyk": lambda: _jpeg("CMYK", progressive=True),
    "gif": lambda: saved(Image.fromarray(one()), "GIF"),
    "bmp": lambda: saved(Image.fromarray(one() > 100), "BMP"),
}
"""The largest pictures that are served, 4096 x 4096 with a digit, in every format."""
