"""From a form to its files: multipart/form-data as browsers and curl write it.

Starlette's parser is not used: it lets the form's charset choose a codec (some raise, so a caller
can cause a 500), accepts a truncated form as whole, and logs what it reads. The body is in memory
already, so splitting it is enough.

Source: RFC 7578; RFC 2046, 5.1.1 for the boundary. Content-Transfer-Encoding is deprecated there
(4.7), and no known client sends it.
"""

from __future__ import annotations

import re
from typing import Final

from function.errors import InvalidError, MalformedError
from model.errors import Problem, counted

FILE_FIELD: Final = "file"
MAX_HEAD_BYTES: Final = 4096
"""The most bytes of one part's headers, including the file's name."""

_BOUNDARY: Final = re.compile(r';\s*boundary=("?)([^\s";]{1,70})\1\s*(?:;|$)', re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"\r\ncontent-disposition:[ \t]*form-data(.*)", re.IGNORECASE)
_PARAMETER: Final = re.compile(rb';[ \t]*([^\s=;"]+)=("(?:[^"\\]|\\.)*"|[^\s;"]*)')


def files_in(body: bytes, content_type: str, *, limit: int) -> list[bytes]:
    """Return the files of a form, in order.

    Args:
        body: the whole form.
        content_type: the request's, with the boundary.
        limit: the most files.

    Raises:
        MalformedError: no boundary, no end, or a part without its headers.
        InvalidError: no file, too many, or fields other than files named FILE_FIELD.
    """
    expected = f"1 to {limit} form files named {FILE_FIELD}"
    delimiter = b"\r\n--" + _boundary_of(content_type)
    # The first delimiter starts the body, without the line break before it.
    body = b"\r\n" + body
    # Counted before anything is read: a million empty parts must cost nothing.
    parts = body.count(delimiter) - 1
    if parts > limit:
        raise InvalidError([Problem("body", expected, f"{parts} parts")])
    pieces = body.split(delimiter)[1:]
    end = next((n for n, piece in enumerate(pieces) if piece.startswith(b"--")), None)
    if end is None:
        raise _malformed("a whole form", "one that has no end")
    files = [_file_in(piece) for piece in pieces[:end]]
    found = [file for file in files if file is not None]
    others = len(files) - len(found)
    if others or not found:
        got = counted(others, "other field") if others else "an empty form"
        raise InvalidError([Problem("body", expected, got)])
    return found


def _boundary_of(content_type: str) -> bytes:
    boundary = _BOUNDARY.search(content_type)
    if not boundary:
        expected = "multipart/form-data with a boundary of 1 to 70 characters"
        raise MalformedError([Problem("content-type", expected, "none")])
    return boundary[2].encode("latin-1")


def _file_in(piece: bytes) -> bytes | None:
    """Return the content of one part; None if it is not a file named FILE_FIELD."""
    head_end = piece.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES + 4)
    # The line ends after the boundary, possibly after spaces.
    if head_end < 0 or not piece[:head_end].lstrip(b" \t").startswith(b"\r\n"):
        raise _malformed(f"parts with headers of at most {MAX_HEAD_BYTES} bytes", "another part")
    disposition = _DISPOSITION.search(piece, 0, head_end)
    found = _PARAMETER.findall(disposition[1]) if disposition else []
    parameters = {name.lower().rstrip(b"*"): value.strip(b'"') for name, value in found}
    if b"filename" not in parameters or parameters.get(b"name") != FILE_FIELD.encode():
        return None
    return piece[head_end + 4 :]


def _malformed(expected: str, got: str) -> MalformedError:
    return MalformedError([Problem("body", expected, got)])
