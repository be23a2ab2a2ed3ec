"""The Runtime API, through which a runtime talks to its environment; one listener per process.

A runtime is known by the port it was given: another environment's request id is unknown here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.local import contract
from infra.local.errors import ProtocolError, StartError
from infra.local.http.connection import Connection
from infra.local.http.message import Head
from infra.local.http.server import Host
from infra.local.runtime.exchange import (
    LIMITS,
    Answer,
    RuntimeReply,
    RuntimeRequest,
    error_reply,
    refusal,
)

if TYPE_CHECKING:
    from infra.local.runtime.conversation import Conversation

_ACCEPTED = RuntimeReply(202, b'{"status":"OK"}')
_PONG = RuntimeReply(200, b"pong")
_NOT_FOUND = error_reply(404, "NotFound", "404 page not found")
_METHODS = {
    "/ping": "GET",
    "/runtime/invocation/next": "GET",
    "/runtime/init/error": "POST",
    "/runtime/restore/next": "GET",
    "/runtime/restore/error": "POST",
}
_POST = re.compile(r"/runtime/invocation/([^/]*)/(response|error)")

GiveUp = Callable[[], None]


class RuntimeApi:
    """The listener for one runtime."""

    def __init__(self, events: Conversation) -> None:
        self._events = events
        self._host: Host | None = None

    async def open(self, host: str = "127.0.0.1") -> str:
        """Start listening on a free port.

        Returns:
            host:port, for AWS_LAMBDA_RUNTIME_API.
        """
        self._host = Host(self._begin, LIMITS, refusal)
        try:
            address = await self._host.listen(host)
        except OSError as exc:
            raise StartError(f"the Runtime API cannot listen on {host}: {exc}") from exc
        return f"{host}:{address.port}"

    def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._host is not None:
            self._host.close()

    def _begin(self, head: Head, connection: Connection) -> RuntimeRequest:
        return RuntimeRequest(head, connection, self.handle)

    def handle(self, request: RuntimeRequest, answer: Answer) -> GiveUp | None:
        """Route one request."""
        path = request.path
        if path == "/ping" or path.startswith(contract.RUNTIME_API_PREFIX):
            try:
                return self._route(path.removeprefix(contract.RUNTIME_API_PREFIX), request, answer)
            except ProtocolError as exc:
                return _now(answer, error_reply(exc.status, exc.error_type, str(exc)))
        if path.startswith(contract.EXTENSION_API_PREFIXES):
            message = f"Extensions, logs and telemetry are not emulated: {path}"
            return _now(answer, error_reply(404, "NotFound", message))
        return _now(answer, _NOT_FOUND)

    def _route(self, path: str, request: RuntimeRequest, answer: Answer) -> GiveUp | None:
        events = self._events
        posted = _POST.fullmatch(path)
        method = "POST" if posted else _METHODS.get(path)
        if method is None:
            return _now(answer, _NOT_FOUND)
        if request.method != method:
            message = f"{request.method} is not allowed here, only {method}"
            return _now(answer, error_reply(405, "MethodNotAllowed", message))
        if posted:
            request_id, kind = posted.groups()
            post = events.response_posted if kind == "response" else events.error_posted
            return _accept(answer, post(request_id, request))
        if path == "/runtime/invocation/next":
            return events.next_asked(answer)
        if path == "/runtime/restore/next":
            return events.restore_asked(answer)
        if path == "/ping":
            return _now(answer, _PONG)
        if path == "/runtime/init/error":
            events.init_error_posted(request)
        else:
            events.restore_error_posted(request)
        # The environment resets next, which cuts the connection: so the runtime is answered first.
        return _now(answer, _ACCEPTED)


def nothing() -> None:
    """Do nothing."""


def _now(answer: Answer, reply: RuntimeReply) -> GiveUp:
    answer(reply)
    return nothing


def _accept(answer: Answer, answered: asyncio.Future[None] | None) -> GiveUp:
    """Acknowledge a post once the caller of the invocation has its answer."""
    if answered is None or answered.done():
        answer(_ACCEPTED)
    else:
        answered.add_done_callback(lambda _: answer(_ACCEPTED))
    return nothing
