"""
The Runtime API: what a runtime may ask of its environment, one listener per process.

A runtime is known by the port it was given: another environment's request id is simply unknown
here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

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

_ACCEPTED = RuntimeReply(202, b'{"status":"OK"}')
_PONG = RuntimeReply(200, b"pong")
_CALLERS_TURNS = 3
_POST = re.compile(r"/runtime/invocation/([^/]*)/(response|error)")

GiveUp = Callable[[], None]


class RuntimeEvents(Protocol):
    """Be told what the runtime did. Methods raise ProtocolError to refuse."""

    def next_asked(self, answer: Answer) -> GiveUp:
        """Answer now or later with an event."""

    def response_posted(self, request_id: str, request: RuntimeRequest) -> None:
        """Take an invocation's result."""

    def error_posted(self, request_id: str, request: RuntimeRequest) -> None:
        """Take an invocation's error."""

    def init_error_posted(self, request: RuntimeRequest) -> None:
        """Take the error that ended the init phase."""

    def restore_asked(self, answer: Answer) -> GiveUp:
        """Answer when the snapshot is restored."""

    def restore_error_posted(self, request: RuntimeRequest) -> None:
        """Take the error of an after-restore hook."""


class RuntimeApi:
    """Listen for one runtime."""

    def __init__(self, events: RuntimeEvents) -> None:
        self._events = events
        self._host: Host | None = None

    async def open(self, host: str = "127.0.0.1") -> str:
        """
        Start listening on a free port.

        Returns:
            host:port, as AWS_LAMBDA_RUNTIME_API wants it.
        """
        self._host = Host(self._begin, LIMITS, refusal)
        try:
            address = await self._host.listen(host)
        except OSError as exc:
            raise StartError(f"the Runtime API cannot listen on {host}: {exc}") from exc
        return f"{host}:{address.port}"

    def close(self) -> None:
        """Stop listening, and drop every connection."""
        if self._host is not None:
            self._host.close()

    def _begin(self, head: Head, connection: Connection) -> RuntimeRequest:
        return RuntimeRequest(head, connection, self.handle)

    def handle(self, request: RuntimeRequest, answer: Answer) -> GiveUp | None:
        """Route one request."""
        path = request.path
        if path == "/ping":
            return self._only("GET", request, answer, lambda: _now(answer, _PONG))
        if path.startswith(contract.RUNTIME_API_PREFIX):
            try:
                return self._route(path[len(contract.RUNTIME_API_PREFIX) :], request, answer)
            except ProtocolError as exc:
                return _now(answer, error_reply(exc.status, exc.error_type, str(exc)))
        if path.startswith(contract.EXTENSION_API_PREFIXES):
            message = f"Extensions, logs and telemetry are not emulated: {path}"
            return _now(answer, error_reply(404, "NotFound", message))
        return _now(answer, error_reply(404, "NotFound", "404 page not found"))

    def _route(self, path: str, request: RuntimeRequest, answer: Answer) -> GiveUp | None:
        events = self._events
        if posted := _POST.fullmatch(path):
            request_id, kind = posted.groups()
            post = events.response_posted if kind == "response" else events.error_posted
            return self._only(
                "POST",
                request,
                answer,
                lambda: _accepted(answer, lambda: post(request_id, request)),
            )
        if path == "/runtime/invocation/next":
            return self._only("GET", request, answer, lambda: events.next_asked(answer))
        if path == "/runtime/init/error":
            return self._only(
                "POST",
                request,
                answer,
                lambda: _accepted_at_once(answer, lambda: events.init_error_posted(request)),
            )
        if path == "/runtime/restore/next":
            return self._only("GET", request, answer, lambda: events.restore_asked(answer))
        if path == "/runtime/restore/error":
            return self._only(
                "POST",
                request,
                answer,
                lambda: _accepted_at_once(answer, lambda: events.restore_error_posted(request)),
            )
        if path == "/ping":
            return self._only("GET", request, answer, lambda: _now(answer, _PONG))
        return _now(answer, error_reply(404, "NotFound", "404 page not found"))

    @staticmethod
    def _only(
        method: str, request: RuntimeRequest, answer: Answer, act: Callable[[], GiveUp | None]
    ) -> GiveUp | None:
        if request.method != method:
            message = f"{request.method} is not allowed here, only {method}"
            return _now(answer, error_reply(405, "MethodNotAllowed", message))
        return act()


def _nothing() -> None:
    pass


def _now(answer: Answer, reply: RuntimeReply) -> GiveUp:
    answer(reply)
    return _nothing


def _accepted(answer: Answer, act: Callable[[], None]) -> GiveUp:
    act()
    # The caller's answer first: it needs three turns of the loop (environment, broker, server), and
    # the runtime is in no hurry.
    _after_turns(_CALLERS_TURNS, lambda: answer(_ACCEPTED))
    return _nothing


def _accepted_at_once(answer: Answer, act: Callable[[], None]) -> GiveUp:
    act()
    # The environment resets next, which cuts the connection: the runtime is answered before.
    return _now(answer, _ACCEPTED)


def _after_turns(turns: int, act: Callable[[], None]) -> None:
    if turns == 0:
        act()
    else:
        asyncio.get_running_loop().call_soon(_after_turns, turns - 1, act)
