"""One request and its answer, as the application and the client see them."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from infra.local.http.server import serving
from tests.infra.local.http.raw_http import (
    GET,
    QUICK,
    Recorder,
    answer,
    connected,
    exchanged,
    run,
    statuses,
)


def test_answer_bytes() -> None:
    """An answer is its status line, the application's headers, date, length, and the body."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 201, b"hi", X_A="1", content_type="a/b")

    async def scenario() -> None:
        data = await exchanged(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", app)
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[:3] == [b"HTTP/1.1 201 Created", b"X-A: 1", b"content-type: a/b"]
        assert lines[3].startswith(b"date: ")
        assert lines[3].endswith(b" GMT")
        assert lines[4:] == [b"content-length: 2", b"connection: close"]
        assert body == b"hi"

    run(scenario())


def test_scope() -> None:
    """The application gets the target raw and the headers in both casings."""

    async def scenario() -> None:
        app = Recorder()
        data = b"POST http://h/a%2Fb%zz?x=%2B&y HTTP/1.0\r\nX-Up: 1\r\n\r\n"
        await exchanged(data, app)
        scope = app.calls[0]
        assert scope["raw_path"] == b"/a%2Fb%zz"
        assert scope["path"] == "/a/b%zz"
        assert scope["query_string"] == b"x=%2B&y"
        assert scope["http_version"] == "1.0"
        assert scope["headers"] == [(b"x-up", b"1")]
        assert scope["extensions"]["lambake.head"] == {
            "fields": ((b"X-Up", b"1"),),
            "size": len(data),
        }
        assert scope["client"][0] == scope["server"][0] == "127.0.0.1"

    run(scenario())


EXPECT = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"


def test_continue() -> None:
    """A client that waits for 100 gets it when the application reads, and sends its body then."""

    async def scenario() -> None:
        async with serving(Recorder()) as address, connected(address) as wire:
            await wire.send(EXPECT % 3)
            assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await wire.send(b"abc")
            assert (await wire.answer())[2] == b'{"path": "/", "bytes": 3}'

    run(scenario())


def test_no_continue() -> None:
    """No 100 comes before a body that is refused, not read, or there already."""

    async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 403, b"")

    async def scenario() -> None:
        limits = replace(QUICK, body_bytes=10)
        assert statuses(await exchanged(EXPECT % 11, Recorder(), limits)) == [413]
        assert statuses(await exchanged(EXPECT % 3, deaf, limits)) == [403]
        assert statuses(await exchanged(EXPECT % 3 + b"abc", Recorder(), limits)) == [200]

    run(scenario())


START: dict[str, object] = {"type": "http.response.start", "status": 200, "headers": []}
BODY: dict[str, object] = {"type": "http.response.body", "body": b"abc"}
FAULTS: dict[str, list[dict[str, object]]] = {
    "nothing": [],
    "a body without a start": [BODY],
    "two starts": [START, START],
    "only a start": [START],
    "a line end in a header": [
        {**START, "headers": [(b"a", b"b\r\nc: d")]},
        BODY,
    ],
    "a name that is no token": [{**START, "headers": [(b"a b", b"c")]}, BODY],
    "more than its length": [{**START, "headers": [(b"content-length", b"2")]}, BODY],
}


@pytest.mark.parametrize("name", FAULTS)
def test_faulty_application(name: str) -> None:
    """An application that does not answer, or not rightly, is answered for: 500."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in FAULTS[name]:
            await send(message)

    async def scenario() -> None:
        data = await exchanged(GET % 0, app)
        assert statuses(data) == [500]
        assert data.endswith(b"\r\n\r\nInternal Server Error")

    run(scenario())


@pytest.mark.parametrize("fault", ["raise", "stop", "short"])
def test_application_fails_late(fault: str) -> None:
    """An answer that fails after its beginning is cut: nobody takes it for whole."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"6")] if fault == "short" else []
        await send({**START, "headers": headers})
        await send({**BODY, "more_body": True})
        if fault == "short":
            await send({"type": "http.response.body", "body": b""})
        elif fault == "raise":
            raise ValueError("late")

    async def scenario() -> None:
        # Idle for long: the connection must be cut, not run out.
        data = await exchanged(GET % 0, app, replace(QUICK, idle_timeout_s=600))
        assert not data.endswith(b"0\r\n\r\n")
        assert statuses(data) in ([200], [])

    run(scenario())


def test_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What an application raises is in the log, not in the answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    async def scenario() -> None:
        assert b"secret" not in await exchanged(GET % 0, app)

    with caplog.at_level(logging.ERROR):
        run(scenario())
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("request_", "ending"),
    [
        (GET % 0, b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"connection: close\r\n\r\nabc"),
    ],
)
def test_streamed_answer(request_: bytes, ending: bytes) -> None:
    """An answer of unknown length goes out in chunks, or to the end of an HTTP/1.0 connection."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"c"})

    async def scenario() -> None:
        assert (await exchanged(request_, app)).endswith(ending)

    run(scenario())


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [(b"HEAD", 200, b"3"), (b"GET", 204, None), (b"GET", 304, None)],
)
def test_no_content(method: bytes, status: int, length: bytes | None) -> None:
    """HEAD, 204 and 304 have no body; HEAD still tells its length."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, status, b"abc")

    async def scenario() -> None:
        data = await exchanged(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n" + GET % 1, app)
        first = data.split(b"HTTP/1.1 ")[1]
        assert first.endswith(b"\r\n\r\n")
        assert (b"content-length: 3" in first) is (length is not None)
        assert len(statuses(data)) == 2

    run(scenario())


def test_own_headers() -> None:
    """An application may date its answer itself, and ask for the end of the connection."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"", Date="yesterday", connection="close")

    async def scenario() -> None:
        data = await exchanged(GET % 0 + GET % 1, app)
        assert statuses(data) == [200]
        assert data.lower().count(b"\r\ndate: ") == 1
        assert data.count(b"connection: close\r\n") == 1

    run(scenario())
