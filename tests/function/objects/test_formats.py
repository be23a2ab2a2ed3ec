"""Lines become instances one by one, and what is wrong with one costs no other."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import InvalidError, MalformedError, RequestError, TooLargeError
from function.objects.formats import (
    Item,
    lines_in,
    pictures_of_json_lines,
    rows_of_csv,
    rows_of_json_lines,
)

NAMES = ["a", "b", "c"]
MARK = "zqMARKERqz"


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Cut bytes into pieces."""
    return (data[start : start + size] for start in range(0, len(data), size))


def shown(items: Iterator[Item]) -> list[tuple[int, Any]]:
    """Show where each item stands, and what it is: an instance, or an error's text."""
    return [
        (item.place["line"], str(item.error) if item.error else item.instance) for item in items
    ]


def csv_rows(text: str | bytes) -> list[tuple[int, Any]]:
    """Read a whole CSV."""
    data = text.encode() if isinstance(text, str) else text
    return shown(rows_of_csv(lines_in([data], max_bytes=100), NAMES))


def json_rows(text: str) -> list[tuple[int, Any]]:
    """Read whole JSON lines of rows."""
    return shown(rows_of_json_lines(lines_in([text.encode()], max_bytes=200_000)))


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
        (b"\n\n\xff\xfe1\0", MalformedError, "line: expected text in UTF-8, got other bytes"),
        (b"1\0", MalformedError, "line: expected text in UTF-8, got a text with NUL in it"),
        (b"1" * 101, TooLargeError, "line: expected at most 100 bytes, got more"),
    ],
)
def test_an_object_that_is_no_text(data: bytes, kind: type[Exception], message: str) -> None:
    """If the first line cannot be read, none is."""
    with pytest.raises(kind) as caught:
        csv_rows(data)
    assert str(caught.value) == message


def test_csv_without_a_header() -> None:
    """Numbers from the first line on are rows in column order."""
    assert csv_rows('1,2,3\n\n "4",-5e1, .6 \r\n') == [
        (1, [1.0, 2.0, 3.0]),
        (3, [' "4"', -50.0, 0.6]),
    ]
    assert csv_rows('"1","2",3\n') == [(1, [1.0, 2.0, 3.0])]


@pytest.mark.parametrize("header", ["c,a,b", '"c", a ,"b"', "\ufeffc,a,b\r"])
def test_csv_with_a_header(header: str) -> None:
    """A first line of names says the order of the columns."""
    assert csv_rows(f"{header}\n3,1,2\n3,1\n") == [(2, [1.0, 2.0, 3.0]), (3, [3.0, 1.0])]


@pytest.mark.parametrize("header", ["a,b", "a,b,c,d", "a,b,b", "A,b,c", "x", ",,", MARK])
def test_csv_with_another_header(header: str) -> None:
    """A header that is not all of the columns and nothing else is refused, with the object."""
    with pytest.raises(InvalidError) as caught:
        csv_rows(f"{header}\n1,2,3\n")
    assert str(caught.value) == (
        "first line: expected numbers, or the columns a, b, c in any order, got other names"
    )


@pytest.mark.parametrize("cell", ["1_0", "nan", "inf", "٣", "0x1", "1e", "--1", "1 2", "."])
def test_cells_that_are_no_numbers(cell: str) -> None:
    """What a CSV's reader would not take for a number stays a text, which the model refuses."""
    assert csv_rows(f"1,2,3\n1,{cell},3\n")[1] == (2, [1.0, cell, 3.0])


def test_faults_of_lines() -> None:
    """A line that cannot be read stands for itself; an empty cell is nothing."""
    text = b'1,2,3\n"1,2,3\n1,"2"x,3\n\xff\n' + b"1" * 101 + b"\n1,,3\n1,2\n"
    assert csv_rows(text) == [
        (1, [1.0, 2.0, 3.0]),
        (2, "line: expected comma-separated values, got broken quotes"),
        (3, "line: expected comma-separated values, got broken quotes"),
        (4, "line: expected text in UTF-8, got other bytes"),
        (5, "line: expected at most 100 bytes, got more"),
        (6, [1.0, None, 3.0]),
        (7, [1.0, 2.0]),
    ]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1),
    header=st.permutations(NAMES) | st.none(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_csv_that_python_writes(
    rows: list[tuple[float, ...]], header: list[str] | None, quoting: Any
) -> None:
    """What the standard library writes is read back exactly, whatever the order of the columns."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting)
    order = header or NAMES
    writer.writerows([order] if header else [])
    writer.writerows([[row[NAMES.index(name)] for name in order] for row in rows])
    lines = lines_in([out.getvalue().encode()], max_bytes=1000)
    assert [item.instance for item in rows_of_csv(lines, NAMES)] == [list(row) for row in rows]


def test_a_number_that_is_made_to_cost_time() -> None:
    """A cell of 60,000 digits and a letter is read once; to square it would take minutes."""
    text = "1,2,3\n" + "1" * 60_000 + "x,2,3\n" + " " * 60_000 + "x,2,3\n"
    items = list(rows_of_csv(lines_in([text.encode()], max_bytes=65_536), NAMES))
    assert [type(item.instance[0]) for item in items] == [float, str, str]


def test_rows_of_json_lines() -> None:
    """A line is a row, a list or an object; what it holds is the model's to judge."""
    assert json_rows('[1,2,3]\n\n{"a":1}\r\n7\nnull\n') == [
        (1, [1, 2, 3]),
        (3, {"a": 1}),
        (4, 7),
        (5, None),
    ]


@pytest.mark.parametrize(
    "line", ["[1,2", MARK, "[" * 150_000, "9" * 5000, "{'a':1}"], ids=lambda line: line[:9]
)
def test_lines_that_are_no_json(line: str) -> None:
    """What is no JSON is told for its line, without repeating it."""
    assert json_rows(f"[1]\n{line}\n[2]") == [
        (1, [1]),
        (2, "line: expected JSON, got something else"),
        (3, [2]),
    ]


def test_pictures_of_json_lines() -> None:
    """A picture is base64 in an object, alone."""
    text = '{"image":"QUJD"}\n{"image":"!"}\n{"image":"","x":1}\n["QUJD"]\n{"image":7}\n{'
    assert shown(pictures_of_json_lines(lines_in([text.encode()], max_bytes=100))) == [
        (1, b"ABC"),
        (2, "image: expected base64, got a text that is not base64"),
        (3, 'line: expected {"image": …}, got other keys'),
        (4, 'line: expected {"image": …}, got a list'),
        (5, "image: expected base64 in a text, got a number"),
        (6, "line: expected JSON, got something else"),
    ]
