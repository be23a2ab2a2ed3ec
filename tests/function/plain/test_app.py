"""The plain HTTP door in this process: whatever comes, one answer and one line."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.plain import app as plain_http
from function.plain.app import PlainHttp
from function.plain.prometheus import PrometheusMetrics
from function.service import Service
from function.telemetry.invocation import current

Lines = Callable[[], list[dict[str, Any]]]


@dataclass
class Reply:
    """What an application sent."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def asked(door: PlainHttp, scope: dict[str, Any], chunks: list[bytes]) -> Reply:
    """Send one request as a server does; after its last chunk the client is gone."""
    sent: list[dict[str, Any]] = []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    await door(scope, receive, send)
    start, *rest = sent
    assert [message["type"] for message in rest] == ["http.response.body"] * len(rest)
    body = b"".join(message.get("body", b"") for message in rest)
    return Reply(start["status"], dict(start["headers"]), body)


def scope_of(path: str = "/healthz", method: str = "GET", **more: Any) -> dict[str, Any]:
    """Describe a request as uvicorn does."""
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def door(app: Any, service: Service) -> PlainHttp:
    """Put the door before the application."""
    return PlainHttp(app, PrometheusMetrics(service))


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"x-request-id", b"content-type", b"host", b"content-length", b"accept"]),
        st.sampled_from([b"application/json", b"image/png", b"7", b"chunked"]) | st.binary(),
    ),
    max_size=5,
)
PATHS = st.sampled_from(
    ["/", "/models/iris/predict", "/models/digits/predict", "/livez", "/metrics", "/add", "/docs/x"]
) | st.text().map("/{}".format)


@given(
    PATHS,
    st.sampled_from(["GET", "POST", "HEAD"]) | st.text(),
    HEADERS,
    st.binary(max_size=99),
    st.lists(st.binary(max_size=99) | st.just(b'{"rows": [[1, 2, 3, 4]]}'), min_size=1, max_size=3),
)
def test_anything(
    door: PlainHttp,
    path: str,
    method: str,
    headers: list[tuple[bytes, bytes]],
    query: bytes,
    chunks: list[bytes],
) -> None:
    """Whatever a request holds it is answered, by no fault of ours and with a request id."""
    scope = scope_of(path, method, headers=headers, query_string=query)
    reply = asyncio.run(asked(door, scope, chunks))
    assert 200 <= reply.status < 500
    if path not in ("/livez", "/readyz", "/metrics"):
        assert re.fullmatch(rb"[A-Za-z0-9_.:=/+-]{8,128}", reply.headers[b"x-request-id"])
    assert current().request_id == ""


def test_a_fault_of_ours(service: Service, log_lines: Lines) -> None:
    """An application that raises before it answers is a problem outside, and a trace in the log."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    door = PlainHttp(broken, PrometheusMetrics(service))
    log_lines()
    reply = asyncio.run(asked(door, scope_of(), [b""]))
    assert (reply.status, reply.headers[b"content-type"]) == (500, b"application/problem+json")
    assert reply.headers[b"connection"] == b"close"
    assert b"secret" not in reply.body
    (line,) = log_lines()
    assert json.loads(reply.body)["request_id"] == line["request_id"]
    assert (line["status"], line["error"]) == (500, "RuntimeError")
    assert not door.draining


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(0)], ids=repr)
def test_a_fatal_state(service: Service, error: BaseException) -> None:
    """It is answered, the door is not ready any more, and whoever is to know is told once."""

    async def dying(*_: Any) -> None:
        raise error

    door = PlainHttp(dying, PrometheusMetrics(service))
    told: list[bool] = []
    door.on_fatal = lambda: told.append(True)
    assert asyncio.run(asked(door, scope_of(), [b""])).status == 500
    assert told == [True]
    assert asyncio.run(asked(door, scope_of("/readyz"), [b""])).status == 503
    assert asyncio.run(asked(door, scope_of("/livez"), [b""])).status == 200


def test_what_is_cancelled_stays_cancelled(service: Service, log_lines: Lines) -> None:
    """At the end of a drain uvicorn cancels: there is a line, and the process is not at fault."""

    async def cancelled(*_: Any) -> None:
        raise asyncio.CancelledError

    door = PlainHttp(cancelled, PrometheusMetrics(service))
    log_lines()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asked(door, scope_of(), [b""]))
    assert log_lines()[0]["error"] == "CancelledError"
    assert not door.draining


def test_a_body_that_does_not_come(door: PlainHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its deadline the wait for a body is over."""
    monkeypatch.setattr(plain_http, "BODY_TIMEOUT_S", 0)
    headers = [(b"content-type", b"application/json")]
    reply = asyncio.run(asked(door, scope_of("/models/iris/predict", "POST", headers=headers), []))
    assert reply.status == 408
    assert json.loads(reply.body)["detail"] == (
        "body: expected the whole of it within 0 seconds, got a part"
    )


def test_a_body_that_drips(door: PlainHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its first seconds a body has to come at a least rate, and what has come buys time."""
    monkeypatch.setattr(plain_http, "BODY_GRACE_S", -1)
    headers = [(b"content-type", b"image/png")]
    scope = scope_of("/models/digits/predict", "POST", headers=headers)
    reply = asyncio.run(asked(door, scope, []))
    assert json.loads(reply.body)["detail"] == (
        "body: expected the whole of it within 30 seconds, and 16384 bytes a second, got a part"
    )


@pytest.mark.parametrize(("more", "status"), [(0, 415), (1, 503)])
def test_all_bodies_together(
    door: PlainHttp, monkeypatch: pytest.MonkeyPatch, more: int, status: int
) -> None:
    """They have a limit, and what was answered makes room."""
    monkeypatch.setattr(plain_http, "MAX_BODIES_BYTES", 8)
    headers = [(b"content-type", b"image/png")]
    chunks = [b"1234", b"5678" + b"9" * more]
    for _ in range(2):
        scope = scope_of("/models/digits/predict", "POST", headers=headers)
        reply = asyncio.run(asked(door, scope, list(chunks)))
        assert reply.status == status
    assert door.held_bytes == 0


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"path": "http://a.example/livez"}, 200),
        ({"path": "HTTPS://a.example"}, 200),
        ({"http_version": "2.0"}, 400),
        ({"http_version": "1.0"}, 200),
    ],
)
def test_forms_of_a_request(door: PlainHttp, more: dict[str, Any], status: int) -> None:
    """The absolute form of a target is served, and a version that is not spoken is refused."""
    reply = asyncio.run(asked(door, scope_of(**more), [b""]))
    assert reply.status == status


def test_answers_before_the_end_close_their_connections(app: Any, service: Service) -> None:
    """Whatever the path, and beside the answer's other headers."""
    door = PlainHttp(app, PrometheusMetrics(service))
    door.draining = True
    for path in ("/livez", "/healthz", "/nothing"):
        headers = asyncio.run(asked(door, scope_of(path), [b""])).headers
        assert headers[b"connection"] == b"close"
        assert b"content-type" in headers
