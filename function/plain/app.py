"""The plain HTTP door: the same application with no Lambda around it.

It adds what Lambda and its fronts do elsewhere: a request id, one log line a request, an answer to
every error, limits for bodies, and the paths by which a platform watches:

    /livez      200 as long as the process answers
    /readyz     200; 503 once the process is to end
    /metrics    Prometheus's text
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from function.errors import BusyError, IncompleteError, MalformedError
from function.http.bodies import json_response
from function.http.lean_fastapi import Response
from function.http.problems import problem_response
from function.plain.prometheus import CONTENT_TYPE, PrometheusMetrics
from function.plain.wire import MAX_HEAD_BYTES
from function.telemetry.invocation import Invocation, under_way, write
from model.errors import Problem

BODY_TIMEOUT_S: Final = 30.0
"""How long a body may take; API Gateway allows as long for the whole exchange."""

BODY_GRACE_S: Final = 5.0
MIN_BODY_BYTES_S: Final = 16 * 1024
"""How slowly a body may come after its first seconds."""

MAX_BODIES_BYTES: Final = 128 * 1024 * 1024
"""All bodies together, from their first byte to their answer: twenty of the largest."""

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.:=/+-]{8,128}")
"""What a caller may use as a request id: the forms of UUIDs and of the clouds' ids."""

_ABSOLUTE: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_NO_STORE: Final = {"cache-control": "no-store"}

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class PlainHttp:
    """An ASGI application around ours."""

    def __init__(self, app: App, metrics: PrometheusMetrics, *, base_path: str = "") -> None:
        """Put the door before an application.

        Args:
            app: ours.
            metrics: counts what goes through.
            base_path: a prefix of every path but those above, without a slash at its end.
        """
        self._app = app
        self._metrics = metrics
        self._base_path = base_path
        self._cold = True
        self.held_bytes = 0
        self.draining = False
        self.on_fatal: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever is in it."""
        if self.draining:
            send = _closing(send)
        # The absolute form of a target, which a server must take: RFC 9112, 3.2.2.
        if (absolute := _ABSOLUTE.match(scope["path"])) is not None:
            scope["path"] = scope["path"][absolute.end() :] or "/"
        if scope["path"] == "/livez":
            answer = json_response({"status": "ok"}, headers=_NO_STORE)
        elif scope["path"] == "/readyz":
            status = {"status": "draining" if self.draining else "ok"}
            answer = json_response(status, status=503 if self.draining else 200, headers=_NO_STORE)
        elif scope["path"] == "/metrics":
            answer = Response(
                self._metrics.text(), headers={"content-type": CONTENT_TYPE} | _NO_STORE
            )
        else:
            await self._serve(scope, receive, send)
            return
        await answer(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        invocation = Invocation(_request_id_of(scope), "plain-http", cold=self._cold)
        self._cold = False
        sent = _Sent(send, invocation)
        body = _Body(receive, self)
        if self._base_path and f"{scope['path']}/".startswith(f"{self._base_path}/"):
            scope["root_path"] = self._base_path
            if scope["path"] == self._base_path:
                scope["path"] += "/"
        with under_way(invocation):
            try:
                _require_head(scope)
                await self._app(scope, body.receive, sent)
            except BaseException as error:
                # Starlette raises even what our handler has answered and recorded.
                if not sent.started:
                    invocation.record_error(error)
                    # The connection ends, whatever is left of the request.
                    answer = problem_response(error, _NO_STORE | {"connection": "close"})
                    await answer(scope, receive, sent)
                if isinstance(error, asyncio.CancelledError):
                    raise
            finally:
                self.held_bytes -= body.size
                write(invocation.line())
                route = getattr(scope.get("route"), "path", None)
                self._metrics.observe(invocation, scope["method"], route)
                if invocation.fatal:
                    self.draining = True
                    self.on_fatal()


def _require_head(scope: Scope) -> None:
    """Refuse a head that is too large, or that two servers could read differently.

    Raises:
        MalformedError: says which.

    Source: RFC 9112, 6.3: both a length and a transfer coding "ought to be handled as an error".
    """
    headers = scope["headers"]
    if not scope["http_version"].startswith("1."):
        raise MalformedError([Problem("version", "HTTP/1.1 or HTTP/1.0", "another")])
    names = {name for name, _ in headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        expected = "a content-length or a transfer-encoding"
        raise MalformedError([Problem("headers", expected, "both")])
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD_BYTES:
        raise MalformedError([Problem("headers", f"at most {MAX_HEAD_BYTES} bytes", "more")])


class _Body:
    """A request's body: in time, fast enough, and within what the process holds."""

    def __init__(self, receive: Receive, door: PlainHttp) -> None:
        self._receive = receive
        self._door = door
        self._began = asyncio.get_running_loop().time()
        self._whole = False
        self.size = 0

    async def receive(self) -> Message:
        """Wait for the next part (ASGI's receive).

        Raises:
            IncompleteError: it came too slowly, or the client is gone.
            BusyError: all bodies together are too large.
        """
        if self._whole:
            return await self._receive()
        rate_s = BODY_GRACE_S + self.size / MIN_BODY_BYTES_S
        try:
            async with asyncio.timeout_at(self._began + min(BODY_TIMEOUT_S, rate_s)):
                message = await self._receive()
        except TimeoutError:
            message = {"type": "http.disconnect"}
        if message["type"] == "http.disconnect":
            expected = f"the whole of it within {BODY_TIMEOUT_S:g} seconds"
            if rate_s < BODY_TIMEOUT_S:
                expected += f", and {MIN_BODY_BYTES_S} bytes a second"
            raise IncompleteError([Problem("body", expected, "a part")])
        self._whole = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self.size += size
        self._door.held_bytes += size
        if self._door.held_bytes > MAX_BODIES_BYTES:
            expected = f"at most {MAX_BODIES_BYTES} bytes of bodies at a time, got more: try again"
            raise BusyError(f"expected {expected}")
        return message


def _closing(send: Send) -> Send:
    """Ask the client not to use its connection again: the process is about to end."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [field for field in message.get("headers", ()) if field[0] != b"connection"]
            message["headers"] = [*others, (b"connection", b"close")]
        await send(message)

    return sent


class _Sent:
    """A `send` that records the status, and adds the request id to the answer."""

    def __init__(self, send: Send, invocation: Invocation) -> None:
        self._send = send
        self._invocation = invocation
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._invocation.status = message["status"]
            request_id = self._invocation.request_id.encode()
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
        await self._send(message)


def _request_id_of(scope: Scope) -> str:
    """Return the caller's request id if it is harmless, else a new one."""
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text: str = sent.decode("latin-1")
    return text if REQUEST_ID.fullmatch(text) else str(uuid.uuid4())
