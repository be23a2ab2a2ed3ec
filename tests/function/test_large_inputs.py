"""Inputs of 4 to 6 MB that are made to cost time: each is refused.

Not timed here, since machines differ; measured by hand, each takes less than 0.3 s of one core.
What keeps it so is held by other tests: brackets, parts, pictures and headers are counted before
they are read, and the problems stop at ten.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.function.conftest import Answer
from tests.function.doors.fronts import Call, Event, alb, alb_multi, http_api_v2, post
from tests.function.http.form_bodies import (
    BOUNDARY,
    PREDICT_DIGITS,
    PREDICT_IRIS,
    file_part,
    form,
    part,
    post_form,
)

SIZE = 4_400_000
OPENED = f"--{BOUNDARY}\r\n".encode()


def rows(text: bytes) -> Call:
    """Name a POST of JSON to the irises."""
    return post(PREDICT_IRIS, text, "application/json")


def images(text: bytes) -> Call:
    """Name a POST of JSON to the digits."""
    return post(PREDICT_DIGITS, text, "application/json")


def times(text: bytes) -> bytes:
    """Repeat a text until it is large."""
    return text * (SIZE // len(text))


def keys() -> bytes:
    """Write many keys, each another."""
    return b",".join(b'"%d":1' % number for number in range(SIZE // 10))


LARGE: dict[str, tuple[Callable[[], Call], int]] = {
    "lists in lists": (lambda: rows(times(b"[")), 413),
    "objects in objects": (lambda: rows(times(b'{"a":')), 413),
    "empty lists": (lambda: rows(b'{"rows":[' + times(b"[],") + b"[]]}"), 413),
    "empty objects": (lambda: rows(b'{"rows":[' + times(b"{},") + b"{}]}"), 413),
    "a row of lists": (lambda: rows(b'{"rows":[[' + times(b"[],") + b"[]]]}"), 413),
    "keys": (lambda: rows(b"{" + keys() + b"}"), 422),
    "keys in a row": (lambda: rows(b'{"rows":[{' + keys() + b"}]}"), 422),
    "strings": (lambda: rows(b'{"rows":[' + times(b'"a",') + b'""]}'), 422),
    "numbers": (lambda: rows(b'{"rows":[[' + times(b"1.5,") + b"1]]}"), 422),
    "one whole number": (lambda: rows(b'{"rows":[[' + times(b"9") + b"]]}"), 400),
    "one exponent": (lambda: rows(b'{"rows":[[1e' + times(b"9") + b",1,1,1]]}"), 422),
    "one key, again and again": (lambda: rows(b"{" + times(b'"rows":1,') + b'"rows":1}'), 422),
    "escapes": (lambda: rows(b'{"rows":"' + times(b"\\u0041") + b'"}'), 422),
    "spaces": (lambda: rows(times(b" ")), 400),
    "empty pictures": (lambda: images(b'{"images":[' + times(b'"",') + b'""]}'), 422),
    "no base64": (lambda: images(b'{"image":"' + times(b"!") + b'"}'), 422),
    "lines of base64": (lambda: images(b'{"image":"' + times(b"\\n") + b'"}'), 415),
    "zeros as a picture": (lambda: post(PREDICT_DIGITS, times(b"\0"), "image/png"), 415),
    "parts": (lambda: post_form(form(times(file_part(b"")))), 422),
    "fields": (lambda: post_form(form(times(part(b"", 'name="a"')))), 422),
    "part headers": (lambda: post_form(form(OPENED + times(b"a:b\r\n"))), 400),
    "a part header": (lambda: post_form(form(part(b"", 'name="' + "a" * SIZE))), 400),
    "line breaks in a file": (lambda: post_form(form(file_part(times(b"\r\n")))), 415),
    "half boundaries in a file": (lambda: post_form(form(file_part(times(b"\r\n------l")))), 415),
    "no form at all": (lambda: post_form(times(b"\r\n--")), 400),
    "a path": (lambda: Call("/models/" + "a" * SIZE), 400),
    "a header": (lambda: Call("/", headers=(("a", "b" * SIZE),)), 400),
    "headers": (lambda: Call("/", headers=tuple((f"h{n}", "") for n in range(300_000))), 400),
    "a content type": (lambda: post_form(b"", "multipart/form-data" + ";a=b" * SIZE), 400),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_inputs(answer: Answer, name: str) -> None:
    """A large input is the caller's fault."""
    call, status = LARGE[name]
    assert answer(http_api_v2(call()))["statusCode"] == status


EVENTS: dict[str, Callable[[], Event]] = {
    "query": lambda: (
        alb(Call("/add")) | {"queryStringParameters": {f"h{n}": "%41" for n in range(300_000)}}
    ),
    "raw query": lambda: http_api_v2(Call("/add")) | {"rawQueryString": "a=1&" * (SIZE // 4)},
    "query lists": lambda: (
        alb_multi(Call("/add")) | {"multiValueQueryStringParameters": {"a": ["%41"] * 600_000}}
    ),
    "header lists": lambda: (
        alb_multi(Call("/add")) | {"multiValueHeaders": {"cookie": ["a=b"] * 600_000}}
    ),
    "path": lambda: alb(Call("/add")) | {"path": "/%41" * (SIZE // 4)},
    "cookies": lambda: http_api_v2(Call("/add")) | {"cookies": ["a=b"] * 600_000},
}


@pytest.mark.parametrize("name", EVENTS)
def test_large_events(answer: Answer, name: str) -> None:
    """An event such as no front sends, but an invoker may, is refused."""
    assert answer(EVENTS[name]())["statusCode"] == 400
