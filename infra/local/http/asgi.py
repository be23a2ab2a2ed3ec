"""One request and its answer, as an ASGI application sees them.

If a client disconnects the application goes on: an invocation outlives its caller.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.local.http.exchange import CONTINUE, STATUS_LINES, Exchange
from infra.local.http.message import Field, Head

if TYPE_CHECKING:
    from infra.local.http.connection import Connection

LOGGER = logging.getLogger(__name__)

# Holds the head as the client wrote it: ASGI has header names in lower case only.
HEAD_EXTENSION = "lambake.head"

_ABSOLUTE = re.compile(rb"https?://[^/?#]*+", re.IGNORECASE)
_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_BODILESS = frozenset((204, 304))


async def read_body(receive: Receive, keep_bytes: int) -> tuple[bytes, int] | None:
    """Read a request's body to its end.

    Args:
        receive: ASGI's.
        keep_bytes: the rest is read and dropped, since a client that still sends does not read.

    Returns:
        The kept bytes, and the size of the whole body; None if the client left before its end.
    """
    body, size, more = bytearray(), 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        content: bytes = message.get("body", b"")
        size += len(content)
        body += content[: max(0, keep_bytes - len(body))]
        more = message.get("more_body", False)
    return bytes(body), size


async def send_answer(
    send: Send, status: int, headers: list[Field], body: bytes, *, reason: str | None = None
) -> None:
    """Send a whole answer. `reason` is our host's own: ASGI leaves the phrase to the server."""
    start = {"type": "http.response.start", "status": status, "headers": headers, "reason": reason}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def scope_of(head: Head, *, client: tuple[str, int], server: tuple[str, int]) -> Scope:
    """Describe a request as an ASGI scope; `raw_path` and `query_string` are exactly as sent."""
    target = head.target
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        target = target[absolute.end() :]
    raw_path, _, query = target.partition(b"?")
    raw_path = raw_path or b"/"
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": head.version,
        "method": head.method,
        "scheme": "http",
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": list(head.headers),
        "client": client,
        "server": server,
        "extensions": {HEAD_EXTENSION: {"fields": head.fields, "size": head.size}},
    }


class AsgiExchange(Exchange):
    """The state of one request and its answer."""

    __slots__ = (
        "_app",
        "_body",
        "_chunked",
        "_delivered",
        "_disconnected",
        "_expects_continue",
        "_left",
        "_news",
        "_start",
        "_tasks",
        "answer_complete",
    )

    def __init__(
        self, head: Head, connection: Connection, app: ASGIApp, tasks: set[asyncio.Task[None]]
    ) -> None:
        super().__init__(head, connection)
        self.answer_complete = False
        self._app = app
        self._tasks = tasks
        self._body = bytearray()
        self._delivered = False
        self._disconnected = False
        self._expects_continue = head.expects_continue
        self._news: asyncio.Event | None = None
        self._start: Message | None = None
        self._chunked = False
        self._left: int | None = None

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of the body the application has not read yet."""
        return len(self._body)

    def start(self) -> None:
        """Run the application."""
        task = asyncio.get_running_loop().create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def feed(self, content: bytes) -> None:
        """Add a part of the body."""
        self._body += content
        self._wake()

    def end(self) -> bool:
        """Tell the application. A half-closed client still gets its answer."""
        self.disconnect()
        return True

    def disconnect(self) -> None:
        """Tell the application that the client sends nothing more."""
        self._disconnected = True
        self._wake()

    def _wake(self) -> None:
        if self._news is not None:
            self._news.set()

    async def _run(self) -> None:
        """Run the application; answer 500 if it does not answer."""
        scope = scope_of(self.head, client=self.connection.client, server=self.connection.server)
        try:
            await self._app(scope, self.receive, self.send)
        except Exception:
            LOGGER.exception("the application failed on %s %r", self.head.method, self.head.target)
        if self.answer_complete or self.connection.closing:
            return
        if self.answer_started:
            self.connection.abort()
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        self._left, self._chunked = None, False
        self._start = {"type": "http.response.start", "status": 500, "headers": headers}
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    async def receive(self) -> Message:
        """Wait for the next part of the body, or for the client's end (ASGI's receive)."""
        if self._expects_continue and not self.size and not self.answer_started:
            self.connection.write(CONTINUE)
        self._expects_continue = False
        while not self._body and (self._delivered or not self.reader.complete):
            if self._disconnected or self.answer_complete:
                return {"type": "http.disconnect"}
            self._news = asyncio.Event()
            await self._news.wait()
        body = bytes(self._body)
        self._body.clear()
        self._delivered = self.reader.complete
        self.connection.taken()
        return {"type": "http.request", "body": body, "more_body": not self._delivered}

    async def send(self, message: Message) -> None:
        """Send the answer (ASGI's send); dropped once the client is gone.

        Raises:
            RuntimeError: messages out of order, a header that cannot be sent, or a body of another
                length than its Content-Length.
        """
        if message["type"] == "http.response.start":
            if self._start is not None:
                raise RuntimeError("expected http.response.body, got a second http.response.start")
            self._start = message
            return
        if message["type"] != "http.response.body" or self._start is None or self.answer_complete:
            raise RuntimeError(
                f"expected http.response.start, one, then its body, got {message['type']}"
            )
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if self.connection.closing:
            self.answer_complete = not more
            return
        keep_alive = self.head.keep_alive and self.reader.complete
        if self.answer_started:
            self.connection.write(self._framed(body, more=more))
        else:
            start, keep_alive = self._beginning(self._start, body, more=more, keep_alive=keep_alive)
            content = self._framed(body, more=more)
            self.answer_started = True
            self.connection.write(start + content)
        if more:
            await self.connection.writable()
            return
        self.answer_complete = True
        self._wake()
        self.connection.answered(keep_alive=keep_alive)

    def _beginning(
        self, start: Message, body: bytes, *, more: bool, keep_alive: bool
    ) -> tuple[bytes, bool]:
        status: int = start["status"]
        reason = start.get("reason")
        line = STATUS_LINES.get(status) if reason is None else None
        if line is None:
            line = f"HTTP/1.1 {status} {reason or ''}\r\n".encode("ascii")
        parts = [line]
        names = set()
        for name, value in start.get("headers", ()):
            lower = name.lower()
            if lower == b"connection":
                keep_alive = keep_alive and b"close" not in value.lower()
            elif lower == b"content-length":
                self._left = int(value)
            elif lower != b"transfer-encoding":
                if _NAME.fullmatch(name) is None or _UNSAFE.search(value) is not None:
                    raise RuntimeError(f"expected a header that can be sent, got {name!r}")
                names.add(lower)
                parts += (name, b": ", value, b"\r\n")
        if b"date" not in names:
            parts += (b"date: ", self.connection.date(), b"\r\n")
        keep_alive = self._frame(parts, len(body), status, more=more) and keep_alive
        if not keep_alive:
            parts.append(b"connection: close\r\n")
        elif self.head.version == "1.0":
            parts.append(b"connection: keep-alive\r\n")
        parts.append(b"\r\n")
        return b"".join(parts), keep_alive

    def _frame(self, parts: list[bytes], size: int, status: int, *, more: bool) -> bool:
        """Choose how the body is framed. Return whether the connection can carry another answer."""
        if self._left is None and not more:
            self._left = size
        if self.head.method == "HEAD" or status in _BODILESS:
            if self._left is not None and status not in _BODILESS:
                parts.append(b"content-length: %d\r\n" % self._left)
            self._left = -1
        elif self._left is not None:
            parts.append(b"content-length: %d\r\n" % self._left)
        elif self.head.version == "1.1":
            parts.append(b"transfer-encoding: chunked\r\n")
            self._chunked = True
        else:
            return False
        return True

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        if self._left == -1:
            return b""
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + b"0\r\n\r\n"
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("expected a body as long as its Content-Length")
        return body
