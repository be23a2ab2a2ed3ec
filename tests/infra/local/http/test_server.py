"""The local HTTP server: limits, deadlines, beginning and end, over raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from infra.local.http.connection import Limits, Refusal
from infra.local.http.server import Address, serving
from tests.infra.local.http.raw_http import (
    GET,
    POST,
    QUICK,
    Recorder,
    answer,
    connected,
    exchanged,
    nobody,
    run,
    statuses,
)


def test_slow_header() -> None:
    """Half a head, trickled (slowloris), gets 408 in its time, however often a byte comes."""

    async def scenario() -> None:
        app = Recorder()
        limits = replace(QUICK, header_timeout_s=0.2)
        async with serving(app, limits=limits) as address, connected(address) as wire:
            await wire.send(b"GET / HTTP/1.1\r\n")
            trickle = asyncio.create_task(_trickle(wire.writer, b"X-A: b\r\n" * 500))
            assert statuses(await wire.rest()) == [408]
            trickle.cancel()
        assert app.calls == []

    run(scenario())


async def _trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


def test_silent_connection() -> None:
    """A connection that says nothing is closed without a word."""

    async def scenario() -> None:
        assert await exchanged(b"", Recorder(), replace(QUICK, header_timeout_s=0.1)) == b""

    run(scenario())


def test_slow_body() -> None:
    """A body that trickles in (slow POST) gets 408, and its application sees the client go."""

    async def scenario() -> None:
        app = Recorder()
        limits = replace(QUICK, body_timeout_s=0.2)
        async with serving(app, limits=limits) as address, connected(address) as wire:
            await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n")
            trickle = asyncio.create_task(_trickle(wire.writer, b"x" * 900))
            assert statuses(await wire.rest()) == [408]
            trickle.cancel()
        assert app.disconnects == 1

    run(scenario())


def test_slow_application() -> None:
    """An application may take longer than every deadline: only clients are hurried."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await answer(send, 200, b"late")

    async def scenario() -> None:
        limits = replace(QUICK, header_timeout_s=0.1, body_timeout_s=0.1, idle_timeout_s=0.1)
        assert (await exchanged(GET % 0, app, limits)).endswith(b"late")

    run(scenario())


def _small_buffers(address: Address) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect((address.host, address.port))
    client.setblocking(False)
    return client


@pytest.mark.parametrize("reads", [True, False])
def test_slow_reader(reads: bool) -> None:
    """A client that does not read its answer is cut off; one that reads, late, gets all of it."""
    size = 8_000_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"x" * size)

    async def scenario() -> None:
        limits = replace(QUICK, write_timeout_s=5.0 if reads else 0.2)
        async with serving(app, limits=limits) as address:
            loop = asyncio.get_running_loop()
            with _small_buffers(address) as client:
                await loop.sock_sendall(client, GET % 0)
                await asyncio.sleep(0.5)
                received = 0
                try:
                    while part := await loop.sock_recv(client, 1_000_000):
                        received += len(part)
                except ConnectionResetError:
                    received = -1
        assert (received > size) is reads

    run(scenario())


def test_connection_limit() -> None:
    """A connection too many gets 503; when one has gone, the next is served."""

    async def scenario() -> None:
        limits = replace(Limits(), connections=2, linger_timeout_s=0.2)
        async with serving(Recorder(), limits=limits) as address:
            async with connected(address) as one, connected(address) as two:
                for wire in (one, two):
                    await wire.send(GET % 0)
                    assert (await wire.answer())[0] == 200
                async with connected(address) as three:
                    refused = await three.rest()
                    assert statuses(refused) == [503]
                    assert refused.endswith(b"connections: expected at most 2\n")
            async with connected(address) as four:
                await four.send(GET % 4)
                assert (await four.answer())[0] == 200

    run(scenario())


def test_bodies_limit() -> None:
    """Half a large body keeps a second one out, small ones are served, and its end makes room."""

    async def scenario() -> None:
        async with serving(Recorder(), limits=replace(QUICK, bodies_bytes=120_000)) as address:
            async with connected(address) as one:
                await one.send(POST % 200_000 + b"x" * 100_000)
                async with connected(address) as two:
                    await two.send(POST % 65_536 + b"x" * 65_536)
                    assert (await two.answer())[0] == 200
                    await two.send(POST % 65_537 + b"x" * 65_537)
                    refused = await two.rest()
                    assert statuses(refused) == [503]
                    assert refused.endswith(b"bodies: expected at most 120000 bytes\n")
            async with connected(address) as three:
                await three.send(POST % 65_537 + b"x" * 65_537)
                assert (await three.answer())[0] == 200

    run(scenario())


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
def test_header_limit(over: int, status: int) -> None:
    """A head of the limit is served, one byte more is 431, whether it comes at once or in parts."""

    async def scenario() -> None:
        limits = replace(QUICK, header_bytes=1_000)
        data = b"GET / HTTP/1.1\r\nHost: x\r\nA: "
        data += b"a" * (1_000 - len(data) - 4 + over) + b"\r\n\r\n"
        assert len(data) == 1_000 + over
        assert statuses(await exchanged(data, Recorder(), limits)) == [status]
        async with serving(Recorder(), limits=limits) as address, connected(address) as wire:
            for start in range(0, len(data), 100):
                await wire.send(data[start : start + 100])
                await asyncio.sleep(0)
            assert statuses(await wire.rest()) == [status]

    run(scenario())


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 413)])
def test_body_limit(over: int, status: int) -> None:
    """A body of the limit is served, one byte more is 413: by its length, or chunk by chunk."""

    async def scenario() -> None:
        limits = replace(QUICK, body_bytes=1_000)
        head = b"POST / HTTP/1.1\r\nHost: x\r\n"
        body = b"x" * (1_000 + over)
        sized = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        assert statuses(await exchanged(sized, Recorder(), limits)) == [status]
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
        chunked += body + b"\r\n0\r\n\r\n"
        assert statuses(await exchanged(chunked, Recorder(), limits)) == [status]

    run(scenario())


def test_refusal_arrives() -> None:
    """A client that is still sending megabytes reads the refusal, not a reset."""

    async def scenario() -> None:
        limits = replace(QUICK, body_bytes=1_000, linger_timeout_s=5.0)
        async with serving(Recorder(), limits=limits) as address, connected(address) as wire:
            await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
            await wire.send(b"x" * 8_000_000)
            assert (await wire.answer())[0] == 413

    run(scenario())


def test_refusal_wording() -> None:
    """The server's own answers are worded by whoever starts it."""

    def refusal(status: int, reason: str) -> Refusal:
        return Refusal(400, "text/html", f"<p>{status}".encode())

    async def scenario() -> None:
        limits = replace(QUICK, header_bytes=30)
        server = serving(Recorder(), limits=limits, refusal=refusal)
        async with server as address, connected(address) as wire:
            await wire.send(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9)
            data = await wire.rest()
        assert data.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\n")
        assert data.endswith(b"\r\n\r\n<p>431")

    run(scenario())


def test_shutdown_waits() -> None:
    """At the end a running request is answered, and an idle connection closed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.1)
        await answer(send, 200, b"x" * 3_000_000)

    async def scenario() -> None:
        # Closed at once: nobody waits for the clients to go.
        async with serving(app, limits=Limits(linger_timeout_s=600)) as address:
            busy = await asyncio.open_connection(address.host, address.port)
            idle = await asyncio.open_connection(address.host, address.port)
            busy[1].write(GET % 0)
            reading = asyncio.create_task(busy[0].read())
            await asyncio.sleep(0.02)
        assert (await reading).endswith(b"x" * 100)
        assert await idle[0].read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address.host, address.port)
        for _, writer in (busy, idle):
            writer.close()

    run(scenario())


def test_shutdown_cuts() -> None:
    """A request that does not end is cut off, and no task and no socket stays behind."""
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    async def scenario() -> None:
        limits = replace(QUICK, shutdown_timeout_s=0.1)
        before = asyncio.all_tasks()
        async with serving(app, limits=limits) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(GET % 0)
            await asyncio.sleep(0.05)
            assert len(asyncio.all_tasks()) > len(before)
        assert ends == ["cancelled"]
        assert asyncio.all_tasks() == before
        assert b"200" not in await reader.read()
        writer.close()
        await writer.wait_closed()

    run(scenario())
    gc.collect()  # a socket left open warns here, and warnings are errors


@pytest.mark.parametrize("turns", range(6))
def test_close_cuts_who_is_on_the_way_in(turns: int) -> None:
    """A connection that was accepted as the host closed is cut, however far it got."""

    async def scenario() -> None:
        host = nobody()
        address = await host.listen("127.0.0.1")
        with socket.create_connection((address.host, address.port)) as client:
            for _ in range(turns):
                await asyncio.sleep(0)
            host.close()
            client.setblocking(False)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""

    run(scenario())
    gc.collect()  # a socket left open warns here, and warnings are errors


@pytest.mark.parametrize(("host", "everywhere"), [(None, False), ("0.0.0.0", True)])
def test_loopback_only(host: str | None, everywhere: bool) -> None:
    """Unless asked for, no other address than 127.0.0.1 is listened on: its port is free there."""

    async def scenario() -> None:
        server = serving(Recorder()) if host is None else serving(Recorder(), host)
        async with server as address:
            assert address.host == (host or "127.0.0.1")
            with socket.socket() as other:
                try:
                    other.bind(("127.0.0.2", address.port))
                    free = True
                except OSError:
                    free = False
        assert free is not everywhere

    run(scenario())


def test_taken_port() -> None:
    """A port in use is an OSError that comes before anything is served."""

    async def scenario() -> None:
        async with serving(Recorder()) as address:
            with pytest.raises(OSError, match="address already in use"):
                async with serving(Recorder(), port=address.port):
                    pass

    run(scenario())


def test_address() -> None:
    """An address reads as clients want it."""
    assert Address("127.0.0.1", 80).url == "http://127.0.0.1:80"
    assert Address("::1", 80).url == "http://[::1]:80"
