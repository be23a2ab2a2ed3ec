"""One client's connection: its requests, one after another, over raw sockets."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from starlette.types import Receive, Scope, Send

from infra.local.http.asgi import AsgiExchange
from infra.local.http.connection import Connection, Limits
from infra.local.http.exchange import Exchange
from infra.local.http.message import Head
from infra.local.http.server import Host, serving
from tests.infra.local.http.raw_http import (
    GET,
    QUICK,
    SERVED,
    Recorder,
    answer,
    connected,
    exchanged,
    nobody,
    run,
    statuses,
)


def test_keep_alive() -> None:
    """One connection serves one request after another, until it is idle for too long."""

    async def scenario() -> None:
        app = Recorder()
        async with serving(app, limits=QUICK) as address, connected(address) as wire:
            for number in range(3):
                await wire.send(GET % number)
                status, headers, body = await wire.answer()
                assert (status, body) == (200, SERVED % number)
                assert "connection" not in headers
            assert await wire.rest() == b""
        assert len(app.calls) == 3

    run(scenario())


@pytest.mark.parametrize(
    "bad",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    ],
)
def test_refused_and_closed(bad: bytes) -> None:
    """A bad request gets 400 and the end of its connection; what follows on it is not read."""

    async def scenario() -> None:
        app = Recorder()
        data = await exchanged(bad + GET % 9, app)
        assert statuses(data) == [400]
        assert b"\r\nconnection: close\r\n" in data
        assert app.calls == []

    run(scenario())


def test_refused_in_the_body() -> None:
    """A bad chunk gets 400 though the application runs already; it sees its client go."""

    async def scenario() -> None:
        app = Recorder()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        data = await exchanged(head + b"3\r\nabc\r\nzz\r\n", app)
        assert statuses(data) == [400]
        assert data.endswith(b"\r\n\r\nchunk: expected its size as a hexadecimal number\n")
        assert app.disconnects == 1

    run(scenario())


def test_a_good_request_is_not_refused() -> None:
    """The same connection without the fault is served: the checks above can pass."""

    async def scenario() -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        app = Recorder()
        data = await exchanged(head + b"3\r\nabc\r\n0\r\n\r\n" + GET % 9, app)
        assert statuses(data) == [200, 200]
        assert app.bodies == [b"abc", b""]

    run(scenario())


def test_pipelining() -> None:
    """Requests sent together are answered in their order, also when the first takes longest."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["raw_path"] == b"/0":
            await asyncio.sleep(0.05)
        while (await receive())["more_body"]:
            pass
        await answer(send, 200, scope["raw_path"])

    async def scenario() -> None:
        post = b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        data = await exchanged(GET % 0 + post + b"\r\n" + GET % 2, app)
        assert [part.partition(b"\r\n\r\n")[2] for part in data.split(b"HTTP/1.1 200 OK")[1:]] == [
            b"/0",
            b"/1",
            b"/2",
        ]

    run(scenario())


class _Reading(asyncio.Transport):
    """A client's side that notes whether the server reads."""

    reads = True

    def pause_reading(self) -> None:
        """Note it."""
        self.reads = False

    def resume_reading(self) -> None:
        """Note it."""
        self.reads = True

    def write(self, data: object) -> None:
        """Drop it."""

    def can_write_eof(self) -> bool:
        """The server stays as it is."""
        return False


def test_pipelining_is_bounded() -> None:
    """While a request is answered, no more than 256 KB of further ones are read."""

    async def scenario() -> None:
        free = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await free.wait()
            await answer(send, 200, b"")

        def begin(head: Head, connection: Connection) -> Exchange:
            return AsgiExchange(head, connection, app, tasks)

        tasks: set[asyncio.Task[None]] = set()
        transport = _Reading({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        connection = Connection(Host(begin, QUICK))
        connection.connection_made(transport)
        connection.data_received(GET % 0 + b"GET" + b" " * (262_144 - 3))
        assert transport.reads
        connection.data_received(b" ")
        assert not transport.reads
        free.set()
        await asyncio.gather(*tasks)
        assert transport.reads

    run(scenario())


def test_the_default_limits_fit_together() -> None:
    """Each has an end, and a body outlasts its head."""
    limits = Limits()
    assert limits.linger_timeout_s < limits.header_timeout_s <= 10
    assert limits.header_timeout_s < limits.body_timeout_s <= limits.idle_timeout_s <= 75
    assert limits.write_timeout_s <= 60
    assert limits.connections <= 1_024
    assert limits.header_bytes < limits.body_bytes < limits.bodies_bytes <= 2**28


def test_any_split() -> None:
    """A request means the same however its bytes arrive."""

    async def scenario() -> None:
        chunked = b"POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        data = chunked + b"3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: t\r\n\r\n" + GET % 2
        app = Recorder()
        async with serving(app) as address, connected(address) as wire:
            for byte in data:
                await wire.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await wire.answer())[2] == b'{"path": "/1", "bytes": 5}'
            assert (await wire.answer())[2] == SERVED % 2
        assert app.bodies == [b"abcde", b""]

    run(scenario())


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (b"GET /0 HTTP/1.0\r\n\r\n", False),
        (b"GET /0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET /0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", False),
    ],
)
def test_connection_header(request_: bytes, kept: bool) -> None:
    """The connection is kept or closed as the client asks, and the answer says so."""

    async def scenario() -> None:
        data = await exchanged(request_ + GET % 1, Recorder())
        assert len(statuses(data)) == (2 if kept else 1)
        assert (b"\r\nconnection: keep-alive\r\n" in data) is kept
        assert (b"\r\nconnection: close\r\n" in data) is not kept

    run(scenario())


def test_unread_body() -> None:
    """An answer before the body's end closes the connection: its rest is no next request."""

    async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 403, b"")

    async def scenario() -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n"
        data = await exchanged(head + GET % 1, deaf)
        assert statuses(data) == [403]
        assert b"\r\nconnection: close\r\n" in data

    run(scenario())


def test_large_body() -> None:
    """A body far above what is held at once arrives whole, though the application starts late."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        digest = hashlib.sha256()
        while True:
            message = await receive()
            digest.update(message["body"])
            if not message["more_body"]:
                break
        await answer(send, 200, digest.hexdigest().encode())

    async def scenario() -> None:
        body = bytes(range(256)) * 20_000
        async with serving(app) as address, connected(address) as wire:
            await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
            await wire.send(body)
            assert (await wire.answer())[2].decode() == hashlib.sha256(body).hexdigest()

    run(scenario())


def test_half_closed_client() -> None:
    """A client that has closed its sending half still gets its answer."""

    async def scenario() -> None:
        data = await exchanged(GET % 7, Recorder(), half=True)
        assert data.endswith(SERVED % 7)

    run(scenario())


def test_truncated_body() -> None:
    """A body cut short is told to the application, which can still answer."""

    async def scenario() -> None:
        app = Recorder()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
        data = await exchanged(head + b"abc", app, half=True)
        assert data.endswith(b'{"path": "/", "bytes": 3}')
        assert app.disconnects == 1

    run(scenario())


def test_client_goes_away() -> None:
    """A client's end does not stop the application, which hears of it if it listens."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])
        await asyncio.sleep(0.02)
        await answer(send, 200, b"to nobody")
        seen.append("finished")

    async def scenario() -> None:
        async with serving(app) as address:
            async with connected(address) as wire:
                await wire.send(GET % 0)
                await asyncio.sleep(0.02)
                wire.writer.transport.abort()
            while len(seen) < 3:
                await asyncio.sleep(0.005)
        assert seen == ["http.request", "http.disconnect", "finished"]

    run(scenario())


def test_h2c_offer() -> None:
    """An offer of HTTP/2 is ignored, and the body that comes with it is kept."""

    async def scenario() -> None:
        app = Recorder()
        head = (
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        )
        await exchanged(head + b"Content-Length: 3\r\n\r\nabc", app)
        assert app.bodies == [b"abc"]

    run(scenario())


def test_a_stream_is_expected() -> None:
    """A transport that is no stream is refused."""

    async def scenario() -> None:
        with pytest.raises(TypeError, match="expected a stream transport, got BaseTransport"):
            Connection(nobody()).connection_made(asyncio.BaseTransport())

    run(scenario())
