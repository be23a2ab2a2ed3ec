"""Bytes over a socket: what the tests of the local servers send and read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from infra.local.http.connection import Connection, Limits
from infra.local.http.exchange import Exchange
from infra.local.http.message import Head
from infra.local.http.server import Address, Host, serving

# Long enough for a busy machine, short enough not to be waited for.
PATIENCE_S = 60.0
GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
SERVED = b'{"path": "/%d", "bytes": 0}'
QUICK = Limits(idle_timeout_s=0.15, linger_timeout_s=0.3, shutdown_timeout_s=1.0)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine, and end it should it hang."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await coroutine

    asyncio.run(bounded())


def nobody() -> Host:
    """Make a host that no request reaches."""

    def begin(head: Head, connection: Connection) -> Exchange:
        raise AssertionError(f"expected no request, got {head}")

    return Host(begin, QUICK)


def statuses(data: bytes) -> list[int]:
    """List the status of each answer in some bytes."""
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]


@dataclass
class Recorder:
    """An application that remembers what it saw and tells it in its answer."""

    calls: list[Scope] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    disconnects: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body, then answer with its size."""
        self.calls.append(scope)
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                break
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        told = {"path": scope["raw_path"].decode(), "bytes": len(body)}
        await answer(send, 200, json.dumps(told).encode())


async def answer(send: Send, status: int, body: bytes, **headers: str) -> None:
    """Send a whole answer."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    start: Message = {"type": "http.response.start", "status": status, "headers": pairs}
    await send(start)
    await send({"type": "http.response.body", "body": body})


@dataclass
class Wire:
    """One client connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Read to the end; a reset is an end too."""
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := await self.reader.read(65_536):
                parts.append(part)
        return b"".join(parts)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer with a Content-Length: status, headers by lower-case name, body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.strip().split("\r\n")
        headers = dict(pair.split(": ", 1) for pair in fields)
        headers = {name.lower(): value for name, value in headers.items()}
        length = int(headers.get("content-length", "0"))
        return int(line.split(" ")[1]), headers, await self.reader.readexactly(length)


@contextlib.asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Wire]:
    """Connect for the length of a block."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def exchanged(data: bytes, app: Any, limits: Limits = QUICK, *, half: bool = False) -> bytes:
    """Serve an application, send bytes, and read everything until the server closes."""
    async with serving(app, limits=limits) as address, connected(address) as wire:
        await wire.send(data)
        if half:
            wire.writer.write_eof()
        return await wire.rest()
