"""The emulator's HTTP/1.1 host: one listener for an ASGI application or the Runtime API.

Why not uvicorn, and the cost: ARCHITECTURE.md, decision 9. There is no TLS, no HTTP/2 and no
WebSocket: Lambda's local protocols use none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from time import time

from starlette.types import ASGIApp

from infra.local.http.asgi import AsgiExchange
from infra.local.http.callers import Callers
from infra.local.http.connection import Connection, Limits, Refusal
from infra.local.http.exchange import Exchange
from infra.local.http.message import Head, MessageError
from infra.local.watched import Watch, refused, unwatched

Refuse = Callable[[int, str], Refusal]

_FORBIDDEN = 403


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as clients use it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def plain_refusal(status: int, reason: str) -> Refusal:
    """Return a refusal in plain text."""
    return Refusal(status, "text/plain; charset=utf-8", f"{reason}\n".encode())


class Host:
    """One listener, and what its connections share."""

    def __init__(
        self,
        begin: Callable[[Head, Connection], Exchange],
        limits: Limits,
        refusal: Refuse = plain_refusal,
    ) -> None:
        """Describe a host.

        Args:
            begin: makes the exchange for a request whose head has arrived.
            limits: what the host accepts.
            refusal: words the answers that no exchange gives (400, 408, 413, 431, 501, 503, 505).
        """
        self.begin = begin
        self.limits = limits
        self.refusal = refusal
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.closed = False
        self._listener: asyncio.Server | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._date = (0, b"")

    @property
    def full(self) -> bool:
        """Whether the bodies of all requests are more than may be held."""
        held = sum(connection.held_bytes for connection in self.connections)
        return held > self.limits.bodies_bytes

    async def listen(self, host: str, port: int = 0) -> Address:
        """Start listening; port 0 takes a free one.

        Raises:
            OSError: the address is taken or not this machine's.
        """
        listener = await self.loop.create_server(
            lambda: Connection(self), host, port, backlog=1_024
        )
        self._listener = listener
        self._watch()
        return Address(*listener.sockets[0].getsockname()[:2])

    def close(self) -> None:
        """Stop listening and cut every connection, including those only the kernel has accepted."""
        self.stop_listening()
        for connection in list(self.connections):
            connection.abort()

    def stop_listening(self) -> None:
        """Accept no more connections."""
        self.closed = True
        listener, self._listener = self._listener, None
        if listener is not None:
            for listening in listener.sockets:
                self.loop.remove_reader(listening.fileno())
            # Not now: asyncio leaks an accepted connection that has no transport yet when its
            # server closes.
            self.loop.call_soon(listener.close)
        if self._watching is not None:
            self._watching.cancel()

    def date(self) -> bytes:
        """Return the time for a Date header, formatted once per second."""
        now = int(time())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True).encode("ascii"))
        return self._date[1]

    def _watch(self) -> None:
        """End connections past their deadline. One timer a host costs less than one a request."""
        limits = self.limits
        now = self.loop.time()
        for connection in [c for c in self.connections if c.deadline <= now]:
            connection.expire()
        times = (limits.header_timeout_s, limits.body_timeout_s, limits.idle_timeout_s)
        pause_s = min(1.0, *times, limits.write_timeout_s, limits.linger_timeout_s) / 4
        self._watching = self.loop.call_later(pause_s, self._watch)


@asynccontextmanager
async def serving(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    limits: Limits | None = None,
    refusal: Refuse = plain_refusal,
    callers: Callers | None = None,
    watch: Watch = unwatched,
) -> AsyncIterator[Address]:
    """Serve an application while the block runs; then give its requests some time to finish.

    Args:
        app: an ASGI 3 application; no lifespan messages are sent.
        host: the address to listen on; by default only the loopback.
        port: 0 takes a free one.
        limits: what the host accepts.
        refusal: words the answers that the application never sees.
        callers: who may call; without them everyone.
        watch: is told of each request that the application never sees.

    Raises:
        OSError: the address is taken or not this machine's.
    """
    tasks: set[asyncio.Task[None]] = set()

    def begin(head: Head, connection: Connection) -> Exchange:
        reason = _refusal_of(head, callers) if callers else None
        if reason is not None:
            raise MessageError(_FORBIDDEN, reason)
        return AsgiExchange(head, connection, app, tasks)

    def worded(status: int, reason: str) -> Refusal:
        watch(refused(status, reason))
        # No front knows this one, and its reader must learn which setting allows the call.
        return (plain_refusal if status == _FORBIDDEN else refusal)(status, reason)

    serves = Host(begin, limits or Limits(), worded)
    address = await serves.listen(host, port)
    try:
        yield address
    finally:
        await _drain(serves, tasks)


def _refusal_of(head: Head, callers: Callers) -> str | None:
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return callers.refusal(head.method, headers)


async def _drain(host: Host, tasks: set[asyncio.Task[None]]) -> None:
    """Let running requests finish for a while, then cut them off; leave no task or connection."""
    host.stop_listening()
    await asyncio.sleep(0)  # the listener closes
    for connection in list(host.connections):
        connection.finish()
    if tasks:
        await asyncio.wait(tasks, timeout=host.limits.shutdown_timeout_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # The last answers are on their way; clients that do not read them are not waited for.
    until = host.loop.time() + host.limits.linger_timeout_s
    while host.connections and host.loop.time() < until:
        await asyncio.sleep(0.002)
    host.close()
    while host.connections:
        await asyncio.sleep(0)
