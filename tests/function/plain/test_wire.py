"""One connection of plain HTTP in this process, with a transport that notes what is done to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from function import serve
from function.plain import app as plain_http
from function.plain import wire
from function.plain.wire import Wire

GET = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
HALF = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1234"


class Transport(asyncio.Transport):
    """A client's side."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = ""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Note it."""
        self.written += data

    def close(self) -> None:
        """Note it."""
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        """Note it."""
        self.ended = "aborted"

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return bool(self.ended)

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self) -> None:
        """Do nothing."""


class Line:
    """A connection, its other end, and what all share."""

    def __init__(self, state: ServerState | None = None) -> None:
        config = uvicorn.Config(_ok, http=Wire, ws="none", lifespan="off", log_config=None)
        config.load()
        self.state = state or ServerState()
        loop = asyncio.get_running_loop()
        self.wire = Wire(config=config, server_state=self.state, app_state={}, _loop=loop)
        self.transport = Transport()
        self.wire.connection_made(self.transport)

    async def answer(self) -> bytes:
        """Let the application run; its status."""
        for _ in range(9):
            await asyncio.sleep(0)
        return self.transport.written[9:12]


async def _ok(scope: Any, receive: Any, send: Any) -> None:
    more = scope["path"] != "/early"
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def played(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play a scene."""
    asyncio.run(scene())


def test_a_request_that_crosses_the_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered; if none comes the connection ends a moment later."""
    monkeypatch.setattr(wire, "LAST_REQUEST_S", 0.01)

    async def scene() -> None:
        late, silent = Line(), Line()
        for line in (late, silent):
            line.wire.shutdown()
            assert not line.transport.ended
        late.wire.data_received(GET)
        assert await late.answer() == b"200"
        await asyncio.sleep(0.02)
        assert [late.transport.ended, silent.transport.ended] == ["closed", "closed"]

    played(scene)


@pytest.mark.parametrize(
    ("sent", "answers"), [(GET, 1), (GET * 2, 2), (GET + HALF, 1), (HALF, 0), (b"", 0)]
)
def test_a_client_that_closes_its_side(sent: bytes, answers: int) -> None:
    """All of its whole requests are answered, then the connection is closed."""

    async def scene() -> None:
        line = Line()
        if sent:
            line.wire.data_received(sent)
        stays_open = line.wire.eof_received()
        await line.answer()
        assert line.transport.written.count(b"HTTP/1.1 200") == answers
        assert stays_open is bool(answers)
        assert line.transport.ended == ("closed" if answers else "")

    played(scene)


@pytest.mark.parametrize(
    ("chunk", "refused"), [(b"1\r\na\r\n", True), (b"200\r\n" + b"a" * 512 + b"\r\n", False)]
)
def test_tiny_chunks(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    chunk: bytes,
    *,
    refused: bool,
) -> None:
    """What a request has besides its body is bounded; large chunks may be as many as they like."""
    monkeypatch.setattr(wire, "MAX_FRAMING_BYTES", 200)

    async def scene() -> None:
        line = Line()
        line.wire.data_received(CHUNKED)
        line.wire.data_received(chunk * 30)
        assert await line.answer() == (b"400" if refused else b"")
        assert bool(line.transport.ended) is refused
        early = Line()
        early.wire.data_received(CHUNKED.replace(b"/", b"/early", 1) + chunk * 30)
        assert await early.answer() == (b"400" if refused else b"200")
        assert not caplog.records  # of an answer that comes too late

    played(scene)


def test_the_slowest_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that has kept the server waiting longest, never one that waits for its answer."""
    monkeypatch.setattr(wire, "MAX_CONNECTIONS", 3)

    async def scene() -> None:
        first = Line()
        busy, slow, new = (Line(first.state) for _ in range(3))
        busy.wire._since, slow.wire._since, first.wire._since = 1, 2, 3
        assert not new.transport.ended
        busy.wire.data_received(GET)
        slow.wire.data_received(HALF)
        busy.wire._since, slow.wire._since = 1, 2
        Line(first.state)
        ended = [one.transport.ended for one in (first, busy, slow, new)]
        assert ended == ["aborted", "", "aborted", ""]

    played(scene)


def test_a_head_has_a_deadline() -> None:
    """The first and each later one; bytes do not move it."""

    async def scene() -> None:
        line = Line()
        loop = asyncio.get_running_loop()
        for sent in (b"", b"GET / HT"):
            if sent:
                line.wire.data_received(sent)
            deadline = line.wire.timeout_keep_alive_task
            assert deadline is not None
            assert 9 < deadline.when() - loop.time() <= 10

    played(scene)


def test_a_connection_that_only_the_kernel_has_accepted() -> None:
    """Its request is taken in before the listener closes."""

    async def scene() -> None:
        made = asyncio.Event()

        class Made(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                made.set()
                transport.close()

        listener = await asyncio.get_running_loop().create_server(Made, "127.0.0.1", 0)
        config = uvicorn.Config(_ok, lifespan="off", log_config=None)
        server = serve.Server(config, cast(Any, SimpleNamespace()))
        server.servers, server.force_exit = [listener], True
        with socket.create_connection(listener.sockets[0].getsockname()):
            await server.shutdown()
        assert made.is_set()

    played(scene)


def test_the_limits_fit_together() -> None:
    """A platform kills ten seconds after SIGTERM; a body outlasts its head and its grace."""
    assert 0.5 <= serve.NOTICE_S < serve.NOTICE_S + serve.DRAIN_S < 10
    assert wire.LAST_REQUEST_S < serve.DRAIN_S
    assert plain_http.BODY_GRACE_S < wire.HEAD_TIMEOUT_S < plain_http.BODY_TIMEOUT_S <= 30
    assert 256 <= wire.MAX_CONNECTIONS <= 1024 - 128
    # Half of the smallest container that serves.
    assert plain_http.MAX_BODIES_BYTES <= 256 * 2**20
    assert wire.MAX_HEAD_BYTES < wire.MAX_FRAMING_BYTES <= 2**17
