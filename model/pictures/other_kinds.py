"""Recognise files that are no picture we read, so that an error says what to do about them."""

from __future__ import annotations

import re
from typing import Final

_LOST: Final = "\N{REPLACEMENT CHARACTER}".encode()
_MADE_TEXT: Final = (
    "{kind}, made text of on the way: a REST API needs binaryMediaTypes, a program binary mode"
)
_HEAD_BYTES: Final = 1024
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BASE64_CHARS: Final = 16
"""The fewest characters before the first white space: no word is as long."""

_STARTS: Final = (
    (b"%PDF-", "a PDF document"),
    ((b"%!PS", b"\xc5\xd0\xd3\xc6"), "a PostScript document"),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "a TIFF picture, or a camera's raw file"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), "a JPEG XL picture"),
    ((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "), "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    ((b"\0\0\1\0", b"\0\0\2\0"), "an icon"),
    ((b"PK\3\4", b"PK\5\6"), "a ZIP archive, or an office document"),
    (b"\x1f\x8b", "gzip"),
    ((b"\x1a\x45\xdf\xa3", b"RIFF"), "a video or a sound"),
    (b"\x93NUMPY", "a NumPy array"),
    ((b"\xfe\xff", b"\xff\xfe"), "text in UTF-16"),
    # Each byte of a PNG, or a JPEG, as a character of Latin-1; and a PNG whose CRLF became LF.
    (("\x89PNG".encode(), b"\x89PNG\n"), _MADE_TEXT.format(kind="a PNG")),
    ("\xff\xd8\xff".encode(), _MADE_TEXT.format(kind="a JPEG")),
)
"""How files begin; WEBP, of RIFF's kinds, is ours and never asked about."""

_BRANDS: Final = (
    ((b"avif", b"avis"), "an AVIF picture"),
    ((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "a HEIC picture"),
    ((b"crx ",), "a camera's raw file"),
)
"""The brands of ISO's media files, the deciding first; another is a video's."""


def kind_of_bytes(data: bytes) -> str:
    """Describe bytes that are none of our formats, with their kind where it is known."""
    if not data:
        return "nothing"
    made_text = text_on_the_way(data, f"{len(data)} bytes")
    if made_text:
        return made_text
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[4:8] == b"ftyp":
        brands = data[8 : max(12, min(int.from_bytes(data[:4], "big"), _HEAD_BYTES))]
        known = (kind for some, kind in _BRANDS if any(one in brands for one in some))
        return next(known, "a video")
    text = data[:_HEAD_BYTES].decode("utf-8-sig", "ignore").strip()
    return _kind_of_text(text) or f"{len(data)} bytes of another kind"


def _kind_of_text(text: str) -> str | None:
    """Tell a text by its start, which is without white space before it."""
    start = text.lower()
    if start.startswith(("b'", 'b"')):
        return "Python's spelling of bytes, as text"
    if start.startswith(("{", "[")):
        return "JSON"
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "an HTML page"
    if start.startswith("<"):
        return "an SVG drawing" if "<svg" in start else "XML"
    words = text.split()
    is_base64 = words and len(words[0]) >= _BASE64_CHARS and _BASE64.fullmatch("".join(words))
    return "base64 as text, not its bytes" if is_base64 or start.startswith("data:") else None


def text_on_the_way(data: bytes, kind: str) -> str | None:
    """Say so where a file was decoded as text on the way, which loses all that is not UTF-8."""
    if _LOST not in data:
        return None
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return _MADE_TEXT.format(kind=f"{kind} with U+FFFD")
