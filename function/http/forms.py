"""From a form to its files: multipart/form-data as browsers and curl write it.

Starlette's parser is not used: it lets the form's charset choose a codec (some raise, so a caller
can cause a 500), accepts a truncated form as whole, and logs what it reads. The body is in memory
already, so splitting it is enough.

Source: RFC 7578; RFC 2046, 5.1.1 for the boundary. Content-Transfer-Encoding is deprecated (RFC
7578, 4.7), but some clients send files in base64, or as attachments.
"""

from __future__ import annotations

import re
from typing import Final

from function.errors import InvalidError, MalformedError
from function.inputs import decoded_base64
from model.errors import Problem, counted

FILE_FIELD: Final = "file"
MAX_HEAD_BYTES: Final = 4096
"""The most bytes of one part's headers, including the file's name."""

_BOUNDARY: Final = re.compile(
    r';\s*boundary=(?:"([^"]{0,69}[^"\s])"|([^\s";]{1,70}))\s*(?:;|$)', re.IGNORECASE
)
_DISPOSITION: Final = re.compile(
    rb"\r\ncontent-disposition:[ \t]*(form-data|attachment)(.*)", re.IGNORECASE
)
_ENCODING: Final = re.compile(rb"\r\ncontent-transfer-encoding:[ \t]*([^\s;]*)", re.IGNORECASE)
_AS_THEY_ARE: Final = (b"", b"7bit", b"8bit", b"binary")
_PARAMETER: Final = re.compile(rb';[ \t]*([^\s=;"]+)=("(?:[^"\\]|\\.)*"|[^\s;"]*)')


def files_in(body: bytes, content_type: str, *, limit: int) -> list[bytes]:
    """Return the files of a form, in order.

    Args:
        body: the whole form.
        content_type: the request's, with the boundary.
        limit: the most files.

    Raises:
        MalformedError: no boundary, no end, a part without its headers, or one that is encoded
            in another way than base64.
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
    return (boundary[1] or boundary[2]).encode("latin-1")


def _file_in(piece: bytes) -> bytes | None:
    """Return the content of one part; None if it is not a file named FILE_FIELD."""
    head_end = piece.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES + 4)
    # The line ends after the boundary, possibly after spaces.
    if head_end < 0 or not piece[:head_end].lstrip(b" \t").startswith(b"\r\n"):
        raise _malformed(f"parts with headers of at most {MAX_HEAD_BYTES} bytes", "another part")
    disposition = _DISPOSITION.search(piece, 0, head_end)
    found = _PARAMETER.findall(disposition[2]) if disposition else []
    parameters = {name.lower().rstrip(b"*"): value.strip(b'"') for name, value in found}
    if disposition and disposition[1].lower() == b"attachment":
        parameters.setdefault(b"name", FILE_FIELD.encode())
    if b"filename" not in parameters or parameters.get(b"name") != FILE_FIELD.encode():
        return None
    encoding = _ENCODING.search(piece, 0, head_end)
    return _decoded(piece[head_end + 4 :], encoding[1].lower() if encoding else b"binary")


def _decoded(content: bytes, encoding: bytes) -> bytes:
    if encoding == b"base64":
        return decoded_base64(content.decode("latin-1"), FILE_FIELD)
    if encoding not in _AS_THEY_ARE:
        raise _malformed("parts in base64, or not encoded", "one encoded in another way")
    return content


def _malformed(expected: str, got: str) -> MalformedError:
    return MalformedError([Problem("body", expected, got)])
