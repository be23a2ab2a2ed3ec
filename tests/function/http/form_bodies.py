"""Multipart forms as browsers and curl write them, and as nobody should."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from function.settings import ZOO
from tests.function.doors.fronts import Call, post

BOUNDARY: Final = "----lambake7MA4YWxk"
SAMPLES: Final = ZOO / "digits" / "samples"
PREDICT_DIGITS: Final = "/models/digits/predict"
PREDICT_IRIS: Final = "/models/iris/predict"


def sample(digit: int) -> bytes:
    """Read the sample picture of a digit."""
    return Path(SAMPLES / f"{digit}.png").read_bytes()


def part(content: bytes, disposition: str, *headers: str) -> bytes:
    """Write one part."""
    lines = [f"--{BOUNDARY}", f"Content-Disposition: form-data; {disposition}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


def file_part(content: bytes, name: str = "file") -> bytes:
    """Write a part that is a file."""
    return part(content, f'name="{name}"; filename="7.png"', "Content-Type: image/png")


def form(*parts: bytes, end: str = f"--{BOUNDARY}--\r\n") -> bytes:
    """Write a whole form."""
    return b"".join(parts) + end.encode()


def post_form(body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> Call:
    """Name a POST of a form to the digits."""
    return post(PREDICT_DIGITS, body, content_type)
