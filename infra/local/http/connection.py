"""One client's connection to one of the emulator's servers.

States, in order of life: idle (nothing of the next request has arrived), head, body (its exchange
has begun), answering, then idle again; at the end lingering (the last answer is written, further
input is dropped) and closed.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.local.http.exchange import STATUS_LINES, Exchange
from infra.local.http.message import Head, MessageError, check_start, head_of

if TYPE_CHECKING:
    from infra.local.http.server import Host

# How much of a body (or of pipelined requests) is held before the client has to wait.
_HIGH_WATER_BYTES = 262_144
# A thousand smaller bodies are no burden, and are not counted.
_SMALL_BODY_BYTES = 65_536
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Limits:
    """What one server accepts. math.inf switches a deadline or a limit of bodies off.

    Attributes:
        bodies_bytes: the bodies of all requests that are not answered, but for small ones.
    """

    header_bytes: int = 65_536
    body_bytes: float = 10_485_760
    bodies_bytes: float = 268_435_456
    connections: int = 1_000
    header_timeout_s: float = 10.0
    body_timeout_s: float = 60.0
    idle_timeout_s: float = 75.0
    write_timeout_s: float = 60.0
    linger_timeout_s: float = 2.0
    shutdown_timeout_s: float = 2.0


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that does not reach the application."""

    status: int
    content_type: str
    body: bytes


class Connection(asyncio.Protocol):
    """One client: reads requests one after another and begins an exchange for each."""

    def __init__(self, host: Host) -> None:
        self.deadline = math.inf
        self.closing = False
        self.client = ("", 0)
        self.server = ("", 0)
        self._host = host
        self._limits = host.limits
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._searched = 0
        self._exchange: Exchange | None = None
        self._lingering = False
        self._last = False
        self._ended = False
        self._paused = False
        self._writable = asyncio.Event()
        self._writable.set()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the client, or refuse it if there are too many."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"expected a stream transport, got {type(transport).__name__}")
        self._transport = transport
        self.client = transport.get_extra_info("peername")[:2]
        self.server = transport.get_extra_info("sockname")[:2]
        full = len(self._host.connections) >= self._limits.connections
        self._host.connections.add(self)
        self.deadline = self._host.loop.time() + self._limits.header_timeout_s
        if self._host.closed:
            self.abort()
        elif full:
            self._refuse(503, f"connections: expected at most {self._limits.connections}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the running exchange, if any, that its client is gone."""
        self.closing = True
        self.deadline = math.inf
        self._host.connections.discard(self)
        self._writable.set()
        if self._exchange is not None:
            self._exchange.end()

    def eof_received(self) -> bool:
        """Stop reading. The exchange decides whether the client still gets an answer."""
        self._ended = True
        if self._exchange is None or self._lingering:
            return False
        self._restart_deadline()
        answered = self._exchange.end()
        self.closing = self.closing or not answered
        return answered

    def data_received(self, data: bytes) -> None:
        """Continue reading where the last bytes ended."""
        if self._lingering:
            return
        self._buffer += data
        try:
            self._advance()
        except MessageError as error:
            self._refuse(error.status, error.reason)

    def pause_writing(self) -> None:
        """Make the exchange wait for a client that reads slowly, up to a deadline."""
        self._writable.clear()
        self._restart_deadline()

    def resume_writing(self) -> None:
        """Let the exchange continue."""
        self._writable.set()
        self._restart_deadline()

    # What the server calls.

    def expire(self) -> None:
        """End a connection past its deadline: with 408 for half a request, silently if idle."""
        half = bool(self._buffer) if self._exchange is None else not self._exchange.reader.complete
        if self._lingering or not self._writable.is_set() or not half:
            self.abort()
        else:
            self._refuse(408, "request: expected all of it in time")

    def finish(self) -> None:
        """Close after the running request, or now."""
        self._last = True
        if self._exchange is None or self._lingering:
            self._transport.close()

    @property
    def held_bytes(self) -> int:
        """The size of the body that is read or being answered."""
        return self._exchange.size if self._exchange else 0

    # What an exchange calls.

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the client has read enough."""
        await self._writable.wait()

    def taken(self) -> None:
        """Continue reading: the held bytes have been taken."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def answered(self, *, keep_alive: bool) -> None:
        """Continue with the next request, which may have arrived already, or close."""
        if self._last:
            self.closing = True
            self._transport.close()
            return
        if not keep_alive or self._ended:
            self._linger()
            return
        self._exchange = None
        self._restart_deadline()
        if self._paused:
            self.taken()
        if self._buffer:
            self._host.loop.call_soon(self.data_received, b"")

    def abort(self) -> None:
        """Cut the connection."""
        self.closing = True
        self.deadline = math.inf
        self._transport.abort()

    def date(self) -> bytes:
        """Return the current value of a Date header."""
        return self._host.date()

    # The states.

    def _restart_deadline(self) -> None:
        limits = self._limits
        if not self._writable.is_set():
            timeout_s = limits.write_timeout_s
        elif self._lingering:
            timeout_s = limits.linger_timeout_s
        elif self._exchange is None:
            timeout_s = limits.header_timeout_s if self._buffer else limits.idle_timeout_s
        elif not self._exchange.reader.complete and not self._ended:
            timeout_s = limits.body_timeout_s
        else:
            timeout_s = math.inf
        self.deadline = self._host.loop.time() + timeout_s

    def _advance(self) -> None:
        exchange = self._exchange
        begins = exchange is None
        if exchange is None:
            head = self._head()
            if head is None:
                return
            if head.length is not None and head.length > self._limits.body_bytes:
                raise self._too_large()
            exchange = self._exchange = self._host.begin(head, self)
            if exchange.reader.complete:
                self._restart_deadline()
            exchange.start()
        if not exchange.reader.complete:
            self._take(exchange, begins=begins)
        elif len(self._buffer) > _HIGH_WATER_BYTES:
            self._pause()

    def _head(self) -> Head | None:
        """Take the next request's head from the buffer; None if it is not complete."""
        buffer = self._buffer
        # RFC 9112 section 2.2: ignore an empty line before the request line.
        while buffer.startswith(b"\r\n"):
            del buffer[:2]
        end = buffer.find(_HEAD_END, max(0, self._searched - 3))
        size = end + 4 if end >= 0 else len(buffer)
        if size > self._limits.header_bytes:
            raise MessageError(431, f"head: expected at most {self._limits.header_bytes} bytes")
        if end < 0:
            if buffer and not self._searched:
                self._restart_deadline()
            check_start(buffer, self._searched)
            self._searched = len(buffer)
            return None
        self._searched = 0
        data = bytes(buffer[:size])
        del buffer[:size]
        return head_of(data)

    def _take(self, exchange: Exchange, *, begins: bool) -> None:
        content = exchange.reader.take(self._buffer)
        exchange.size += len(content)
        if exchange.size > self._limits.body_bytes:
            raise self._too_large()
        if exchange.size > _SMALL_BODY_BYTES and self._host.full:
            raise MessageError(503, f"bodies: expected at most {self._limits.bodies_bytes} bytes")
        complete = exchange.reader.complete
        if begins or complete:
            self._restart_deadline()
        exchange.feed(content)
        if not complete and exchange.waiting_bytes > _HIGH_WATER_BYTES:
            self._pause()

    def _too_large(self) -> MessageError:
        return MessageError(413, f"body: expected at most {self._limits.body_bytes} bytes")

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer in place of the exchange, if it has not begun to, and close."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.disconnect()
            if exchange.answer_started:
                self.abort()
                return
        refusal = self._host.refusal(status, reason)
        head = (
            f"content-type: {refusal.content_type}\r\ncontent-length: {len(refusal.body)}\r\n"
            f"date: {self.date().decode('ascii')}\r\nconnection: close\r\n\r\n"
        )
        self.write(STATUS_LINES[refusal.status] + head.encode("ascii") + refusal.body)
        self._linger()

    def _linger(self) -> None:
        """Signal the end of the answer, and read for a moment what the client still sends.

        Closing at once would make the kernel send a reset, which can lose the client its answer.
        """
        self.closing = self._lingering = True
        self._buffer.clear()
        self._restart_deadline()
        if self._ended:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
