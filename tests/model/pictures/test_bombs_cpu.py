"""No request of picture bombs takes more than a second of CPU time, alone or many in one request.

Processor time and not the clock: a busy machine must not fail the test.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from model.errors import InputError
from model.pictures.decode import decode_each
from tests.model.pictures.bombs import PNG_SIGNATURE, announcing, chunk, png, scans
from tests.model.recipes.digit.pens import saved

BUDGET_S = 1.0
MAX_PIXELS = 4096 * 4096


def png_with_tail(megabytes: int, *, interlaced: int = 0) -> bytes:
    """Write a PNG of 28 x 28 whose pixels inflate to megabytes."""
    press = zlib.compressobj(9)
    start = press.compress(bytes(1 << 20)) + press.flush(zlib.Z_FULL_FLUSH)
    # After a full flush a block stands by itself, so one is enough for all of them.
    block = press.compress(bytes(1 << 20)) + press.flush(zlib.Z_FULL_FLUSH)
    pixels = start + block * megabytes
    header = struct.pack(">IIBBBBB", 28, 28, 8, 2, 0, 0, interlaced)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_of_crumbs() -> bytes:
    """Write a PNG whose pixels are cut into chunks of one byte."""
    whole = png(28, 28, colour=2)
    start = whole.index(b"IDAT") - 4
    size = int.from_bytes(whole[start : start + 4], "big")
    pixels = whole[start + 8 : start + 8 + size]
    crumbs = b"".join(chunk(b"IDAT", bytes((byte,))) for byte in pixels)
    return whole[:start] + crumbs + chunk(b"PLTE", b"") * 19_000 + whole[start + 12 + size :]


def jpeg_with(segments: bytes, *, before_end: bytes = b"") -> bytes:
    """Write a small JPEG with segments after its start, and bytes at the end of its last scan."""
    data = saved(Image.new("L", (28, 28), 90), "JPEG")
    return data[:2] + segments + data[2:-2] + before_end + data[-2:]


def run_length_bmp(command: bytes, count: int) -> bytes:
    """Write a BMP of 1024 x 1024 that repeats one command."""
    pixels = command * count + b"\0\1"
    start = 14 + 40 + 1024
    information = struct.pack("<IiiHHIIiiII", 40, 1024, 1024, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    head = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return head + information + bytes(1024) + pixels


BOMBS: dict[str, Callable[[], list[bytes]]] = {
    "png with a tail": lambda: [png_with_tail(1000)],
    "png with a tail, interlaced": lambda: [png_with_tail(1000, interlaced=1)],
    "pngs with tails": lambda: [png_with_tail(100)] * 40,
    "pngs of crumbs": lambda: [png_of_crumbs()] * 20,
    "jpeg of restart markers": lambda: [jpeg_with(b"", before_end=b"\xff\xd0" * 2_500_000)],
    "jpegs of restart markers": lambda: [jpeg_with(b"", before_end=b"\xff\xd0" * 60_000)] * 40,
    "jpegs of segments": lambda: [jpeg_with(b"\xff\xdd\0\4\0\0" * 500)] * 256,
    "jpegs of too many segments": lambda: [jpeg_with(b"\xff\xdd\0\4\0\0" * 19_000)] * 40,
    "jpeg of pixels": lambda: [announcing(jpeg_with(b""), 8192, 8192)],
    "jpegs of pixels": lambda: [announcing(jpeg_with(b""), 8192, 8191)] * 256,
    "jpeg of pixels and restarts": lambda: [
        announcing(
            jpeg_with(b"\xff\xdd\0\4\0\1", before_end=b"\xff\xd0\xff\xd1" * 1_400_000), 8192, 8192
        )
    ],
    "jpeg of scans": lambda: [scans(35)],
    "bmp of line ends": lambda: [run_length_bmp(b"\0\0", 2_900_000)],
    "bmp of steps": lambda: [run_length_bmp(b"\0\2\0\0", 1_450_000)],
    "bmps of line ends": lambda: [run_length_bmp(b"\0\0", 100_000)] * 29,
    "bmp of single pixels": lambda: [run_length_bmp(b"\1\1", 500_000)],
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_little_cpu_time(name: str) -> None:
    """Whether a request of bombs is decoded or refused, it takes less than a second of CPU."""
    pictures = BOMBS[name]()
    assert sum(map(len, pictures)) <= 6_000_000
    started = time.process_time()
    try:
        for _ in decode_each(pictures, max_pixels=MAX_PIXELS):
            pass
    except InputError:
        pass
    assert time.process_time() - started < BUDGET_S


def test_a_tail_is_not_inflated_and_the_picture_is_served() -> None:
    """A PNG whose stream goes on after its pixels is a whole picture."""
    ((_, picture),) = decode_each([png_with_tail(1)], max_pixels=MAX_PIXELS)
    assert picture.size == (28, 28)


def test_a_run_length_coded_picture_is_served() -> None:
    """A whole megapixel of it; what is longer is a bomb."""
    row = b"\xff\1" * 4 + b"\4\1\0\0"
    ((_, picture),) = decode_each([run_length_bmp(row, 1024)], max_pixels=MAX_PIXELS)
    assert picture.size == (1024, 1024)


def test_pixels_cut_into_crumbs_are_the_same_picture() -> None:
    """Chunks of one byte are put together, in their order."""
    whole, crumbs = png(28, 28, colour=2), png_of_crumbs()
    ((_, expected),) = decode_each([whole], max_pixels=MAX_PIXELS)
    ((_, got),) = decode_each([crumbs], max_pixels=MAX_PIXELS)
    assert got.tobytes() == expected.tobytes()
