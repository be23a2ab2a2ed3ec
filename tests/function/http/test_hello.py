"""The hello of the tutorial adds two numbers, and says what is wrong with those it cannot."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from function.errors import InvalidError
from function.http.hello import MAX_DIGITS, total_of
from tests.function.conftest import Answer
from tests.function.doors.fronts import Call, json_of

ONE = "expected one finite number, such as 10 or -2.5, got"


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("a=10&b=20", "30"),
        ("a=-10&b=+20", "10"),
        ("a=-10&b=%2B20", "10"),
        ("a=0.5&b=.5", "1.0"),
        ("a=1.&b=2", "3.0"),
        ("a=1e3&b=-1E-3", "999.999"),
        ("a=00&b=007", "7"),
        ("a=10&b=20&c=x", "30"),
        (f"a={'9' * MAX_DIGITS}&b=1", "1" + "0" * MAX_DIGITS),
    ],
)
def test_sums(query: str, total: str) -> None:
    """Whole numbers stay whole, others are floats."""
    assert json.dumps(total_of(QueryParams(query))) == total


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", f"a: {ONE} nothing; b: {ONE} nothing"),
        ("a=1", f"b: {ONE} nothing"),
        ("a=1&b=2&b=2", f"b: {ONE} 2 of them"),
        ("a=&b=2", f"a: {ONE} an empty text"),
        ("a=x&b=2", f"a: {ONE} a text that is no such number"),
        ("a=NaN&b=Infinity", "; ".join(f"{n}: {ONE} a text that is no such number" for n in "ab")),
        ("a=1_0&b=0x1", "; ".join(f"{n}: {ONE} a text that is no such number" for n in "ab")),
        ("a=1e999&b=2", f"a: {ONE} a text that is no such number"),
        ("a=1e9999&b=2", f"a: {ONE} a text that is no such number"),
        (f"a={'9' * 301}&b=2", f"a: {ONE} a text that is no such number"),
        ("a=%D9%A3&b=2", f"a: {ONE} a text that is no such number"),
        ("a=1.7e308&b=1.7e308", "a + b: expected a finite sum, got Infinity"),
    ],
)
def test_what_is_no_sum(query: str, reason: str) -> None:
    """A number that is missing, repeated, none, or too large is named."""
    with pytest.raises(InvalidError) as caught:
        total_of(QueryParams(query))
    assert str(caught.value) == reason


@given(st.integers(-(10**200), 10**200), st.integers(-(10**200), 10**200))
def test_whole_numbers(a: int, b: int) -> None:
    """Whole numbers of any size are added exactly."""
    assert total_of(QueryParams({"a": str(a), "b": str(b)})) == a + b


@given(st.text(), st.text())
def test_any_texts(answer: Answer, a: str, b: str) -> None:
    """Whatever the numbers are, the answer is a number or a 422."""
    query = str(QueryParams({"a": a, "b": b}))
    assert answer(Call("/add", query=query))["statusCode"] in (200, 422)


def test_by_post(answer: Answer) -> None:
    """POST adds as GET does, whatever its body."""
    call = Call("/add", "POST", "a=10&b=20", body=b"\x00")
    assert json_of(answer(call)) == 30
