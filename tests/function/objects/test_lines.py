"""A text is cut into lines as it arrives, and what is wrong with one costs no other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import MalformedError, RequestError, TooLargeError
from function.objects.lines import lines_in


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Cut bytes into pieces."""
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_in_any_pieces(size: int) -> None:
    """Lines are the same however the bytes arrive; blank ones count and are left out."""
    data = b"\xef\xbb\xbfone\r\n\n  \ntwo\nthr\xc3\xa9e\r\nlast"
    lines = list(lines_in(cut(data, size), max_bytes=6))
    assert lines == [(1, "one"), (4, "two"), (5, "thrée"), (6, "last")]


@given(data=st.binary(max_size=60), size=st.integers(1, 9))
def test_lines_of_anything(data: bytes, size: int) -> None:
    """Any bytes are lines, faults of lines, or no text at all; the pieces make no difference."""

    def read(pieces: Iterator[bytes]) -> list[tuple[int, str]]:
        try:
            return [(number, str(line)) for number, line in lines_in(pieces, max_bytes=5)]
        except RequestError as error:
            return [(0, str(error))]

    assert read(cut(data, size)) == read(cut(data, 1000))


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_longest_line(start: bytes, end: bytes) -> None:
    """The limit is a line's own, without what marks its ends; one more is too many."""
    first = b"12345\n" if not start else b""
    assert list(lines_in([start + first + b"67890" + end], max_bytes=5))[-1][1] == "67890"
    ((_, line),) = list(lines_in([b"12345\n" + b"678901" + end], max_bytes=5))[1:]
    assert str(line) == "line: expected at most 5 bytes, got more"


def test_a_line_without_an_end_takes_no_memory() -> None:
    """Of a line of 50 MB no more is kept than tells that it is too long."""
    pieces = (b"x" * 65_536 for _ in range(800))
    tracemalloc.start()
    try:
        lines = lines_in((piece for source in ([b"1\n"], pieces, [b"\n2\n"]) for piece in source),
                         max_bytes=1000)  # fmt: skip
        numbers = [number for number, _ in lines]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert numbers == [1, 2, 3]
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"\x89PNG\r\n\x1a\n", MalformedError, "line: expected text in UTF-8, got other bytes"),
        (b"\n\n\xff\xfe1\0", MalformedError, "line: expected text in UTF-8, got UTF-16 or UTF-32"),
        (b"1\0", MalformedError, "line: expected text in UTF-8, got a text with NUL in it"),
        (b"1" * 101, TooLargeError, "line: expected at most 100 bytes, got more"),
    ],
)
def test_an_object_that_is_no_text(data: bytes, kind: type[Exception], message: str) -> None:
    """If the first line cannot be read, none is."""
    with pytest.raises(kind) as caught:
        list(lines_in([data], max_bytes=100))
    assert str(caught.value) == message
