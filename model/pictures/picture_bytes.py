"""Identify a picture file by its first bytes, and keep only what draws the first picture.

A decoder reads everything that a file holds: text, colour profiles, thumbnails, further frames.
None of it changes the digit, and each has been used as a bomb: 64 MB of compressed text, a million
empty segments, a thousand scans. So this module walks the file by its own lengths, decodes nothing,
and writes it anew: header, palette, transparency, pixels; and separately Exif, for the orientation.
The result is safe to decode, and a truncated file is refused before it costs anything.

    PNG   IHDR PLTE tRNS IDAT IEND                dropped: text, profiles, animation
    JPEG  SOI, tables, JFIF, Adobe, scans, EOI    dropped: comments, profiles, further pictures
    GIF   header, colours, first frame, trailer   dropped: comments, further frames
    BMP, WEBP: unchanged; their decoders skip what they do not need

Source: PNG (W3C, third edition), 5.3 "Chunk layout"; JPEG: ITU-T T.81, B.1.1 "Marker code
assignments"; GIF: "GIF89a specification", section 17 and on; WebP container: RFC 9649, 2.3.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import NamedTuple

MAX_PIECES = 20_000
"""The most chunks or blocks in one file: walking over one takes a microsecond."""

MAX_BLOCKS = 65_536
"""The most blocks in one chain of a GIF: 16 MB of full ones."""

MAX_SEGMENTS = 512
"""The most segments in a JPEG, which Pillow reads in Python: 256 such files take half a second."""

MAX_SCANS = 40
"""The most scans of a JPEG, each counted once for each colour in it, whose coefficients it passes
over. Encoders write ten, which count about fourteen."""

MAX_FILL_BYTES = 256

MAX_EXIF_BYTES = 65_535
"""One JPEG segment, which cameras keep to; only one number of it is needed."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Source: PNG, 8.1 "Interlace methods": left, top and steps of the seven passes.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_DEFLATED_BYTES = 1 << 14
_INFLATE_BYTES = 1 << 18
_PNG_END_BYTES = 4 + 12
_JPEG_APP0, _JPEG_APP1, _JPEG_APP14, _JPEG_APP15 = 0xE0, 0xE1, 0xEE, 0xEF
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_COMMENT, _JPEG_SCAN, _JPEG_END = 0xFE, 0xDA, 0xD9
# Within a scan, 0x00 or a restart marker follows 0xFF.
_JPEG_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


class Essential(NamedTuple):
    """A file without what does not draw, and its Exif or b"".

    Attributes:
        has_end: whether a JPEG had its end marker.
        one_pass: whether a JPEG is decoded row by row: it is baseline, and all in one scan. The
            coefficients of any other are in memory together, at full size.
    """

    data: bytes
    exif: bytes = b""
    has_end: bool = True
    one_pass: bool = False


class BrokenFileError(ValueError):
    """A file that violates its own format; the message says what it got, for the caller."""


class TooManyPiecesError(ValueError):
    """A file with more pieces than any picture needs; the message says what it got."""


def format_of(data: bytes) -> str | None:
    """Return the picture format by the first bytes, never by a name or content type.

    Returns:
        "PNG", "JPEG", "GIF", "BMP" or "WEBP"; None for anything else.
    """
    if data.startswith(_PNG_SIGNATURE):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"BM"):
        return "BMP"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def essential(data: bytes, file_format: str) -> Essential:
    """Return the file without what does not draw its first picture.

    Raises:
        BrokenFileError: the file is truncated, or its parts do not fit together.
        TooManyPiecesError: more than MAX_PIECES chunks, MAX_SEGMENTS segments or MAX_SCANS scans.
    """
    strip = _STRIPPERS.get(file_format)
    return strip(data) if strip else Essential(data)


def _essential_png(data: bytes) -> Essential:
    kept: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    exif = b""
    position, end = len(_PNG_SIGNATURE), len(data)
    for _ in range(MAX_PIECES):
        start = position
        kind = data[start + 4 : start + 8]
        size = int.from_bytes(data[start : start + 4], "big")
        position = start + 12 + size
        if position > end or len(kind) < 4:
            raise BrokenFileError("a PNG that ends too early")
        # One chunk of each kind is kept: Pillow takes ten microseconds for a chunk.
        if kind == b"IDAT":
            pixels.append(data[start + 8 : position - 4])
        elif kind in _PNG_KEPT:
            kept.setdefault(kind, data[start:position])
        elif kind == b"eXIf" and size <= MAX_EXIF_BYTES:
            exif = data[start + 8 : position - 4]
        if kind == b"IEND":
            kept[kind] = _png_chunk(b"IDAT", b"".join(pixels)) + kept[kind]
            return Essential(b"".join([_PNG_SIGNATURE, *kept.values()]), exif)
    raise TooManyPiecesError(f"a PNG of more than {MAX_PIECES} chunks")


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checked = zlib.crc32(content, zlib.crc32(kind))
    return len(content).to_bytes(4, "big") + kind + content + checked.to_bytes(4, "big")


def png_is_complete(data: bytes) -> bool:
    """Whether the pixels of a stripped PNG inflate to as many bytes as its header announces.

    Pillow leaves rows black if the compressed stream is truncated, without an error. No more is
    inflated than is announced: a kilobyte may hold a megabyte of tail.
    """
    missing = _png_raw_bytes(data)
    inflater = zlib.decompressobj()
    start = data.index(b"IDAT") + 4
    for position in range(start, len(data) - _PNG_END_BYTES, _DEFLATED_BYTES):
        # In pieces: each unconsumed tail is a copy of the rest.
        rest = data[position : min(position + _DEFLATED_BYTES, len(data) - _PNG_END_BYTES)]
        while rest and missing > 0 and not inflater.eof:
            missing -= len(inflater.decompress(rest, min(missing, _INFLATE_BYTES)))
            rest = inflater.unconsumed_tail
        if missing <= 0 or inflater.eof:
            break
    return missing <= 0


def _png_raw_bytes(data: bytes) -> int:
    """Return the size of a PNG's rows in bytes, each with its leading filter byte."""
    header = data[16:29]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _PNG_CHANNELS.get(header[9], 1)
    passes = _ADAM7 if header[12] else ((0, 0, 1, 1),)
    total = 0
    for left, top, step_x, step_y in passes:
        columns, rows = -(-(width - left) // step_x), -(-(height - top) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _essential_jpeg(data: bytes) -> Essential:
    kept: list[bytes] = [b"\xff\xd8"]
    exif, position, scans, passes, frame = b"", 2, 0, 0, b""
    for _ in range(MAX_SEGMENTS):
        start = _jpeg_marker_at(data, position)
        marker, position = _jpeg_segment(data, start)
        if marker == _JPEG_SCAN:
            scans += data[start + 4]
            passes += 1
            if scans > MAX_SCANS:
                raise TooManyPiecesError(f"a JPEG of more than {MAX_SCANS} scans")
            found = _JPEG_AFTER_SCAN.search(data, position)
            if found is None:
                # Some cameras write no end. Pixels show if a scan is whole where there is one.
                if not _is_baseline(frame) or scans != frame[9]:
                    raise BrokenFileError("a JPEG that ends too early")
                kept += [data[start:].rstrip(b"\xff"), b"\xff\xd9"]
                return Essential(b"".join(kept), exif, has_end=False, one_pass=passes == 1)
            position = found.start()
        elif marker == _JPEG_END:
            one_pass = passes == 1 and _is_baseline(frame)
            return Essential(b"".join([*kept, b"\xff\xd9"]), exif, one_pass=one_pass)
        elif marker == _JPEG_APP1 and not exif and data.startswith(b"Exif\0\0", start + 4):
            exif = data[start + 4 : position]
        elif marker in _JPEG_FRAMES:
            frame = data[start:position]
        if not _is_jpeg_extra(marker):
            kept.append(data[start:position])
    raise TooManyPiecesError(f"a JPEG of more than {MAX_SEGMENTS} segments")


def _is_baseline(frame: bytes) -> bool:
    """Whether the scans of a JPEG follow one another, by its frame header; not progressive."""
    return frame[1:2] in (b"\xc0", b"\xc1")


def _is_jpeg_extra(marker: int) -> bool:
    """JFIF (APP0) and Adobe (APP14) say how colours are stored; no other segment draws."""
    application = _JPEG_APP0 < marker <= _JPEG_APP15 and marker != _JPEG_APP14
    return application or marker == _JPEG_COMMENT


def _jpeg_marker_at(data: bytes, start: int) -> int:
    """Skip fill bytes: any number of 0xFF may precede a marker; a few are allowed here."""
    for position in range(start, start + MAX_FILL_BYTES):
        if data[position + 1 : position + 2] != b"\xff":
            return position
    raise TooManyPiecesError(f"a JPEG with more than {MAX_FILL_BYTES} fill bytes")


def _jpeg_segment(data: bytes, start: int) -> tuple[int, int]:
    """Return the marker at `start` and where its segment ends."""
    if start + 2 > len(data):
        raise BrokenFileError("a JPEG that ends too early")
    if data[start] != 0xFF or data[start + 1] in (0x00, 0xFF):
        raise BrokenFileError("a JPEG whose segments do not join")
    marker = data[start + 1]
    if marker == _JPEG_END or 0xD0 <= marker <= 0xD8 or marker == 0x01:
        return marker, start + 2
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    if end > len(data) or end < start + 4:
        raise BrokenFileError("a JPEG that ends too early")
    return marker, end


def _essential_gif(data: bytes) -> Essential:
    kept: list[bytes] = []
    position = 13 + _gif_colours(data, 10)
    kept.append(data[:position])
    control = b""
    for _ in range(MAX_PIECES):
        start = position
        kind = data[start : start + 1]
        if kind == b"!":
            position = _gif_blocks_end(data, start + 2)
            if data[start + 1] == 0xF9:
                control = data[start:position]
        elif kind == b",":
            position = _gif_blocks_end(data, start + 11 + _gif_colours(data, start + 9))
            return Essential(b"".join([*kept, control, data[start:position], b";"]))
        else:
            raise BrokenFileError("a GIF without a picture")
    raise TooManyPiecesError(f"a GIF of more than {MAX_PIECES} blocks")


def _gif_colours(data: bytes, flags_at: int) -> int:
    """Return how many bytes of colours follow, by the flags of a screen or frame."""
    if flags_at >= len(data):
        raise BrokenFileError("a GIF that ends too early")
    flags = data[flags_at]
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(data: bytes, position: int) -> int:
    """Return where a chain of blocks ends; each has its length first, the last is empty."""
    for _ in range(MAX_BLOCKS):
        if position >= len(data):
            raise BrokenFileError("a GIF that ends too early")
        size = data[position]
        position += 1 + size
        if not size:
            return position
    raise TooManyPiecesError(f"a GIF of more than {MAX_BLOCKS} blocks")


_STRIPPERS: dict[str, Callable[[bytes], Essential]] = {
    "PNG": _essential_png,
    "JPEG": _essential_jpeg,
    "GIF": _essential_gif,
}
