"""Results as responses: every cell of docs/contract.md 6.5.2."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from infra.local.fronts.response import Base64Error, Response, ResultError
from infra.local.gateway import front_of
from tests.infra.local.fronts.front_requests import (
    ALBS,
    FRONT_NAMES,
    MOMENT,
    V1,
    V2,
    request,
    visit,
)


def response(front: str, result: Any, accept: str | None = None, **options: Any) -> Response:
    """Read a function's result as a front does, without the trace that a REST API adds."""
    asked = request() if accept is None else request(accept=accept)
    payload = result if isinstance(result, bytes) else json.dumps(result).encode()
    made = front_of(front).response(payload, visit(front, asked, **options))
    if front != "rest_api":
        return made
    assert made.headers[-1] == ("X-Amzn-Trace-Id", MOMENT.trace_id)
    return replace(made, headers=made.headers[:-1])


def refused(front: str, result: Any, **options: Any) -> str:
    """Read a result that is no response."""
    with pytest.raises(ResultError) as caught:
        response(front, result, **options)
    return str(caught.value)


def good(front: str, **more: Any) -> dict[str, Any]:
    """Make a result that every front takes."""
    headers: dict[str, Any] = {"headers": {"content-type": "a/b"}}
    if front == "alb_multi":
        headers = {"multiValueHeaders": {"content-type": ["a/b"]}}
    return {"statusCode": 201, "body": "hi", **headers, **more}


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_good(front: str) -> None:
    """A full result is its status, headers and body."""
    assert response(front, good(front)) == Response(201, (("content-type", "a/b"),), b"hi")


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("hello", b"hello"),
        ({"a": 1, "b": "ü"}, '{"a":1,"b":"ü"}'.encode()),
        ([1, 2], b"[1,2]"),
        (1.5, b"1.5"),
        (True, b"true"),
        (None, b"null"),
        ({"body": "x"}, b'{"body":"x"}'),
    ],
)
def test_inferred(result: Any, body: bytes) -> None:
    """2.0 takes any result without a statusCode as the body of a 200; a string without quotes."""
    expected = Response(200, (("content-type", "application/json"),), body)
    for front in V2:
        assert response(front, result) == expected


@pytest.mark.parametrize("front", [*V1, *ALBS])
@pytest.mark.parametrize("result", ["hello", [1], 5, True, None])
def test_not_an_object(front: str, result: Any) -> None:
    """Elsewhere a result that is no object is no response."""
    assert refused(front, result).startswith("result: expected an object")


def test_without_status() -> None:
    """A REST API takes a result without a statusCode as 200; HTTP API 1.0 and ALB do not."""
    results: list[dict[str, Any]] = [{}, {"headers": {}}, {"body": ""}]
    for result in results:
        headers = (("Content-Type", "application/json"),)
        assert response("rest_api", result) == Response(200, headers, b"")
        assert refused("http_api_v1", result) == "result: expected a statusCode, got none"
        for front in ALBS:
            assert refused(front, result) == "result: expected an object with a statusCode"


def test_extra_keys() -> None:
    """An unknown key is ignored in 2.0 and makes a malformed result elsewhere."""
    for front in V2:
        assert response(front, good(front, extra=1)).status == 201
    for front in (*V1, *ALBS):
        assert refused(front, good(front, extra=1)).endswith("got 'extra'")


@pytest.mark.parametrize("front", FRONT_NAMES)
@pytest.mark.parametrize(("status", "expected"), [(200, 200), ("201", 201), (599, 599)])
def test_status(front: str, status: Any, expected: int) -> None:
    """A status is a number or a string of digits."""
    assert response(front, good(front, statusCode=status)).status == expected


@pytest.mark.parametrize("front", FRONT_NAMES)
@pytest.mark.parametrize(
    "status", ["test", "", "20", 99, 100, 600, 200.0, True, None, [200], "２００"]
)
def test_bad_status(front: str, status: Any) -> None:
    """Anything else is no status."""
    message = f"statusCode: expected a number from 200 to 599, got {status!r}"
    assert refused(front, good(front, statusCode=status)) == message


def test_header_values() -> None:
    """Booleans become text but for ALB, numbers only in 2.0; all else is malformed."""
    takers = {True: (*V2, *V1), 5: V2, 1.5: V2}
    for front in FRONT_NAMES:
        if front == "alb_multi":
            continue
        for value, fronts in takers.items():
            result = good(front, headers={"x": value, "content-type": "a/b"})
            if front in fronts:
                assert response(front, result).header("x") == json.dumps(value)
            else:
                kind = type(value).__name__
                assert refused(front, result) == f"headers.x: expected a string, got {kind}"
        for wrong in (None, ["a"], {"a": "b"}):
            refused(front, good(front, headers={"x": wrong}))


@pytest.mark.parametrize("front", [*V2, *V1, "alb"])
def test_null_headers(front: str) -> None:
    """Headers may be null, and must be an object otherwise."""
    assert response(front, good(front, headers=None)).status == 201
    assert refused(front, good(front, headers="x")) == "headers: expected an object, got str"


@pytest.mark.parametrize("front", FRONT_NAMES)
@pytest.mark.parametrize(
    ("name", "value"), [("a b", "c"), ("a", "b\r\nc: d"), ("a", "b\0"), ("", "b")]
)
def test_unsendable_headers(front: str, name: str, value: str) -> None:
    """A header that would break the response is malformed: nothing can be injected."""
    key = "multiValueHeaders" if front == "alb_multi" else "headers"
    wrapped: Any = {name: [value] if front == "alb_multi" else value}
    assert refused(front, good(front, **{key: wrapped})).startswith("headers: expected one line")


@pytest.mark.parametrize("front", V1)
def test_merged_headers(front: str) -> None:
    """Both kinds of headers are merged: multi-value first, in its casing."""
    result = good(
        front,
        headers={"x-a": "solo", "Set-Cookie": "c=3"},
        multiValueHeaders={"X-A": ["multi", True], "set-cookie": ["a=1", "b=2"]},
    )
    assert response(front, result).headers == (
        ("X-A", "multi"),
        ("X-A", "true"),
        ("X-A", "solo"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("set-cookie", "c=3"),
        ("Content-Type", "application/json"),
    )
    assert response(front, good(front, multiValueHeaders=None)).status == 201
    message = "multiValueHeaders.a: expected a list"
    assert refused(front, good(front, multiValueHeaders={"a": "b"})) == message


def test_multi_value_headers_elsewhere() -> None:
    """2.0 and a single-value ALB ignore multi-value headers; a multi-value ALB requires them."""
    for front in (*V2, "alb"):
        made = response(front, good(front, multiValueHeaders={"x": ["1"]}))
        assert made.header("x") is None
    result = {"statusCode": 200, "headers": {"x": "1"}}
    message = "multiValueHeaders: expected, since the target group has them on"
    assert refused("alb_multi", result) == message
    both = good("alb_multi", multiValueHeaders={"x": ["1", "2"]}, headers={"y": "3"})
    assert response("alb_multi", both).headers == (
        ("x", "1"),
        ("x", "2"),
        ("content-type", "application/octet-stream"),
    )
    assert refused("alb_multi", good("alb_multi", multiValueHeaders={"x": "1"})) == (
        "multiValueHeaders.x: expected a list"
    )


@pytest.mark.parametrize("front", V2)
def test_cookies(front: str) -> None:
    """Each cookie of 2.0 is a Set-Cookie of its own, before one among the headers."""
    result = good(front, cookies=["a=1", "b=2; Path=/"], headers={"Set-Cookie": "c=3"})
    cookies = [pair for pair in response(front, result).headers if pair[0].lower() == "set-cookie"]
    assert [value for _, value in cookies] == ["a=1", "b=2; Path=/", "c=3"]
    message = "cookies: expected a list of strings"
    assert refused(front, good(front, cookies="a=1")) == message
    assert refused(front, good(front, cookies=[1])) == message


@pytest.mark.parametrize("front", [name for name in FRONT_NAMES if name != "rest_api"])
def test_base64(front: str) -> None:
    """A base64 body is decoded, and malformed when it is none."""
    body = base64.b64encode(b"\xff\x00").decode()
    assert response(front, good(front, body=body, isBase64Encoded=True)).body == b"\xff\x00"
    assert response(front, good(front, body=body, isBase64Encoded=False)).body == body.encode()
    for bad in ("a", "a b=", "äöü=", "YQ"):
        with pytest.raises(Base64Error):
            response(front, good(front, body=bad, isBase64Encoded=True))


@pytest.mark.parametrize(
    ("accept", "types", "decoded"),
    [
        ("image/png", ["image/png"], True),
        ("image/png;q=1, text/html", ["image/*"], True),
        ("text/html, image/png", ["image/png"], False),
        ("*/*", ["image/png"], False),
        ("*/*", ["*/*"], True),
        (None, ["*/*"], True),
        (None, ["image/png"], False),
        ("image/png", [], False),
    ],
)
def test_rest_base64(accept: str | None, types: list[str], decoded: bool) -> None:
    """A REST API decodes only if the first type the client accepts is one of its binary ones."""
    body = base64.b64encode(b"\xff\x00")
    result = good("rest_api", body=body.decode(), isBase64Encoded=True)
    made = response("rest_api", result, accept, binary_media_types=types)
    assert made.body == (b"\xff\x00" if decoded else body)


def test_rest_bad_base64() -> None:
    """A REST API only minds bad base64 when it decodes."""
    result = good("rest_api", body="!", isBase64Encoded=True)
    assert response("rest_api", result).body == b"!"
    with pytest.raises(Base64Error):
        response("rest_api", result, "a/b", binary_media_types=["a/b"])


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_body(front: str) -> None:
    """A body is a string or null, the flag beside it a boolean or null."""
    assert response(front, good(front, body=None, isBase64Encoded=None)).body == b""
    assert response(front, good(front, body="ü")).body == "ü".encode()
    assert refused(front, good(front, body={"a": 1})) == "body: expected a string, got dict"
    message = "isBase64Encoded: expected a boolean, got str"
    assert refused(front, good(front, isBase64Encoded="true")) == message


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("http_api", "text/plain;charset=utf-8"),
        ("function_url", "application/json"),
        ("http_api_v1", "application/json"),
        ("rest_api", "application/json"),
        ("alb", "application/octet-stream"),
    ],
)
def test_default_content_type(front: str, expected: str) -> None:
    """A result that names no content type gets the front's."""
    assert response(front, {"statusCode": 200}).header("content-type") == expected
    if front == "alb":
        multi = response("alb_multi", {"statusCode": 200, "multiValueHeaders": {}})
        assert multi.header("content-type") == expected


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_dropped_headers(front: str) -> None:
    """Headers of one connection and the length, which is the server's to say, are dropped."""
    names = ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "TE", "Content-Length"]
    if front == "alb_multi":
        result = good(front, multiValueHeaders={name: ["1"] for name in names})
    else:
        result = good(front, headers=dict.fromkeys(names, "1"))
    assert [name.lower() for name, _ in response(front, result).headers] == ["content-type"]


def test_remapped_headers() -> None:
    """A REST API renames what it does not let a function say; the others pass it on."""
    names = ["Authorization", "Date", "Server", "www-authenticate", "Content-MD5"]
    headers = dict.fromkeys(names, "v")
    made = response("rest_api", good("rest_api", headers=headers))
    assert [name for name, _ in made.headers[:-1]] == [f"x-amzn-Remapped-{name}" for name in names]
    for front in ("http_api", "http_api_v1", "alb", "function_url"):
        passed = [name for name, _ in response(front, good(front, headers=headers)).headers]
        assert set(names) < set(passed)


@pytest.mark.parametrize("front", ALBS)
def test_alb_size(front: str) -> None:
    """A load balancer takes a result of 1 MB, and not one byte more."""
    empty = len(json.dumps(good(front, body="")))
    body = "x" * (1_048_576 - empty)
    assert response(front, good(front, body=body)).status == 201
    message = "result: expected at most 1048576 bytes"
    assert refused(front, good(front, body=body + "x")) == message


@pytest.mark.parametrize(
    ("description", "reason"), [("201 Fine", "Fine"), ("Fine", "Fine"), ("201", ""), (None, None)]
)
def test_alb_description(description: str | None, reason: str | None) -> None:
    """A load balancer's function may word the phrase behind the status."""
    result = good("alb", statusDescription=description)
    assert response("alb", result).reason == reason


def test_alb_bad_description() -> None:
    """A phrase that would break the status line is malformed."""
    for bad, message in (
        ("a\r\nb: c", "statusDescription: expected printable ASCII"),
        (5, "statusDescription: expected a string, got int"),
    ):
        assert refused("alb", good("alb", statusDescription=bad)) == message


@pytest.mark.parametrize("front", FRONT_NAMES)
@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'"\\ud800"', b"[" * 100_000])
def test_no_json(front: str, payload: bytes) -> None:
    """A result that is no JSON, or that no UTF-8 can carry, is no response."""
    assert refused(front, payload).startswith("result: expected JSON, got ")
