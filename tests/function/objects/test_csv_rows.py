"""Lines of comma-separated values become rows, each cell as its column wants it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import InvalidError
from function.objects.csv_rows import rows_of_csv
from function.objects.lines import Item, lines_in
from model.recipes.base import Column

NAMES = ["a", "b", "c"]
NUMBERS = [Column(name) for name in NAMES]
PEOPLE = [
    Column("Full name", "string"),
    Column("age", "int64"),
    Column("fare (EUR)", "float64", "nan"),
    Column("member", "bool"),
]
MARK = "zqMARKERqz"


def shown(items: Iterator[Item]) -> list[tuple[int, Any]]:
    """Show where each item stands, and what it is: an instance, or an error's text."""
    return [
        (item.place["line"], str(item.error) if item.error else item.instance) for item in items
    ]


def csv_rows(text: str | bytes, columns: Sequence[Column] = NUMBERS) -> list[tuple[int, Any]]:
    """Read a whole CSV."""
    data = text.encode() if isinstance(text, str) else text
    return shown(rows_of_csv(lines_in([data], max_bytes=100), columns))


def test_csv_without_a_header() -> None:
    """Numbers from the first line on are rows in column order."""
    assert csv_rows('1,2,3\n\n "4",-5e1, .6 \r\n') == [
        (1, [1.0, 2.0, 3.0]),
        (3, [' "4"', -50.0, 0.6]),
    ]
    assert csv_rows('"1","2",3\n') == [(1, [1.0, 2.0, 3.0])]


@pytest.mark.parametrize("header", ["c,a,b", '"c", A ,"b"', "\ufeffc,a,b\r"])
def test_csv_with_a_header(header: str) -> None:
    """A first line of names says the order of the columns."""
    assert csv_rows(f"{header}\n3,1,2\n3,1\n") == [(2, [1.0, 2.0, 3.0]), (3, [3.0, 1.0])]


@pytest.mark.parametrize("header", ["a,b", "a,b,c,d", "a,b,b", "x", ",,", MARK])
def test_csv_with_another_header(header: str) -> None:
    """A header that is not all of the columns and nothing else is refused, with the object."""
    with pytest.raises(InvalidError) as caught:
        csv_rows(f"{header}\n1,2,3\n")
    assert str(caught.value) == (
        "first line: expected values, or the columns a, b, c in any order, got other names"
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


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    rows=st.lists(st.tuples(FLOATS, FLOATS, FLOATS), min_size=1),
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
    assert [item.instance for item in rows_of_csv(lines, NUMBERS)] == [list(row) for row in rows]


def test_a_number_that_is_made_to_cost_time() -> None:
    """A cell of 60,000 digits and a letter is read once; to square it would take minutes."""
    text = "1,2,3\n" + "1" * 60_000 + "x,2,3\n" + " " * 60_000 + "x,2,3\n"
    items = list(rows_of_csv(lines_in([text.encode()], max_bytes=65_536), NUMBERS))
    assert [type(item.instance[0]) for item in items] == [float, str, str]


def test_cells_by_their_columns() -> None:
    """A text stays a text, whatever it looks like; whole numbers stay whole; a gap is None."""
    text = '007,36,7.25,true\n"Doe, ""Jo""",9007199254740993,,FALSE\n,4.0,NaN,0\nx,1.5,y,z\n'
    assert csv_rows(text, PEOPLE) == [
        (1, ["007", 36, 7.25, True]),
        (2, ['Doe, "Jo"', 9007199254740993, None, False]),
        (3, [None, 4.0, None, False]),
        (4, ["x", 1.5, "y", "z"]),
    ]


@pytest.mark.parametrize(
    "header", ["member,fare (EUR),Full name,age", "MEMBER, fare_eur ,full_name,Age"]
)
def test_a_header_of_texts(header: str) -> None:
    """Columns are matched by name, without case, blanks and punctuation."""
    assert csv_rows(f"{header}\n1,2.5,Jo,3\n", PEOPLE) == [(2, ["Jo", 3, 2.5, True])]


@pytest.mark.parametrize("header", ["name,age,fare,member", "Full name,age,sex,member", "a,b,c,d"])
def test_a_wrong_header_of_texts(header: str) -> None:
    """A first line that names a column, or has no number for a number, must name them all."""
    with pytest.raises(InvalidError, match=r"or the columns Full name, age, fare .EUR., member in"):
        csv_rows(f"{header}\nJo,3,2.5,1\n", PEOPLE)


def test_texts_without_a_header() -> None:
    """Of texts alone a first line is a row, unless it names a column."""
    words = [Column("x", "string"), Column("y", "string")]
    assert csv_rows("hello,you\n", words) == [(1, ["hello", "you"])]
    assert csv_rows("y,x\nhello,you\n", words) == [(2, ["you", "hello"])]
