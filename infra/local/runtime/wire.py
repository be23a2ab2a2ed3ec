"""
The wire of the Runtime API: HTTP/1.1 on asyncio and httptools, with no task per request.

Not the ASGI host of the other servers, for three reasons. A body cut short must still be answered
(A8), which ASGI cannot say. awslambdaric sends headers of up to 1 MiB. And this is the path every
warm call takes twice: a callback costs a tenth of an ASGI task.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httptools

from infra.local import contract

# One byte more than the limit is enough to know that a body is too large; the rest is read and
# dropped.
_KEPT_BODY_BYTES = contract.RESPONSE_LIMIT_BYTES + 1


@dataclass
class RuntimeRequest:
    """Be one request of a runtime, complete or cut short."""

    method: str = ""
    path: str = ""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    size: int = 0  # of the whole body, also when not all of it was kept
    truncated: bool = False
    keep_alive: bool = True

    def header(self, name: bytes) -> str | None:
        """Give a header's text, by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True)
class RuntimeReply:
    """Be one reply to a runtime."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = contract.RUNTIME_CONTENT_TYPE


def error_reply(status: int, error_type: str, message: str) -> RuntimeReply:
    """Shape an error as the service does."""
    body = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":"))
    return RuntimeReply(status, body.encode())


# Give the reply; harmless when the connection has gone.
Answer = Callable[[RuntimeReply], None]
# Take a request; answer now or later. Returns what to call if the client goes away before.
Handler = Callable[[RuntimeRequest, Answer], Callable[[], None] | None]

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Connections:
    """Be the open connections of one listener."""

    def __init__(self) -> None:
        self._open: set[RuntimeConnection] = set()
        self._closed = False

    def add(self, connection: RuntimeConnection) -> bool:
        """Admit a connection; false when the listener has closed in the meantime."""
        if not self._closed:
            self._open.add(connection)
        return not self._closed

    def discard(self, connection: RuntimeConnection) -> None:
        """Forget a connection that ended."""
        self._open.discard(connection)

    def close(self) -> None:
        """Cut all of them, and admit no more: the kernel may have accepted some already."""
        self._closed = True
        for connection in list(self._open):
            connection.abort()


class RuntimeConnection(asyncio.Protocol):
    """Parse one connection's requests, and answer them one after the other."""

    def __init__(self, handler: Handler, connections: Connections) -> None:
        self._handler = handler
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._request = RuntimeRequest()
        self._url = b""
        self._header_bytes = 0
        self._reading = False  # between the first byte and the last of a request
        self._waiting: deque[RuntimeRequest] = deque()  # pipelined
        self._busy = False
        self._refused = False
        self._give_up: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"expected a stream transport, got {type(transport).__name__}")
        self._transport = transport
        if not self._connections.add(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what was waited for; a half-read post counts as truncated."""
        self._connections.discard(self)
        self._cut_short()
        self._transport = None
        if self._give_up is not None:
            self._give_up()
            self._give_up = None

    def eof_received(self) -> bool:
        """
        Answer a body that ended before its stated length; then
        close, when the answer is written.
        """
        self._cut_short()
        return False

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "InvalidRequest", "Upgrades are not supported")
        except httptools.HttpParserError as exc:
            self._refuse(400, "InvalidRequest", f"Malformed HTTP request: {exc}")

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._request = RuntimeRequest()
        self._url = b""
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; the last of a repeated one wins."""
        self._request.headers[name.lower()] = value
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Note the request line; ask for the body if the client waits to be asked."""
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        request.path = self._url.partition(b"?")[0].decode("latin-1")
        request.keep_alive = self._parser.should_keep_alive()
        self._reading = True
        if request.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Keep the body up to the limit; count all of it."""
        request = self._request
        request.size += len(body)
        room = _KEPT_BODY_BYTES - len(request.body)
        if room > 0:
            request.body += body[:room]

    def on_message_complete(self) -> None:
        """Hand the request on."""
        self._reading = False
        self._take(self._request)

    # Answering.

    def _take(self, request: RuntimeRequest) -> None:
        if self._refused:
            return
        if self._busy or self._waiting:
            self._waiting.append(request)
        else:
            self._serve(request)

    def _serve(self, request: RuntimeRequest) -> None:
        self._busy = True
        answered = False

        def answer(reply: RuntimeReply) -> None:
            nonlocal answered
            if not answered:
                answered = True
                keep_alive = request.keep_alive and not request.truncated
                self._write(reply, keep_alive=keep_alive, head_only=request.method == "HEAD")

        try:
            give_up = self._handler(request, answer)
        except Exception as exc:  # noqa: BLE001 - reported, and the runtime gets a 500
            answer(error_reply(500, "InternalServerError", "Internal Server Error"))
            asyncio.get_running_loop().call_exception_handler(
                {"message": "the Runtime API failed", "exception": exc}
            )
            return
        if not answered:
            self._give_up = give_up

    def _write(self, reply: RuntimeReply, *, keep_alive: bool, head_only: bool = False) -> None:
        self._busy = False
        self._give_up = None
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        head = [_STATUS_LINES[reply.status], b"Content-Type: ", reply.content_type.encode()]
        head += [b"\r\nContent-Length: ", str(len(reply.body)).encode()]
        for name, value in reply.headers.items():
            head += [b"\r\n", name.encode(), b": ", value.encode("latin-1", "replace")]
        if not keep_alive:
            head.append(b"\r\nConnection: close")
        head += [b"\r\n\r\n", b"" if head_only else reply.body]
        transport.write(b"".join(head))
        if not keep_alive:
            transport.close()
        elif self._waiting:
            # Later, not now: a thousand pipelined requests would be a thousand frames deep.
            asyncio.get_running_loop().call_soon(self._take_waiting)

    def _take_waiting(self) -> None:
        if self._waiting and not self._busy:
            self._serve(self._waiting.popleft())

    def _cut_short(self) -> None:
        if self._reading:
            self._reading = False
            self._request.truncated = True
            self._take(self._request)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > contract.RUNTIME_HEADERS_LIMIT_BYTES:
            self._refuse(431, "InvalidRequest", "Request header fields too large")

    def _refuse(self, status: int, error_type: str, message: str) -> None:
        self._reading = False
        self._refused = True
        if self._transport is not None and not self._transport.is_closing() and not self._busy:
            self._write(error_reply(status, error_type, message), keep_alive=False)
        elif self._transport is not None:
            self._transport.abort()
