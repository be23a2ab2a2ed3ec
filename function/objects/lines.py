"""A text of many lines, cut up as it arrives; each is read by itself, or an error by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from function.errors import MalformedError, RequestError, TooLargeError
from function.inputs import BYTE_ORDER_MARK, encoding_of
from model.errors import Problem


@dataclass(frozen=True, slots=True)
class Item:
    """One instance, or why there is none, and where it stands: `{"line": 7}`."""

    place: dict[str, int]
    instance: Any = None
    error: RequestError | None = None
    size_bytes: int = 0


def item_of(number: int, line: str | RequestError, read: Callable[[str], Any]) -> Item:
    """Read one line, or keep why it cannot be read."""
    place = {"line": number}
    if isinstance(line, RequestError):
        return Item(place, error=line)
    try:
        return Item(place, read(line), size_bytes=len(line))
    except RequestError as error:
        return Item(place, error=error)


Line = tuple[int, str | RequestError]
"""A line's number from 1, and its text without the line break, or why it cannot be read."""


def lines_in(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[Line]:
    """Cut an object into lines of UTF-8; blank ones are counted and left out.

    Args:
        chunks: its bytes in any pieces; a byte order mark and CRLF are allowed.
        max_bytes: the most that one line may have.

    Raises:
        MalformedError, TooLargeError: the first line cannot be read.
    """
    first = True
    for number, data in enumerate(_pieces_of(chunks, max_bytes), 1):
        line = _text_of(data.removeprefix(BYTE_ORDER_MARK) if number == 1 else data, max_bytes)
        if isinstance(line, str) and not line.strip():
            continue
        if first and isinstance(line, RequestError):
            raise line
        first = False
        yield number, line


def _pieces_of(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Cut at line feeds; a line that is too long is kept only as far as shows that."""
    rest = b""
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        if whole:
            whole[0] = rest + whole[0]
            rest = b""
            yield from whole
        rest = (rest + last)[: max_bytes + 5]  # with a byte order mark and a CR
    if rest:
        yield rest


def _text_of(data: bytes, max_bytes: int) -> str | RequestError:
    data = data.removesuffix(b"\r")
    if len(data) > max_bytes:
        return TooLargeError([Problem("line", f"at most {max_bytes} bytes", "more")])
    try:
        text = data.decode()
    except UnicodeDecodeError:
        got = encoding_of(data) or "other bytes"
        return MalformedError([Problem("line", "text in UTF-8", got)])
    if "\0" in text:
        return MalformedError([Problem("line", "text in UTF-8", "a text with NUL in it")])
    return text
