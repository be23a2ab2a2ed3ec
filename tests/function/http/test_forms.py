"""Forms are read to the letter: files named `file`, and nothing else."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import InvalidError, MalformedError, RequestError
from function.http.forms import MAX_HEAD_BYTES, files_in
from tests.function.http.form_bodies import BOUNDARY, file_part, form, part

CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
FILES = "body: expected 1 to 3 form files named file"


def files(body: bytes, content_type: str = CONTENT_TYPE) -> list[bytes]:
    """Read a form of three files at the most."""
    return files_in(body, content_type, limit=3)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=3))
def test_round_trip(contents: list[bytes]) -> None:
    """Files come out as they went in, line breaks and dashes included."""
    assert files(form(*(file_part(content) for content in contents))) == contents


@pytest.mark.parametrize("content", [b"", b"\r\n", b"--", b"\r\n--", b"\r\n\r\n", b"a\r\n--b"])
def test_contents_like_a_boundary(content: bytes) -> None:
    """A file may hold what looks like the start of a boundary."""
    assert files(form(file_part(content))) == [content]


@pytest.mark.parametrize(
    "disposition",
    [
        'name="file"; filename="7.png"',
        'filename="7.png"; name="file"',
        "name=file; filename=7.png",
        'name="file"; filename=""',
        'name="file"; filename="a; name=b"',
        'x="; name=b"; name="file"; filename="a"',
        'name="file"; filename="a\\"b; name=c"',
        "name=\"file\"; filename*=UTF-8''%e2%82%ac.png",
        'NAME="file"; FileName="é.png"',
    ],
)
def test_dispositions(disposition: str) -> None:
    """A file is known by its name, however the client spells the parameters."""
    assert files(form(part(b"x", disposition))) == [b"x"]


@pytest.mark.parametrize(
    "content_type",
    [
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"multipart/form-data;boundary={BOUNDARY}; charset=utf-8",
        f"multipart/form-data; charset=utf-8; Boundary={BOUNDARY} ",
        'multipart/form-data; boundary="a line of b"',
    ],
)
def test_boundaries(content_type: str) -> None:
    """The boundary is found wherever the type names it; in quotes it may have blanks."""
    boundary = b"a line of b" if "line" in content_type else BOUNDARY.encode()
    body = form(file_part(b"x")).replace(BOUNDARY.encode(), boundary)
    assert files(body, content_type) == [b"x"]


@pytest.mark.parametrize("parameters", ['filename="7.png"', "name=file; filename=7.png"])
def test_attachments(parameters: str) -> None:
    """Some clients send a file as an attachment, which may have no name but the file's."""
    one = part(b"x", parameters).replace(b"form-data", b"Attachment")
    assert files(form(one)) == [b"x"]


@pytest.mark.parametrize(
    ("encoding", "content", "file"),
    [
        ("base64", b"eHl6\r\neA==\r\n", b"xyzx"),
        ("BASE64", b"eHl6", b"xyz"),
        ("binary", b"eHl6", b"eHl6"),
        ("8bit", b"eHl6", b"eHl6"),
        ("base64", b"eHl6!", "file: expected base64, got a text that is not base64: "
            "U+0021 after 4 characters"),
        ("quoted-printable", b"=3D", "body: expected parts in base64, or not encoded, "
            "got one encoded in another way"),
    ],
)  # fmt: skip
def test_transfer_encodings(encoding: str, content: bytes, file: bytes | str) -> None:
    """A file in base64 is decoded; another encoding is named."""
    headers = f"Content-Transfer-Encoding: {encoding}"
    body = form(part(content, 'name="file"; filename="7.png"', headers))
    if isinstance(file, bytes):
        assert files(body) == [file]
    else:
        with pytest.raises(MalformedError, match=re.escape(file)):
            files(body)


def test_around_the_form() -> None:
    """What stands before the first boundary and after the last is not read."""
    body = b"preamble\r\n" + form(file_part(b"x")) + b"epilogue\r\n"
    assert files(body) == [b"x"]


def test_spaces_after_a_boundary() -> None:
    """Spaces between a boundary and the line's end are allowed, as RFC 2046 has it."""
    body = form(file_part(b"x")).replace(BOUNDARY.encode() + b"\r", BOUNDARY.encode() + b" \t\r")
    assert files(body) == [b"x"]


@pytest.mark.parametrize(
    "parameters",
    ["", "; boundary", "; boundary=", '; boundary="', "; boundary=" + "a" * 71, "; xboundary=a"],
)
def test_no_boundary(parameters: str) -> None:
    """A type that names no boundary is refused."""
    with pytest.raises(MalformedError) as caught:
        files(form(file_part(b"x")), "multipart/form-data" + parameters)
    assert str(caught.value) == (
        "content-type: expected multipart/form-data with a boundary of 1 to 70 characters, got none"
    )


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (form(), "an empty form"),
        (form(part(b"x", 'name="file"')), "1 other field"),
        (form(file_part(b"x", "picture")), "1 other field"),
        (form(file_part(b"x", "FILE")), "1 other field"),
        (form(part(b"x", 'filename="a"')), "1 other field"),
        (form(part(b"x", 'xname="file"; filename="a"')), "1 other field"),
        (form(file_part(b"x"), part(b"x", 'name="a"'), part(b"x", 'name="b"')), "2 other fields"),
        (form(*[file_part(b"")] * 4), "4 parts"),
        (form(*[part(b"", 'name="a"')] * 60_000), "60000 parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_fields(body: bytes, got: str) -> None:
    """Fields that are no files named so, and too many of them, are counted and refused."""
    with pytest.raises(InvalidError) as caught:
        files(body)
    assert str(caught.value) == f"{FILES}, got {got}"


NO_END = "body: expected a whole form, got one that has no end"
NO_HEAD = f"body: expected parts with headers of at most {MAX_HEAD_BYTES} bytes, got another part"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", NO_END),
        (b"x" * 100, NO_END),
        (form(file_part(b"x"), end=""), NO_END),
        (form(file_part(b"x"), end=f"--{BOUNDARY}"), NO_END),
        (form(file_part(b"x"), file_part(b"y" * 99), end="")[:-50], NO_END),
        (form(f"--{BOUNDARY}\r\n".encode()), NO_HEAD),
        (form(f"--{BOUNDARY}\r\nno blank line\r\n".encode()), NO_HEAD),
        (form(f"--{BOUNDARY}x\r\n\r\n".encode()), NO_HEAD),
        (form(part(b"", 'name="file"', "X: " + "y" * MAX_HEAD_BYTES)), NO_HEAD),
    ],
    ids=range(9),
)
def test_broken_forms(body: bytes, reason: str) -> None:
    """A form that was cut off, or a part without its headers, is refused."""
    with pytest.raises(MalformedError) as caught:
        files(body)
    assert str(caught.value) == reason


PIECES = [
    f"--{BOUNDARY}".encode(), b"--", b"\r\n", b"\r", b"\n", b"Content-Disposition: form-data",
    b'; name="file"', b'; filename="a"', b"; filename*=utf-8''a", b":", b"\x00", b"\xff", b'"',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join))
def test_any_form(body: bytes) -> None:
    """Whatever a form is made of, it is read or refused."""
    with suppress(RequestError):
        assert files(body)
