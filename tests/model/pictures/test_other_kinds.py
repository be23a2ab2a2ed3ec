"""Bytes that are no picture of ours are named, so that an error says what to do."""

from __future__ import annotations

import io
from base64 import b64encode

import pytest
from PIL import Image

from model.errors import InputError
from model.pictures.decode import decoded
from model.pictures.other_kinds import kind_of_bytes

REMEDY = "made text of on the way: a REST API needs binaryMediaTypes, a program binary mode"


def picture(file_format: str) -> bytes:
    """Write a picture that is not of one colour."""
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, file_format)
    return file.getvalue()


PNG = picture("PNG")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "nothing"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1", "a HEIC picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf", "an AVIF picture"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  avif", "a video"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a video"),
        (b"II*\0\x08\0\0\0", "a TIFF picture, or a camera's raw file"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\xff\x0a\xfa\x0b", "a JPEG XL picture"),
        (b"PK\3\4rest", "a ZIP archive, or an office document"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <x> --><SVG:svg/><svg>", "an SVG drawing"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "XML"),
        (b"\n<!DOCTYPE html>\n<html><svg></svg></html>", "an HTML page"),
        (b'{"image": "aaaa"}', "JSON"),
        ('{"image": "aaaa"}'.encode("utf-16"), "text in UTF-16"),
        (str(PNG).encode(), "Python's spelling of bytes, as text"),
        (b64encode(PNG), "base64 as text, not its bytes"),
        (b64encode(PNG[:40]), "base64 as text, not its bytes"),
        ("\n    ".join(["", *(b64encode(PNG).decode()[n : n + 76] for n in range(0, 760, 76))])
            .encode(), "base64 as text, not its bytes"),
        (b"data:image/png;base64," + b64encode(PNG), "base64 as text, not its bytes"),
        (PNG.decode("latin-1").encode(), f"a PNG, {REMEDY}"),
        (PNG.replace(b"\r\n", b"\n"), f"a PNG, {REMEDY}"),
        (picture("JPEG").decode("latin-1").encode(), f"a JPEG, {REMEDY}"),
        (b"words of a text without an end mark", "35 bytes of another kind"),
        (b"\x00\x01\xef\xbf\xbd\xff", "6 bytes of another kind"),
    ],
)  # fmt: skip
def test_kinds(data: bytes, kind: str) -> None:
    """What telephones, programs and wrong calls send is recognised by how it begins."""
    assert kind_of_bytes(data) == kind


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_bytes_that_were_decoded_as_text(file_format: str) -> None:
    """U+FFFD in a picture says that a gateway made text of it, whatever the format."""
    text = picture(file_format).decode("utf-8", "replace").encode()
    with pytest.raises(InputError) as caught:
        decoded(text, max_pixels=10**6)
    assert caught.value.problems[0].got.endswith(f" with U+FFFD, {REMEDY}")
