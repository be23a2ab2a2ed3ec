"""The Runtime API's exchange on the HTTP host: a request, answered by a callback now or later.

It is not ASGI, for two reasons: a truncated body must still be answered (A8), which ASGI cannot
express; and every warm call takes this path twice: a callback costs a tenth of an ASGI task.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.local import contract
from infra.local.http.connection import Limits, Refusal
from infra.local.http.exchange import CONTINUE, STATUS_LINES, Exchange
from infra.local.http.message import Head

if TYPE_CHECKING:
    from infra.local.http.connection import Connection

# A runtime may be frozen or busy for any time. The state machine checks the body's limit (A7),
# after the request id and the state.
LIMITS = Limits(
    header_bytes=contract.RUNTIME_HEADERS_LIMIT_BYTES,
    body_bytes=math.inf,
    bodies_bytes=math.inf,
    header_timeout_s=math.inf,
    body_timeout_s=math.inf,
    idle_timeout_s=math.inf,
    write_timeout_s=math.inf,
)
# One byte over the limit shows that a body is too large; the rest is read and dropped.
_KEPT_BODY_BYTES = contract.RESPONSE_LIMIT_BYTES + 1
_CONTENT_TYPE = f"Content-Type: {contract.RUNTIME_CONTENT_TYPE}\r\n"


@dataclass(frozen=True)
class RuntimeReply:
    """One reply to a runtime."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def error_reply(status: int, error_type: str, message: str) -> RuntimeReply:
    """Return an error in the service's form."""
    body = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":"))
    return RuntimeReply(status, body.encode())


def refusal(status: int, reason: str) -> Refusal:
    """Return the host's own answer to a request that is not HTTP."""
    return Refusal(
        status, contract.RUNTIME_CONTENT_TYPE, error_reply(status, "InvalidRequest", reason).body
    )


# Sends the reply; harmless if the connection is gone.
Answer = Callable[[RuntimeReply], None]
# Takes a request and answers it now or later. Returns what to call if the client leaves before.
Handler = Callable[["RuntimeRequest", Answer], Callable[[], None] | None]


class RuntimeRequest(Exchange):
    """One request of a runtime; `truncated` if its body was cut short."""

    __slots__ = ("_give_up", "_handler", "body", "truncated")

    def __init__(self, head: Head, connection: Connection, handler: Handler) -> None:
        super().__init__(head, connection)
        self.body = bytearray()
        self.truncated = False
        self._handler = handler
        self._give_up: Callable[[], None] | None = None

    @property
    def method(self) -> str:
        """The method, as sent."""
        return self.head.method

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.head.target.partition(b"?")[0].decode("ascii")

    def header(self, name: bytes) -> str | None:
        """Return a header's text, by its lower-case name; of a repeated one the last."""
        for known, value in reversed(self.head.headers):
            if known == name:
                return value.decode("latin-1")
        return None

    def start(self) -> None:
        """Pass the request on, or ask for its body if the client expects that."""
        if self.reader.complete:
            self._serve()
        elif self.head.expects_continue:
            self.connection.write(CONTINUE)

    def feed(self, content: bytes) -> None:
        """Keep the body up to the limit; pass the request on when it is complete."""
        self.body += content[: _KEPT_BODY_BYTES - len(self.body)]
        if self.reader.complete:
            self._serve()

    def end(self) -> bool:
        """Answer a truncated body; a runtime that hangs up while it waits is gone."""
        if self.reader.complete:
            self.disconnect()
        elif not self.truncated:
            self.truncated = True
            self._serve()
        return False

    def disconnect(self) -> None:
        """Abandon what the runtime waited for."""
        give_up, self._give_up = self._give_up, None
        if give_up is not None:
            give_up()

    def answer(self, reply: RuntimeReply) -> None:
        """Send the reply; only the first one counts."""
        if self.answer_started:
            return
        self.answer_started = True
        self._give_up = None
        if self.connection.closing:
            return
        keep_alive = self.head.keep_alive and self.reader.complete
        fields = "".join([f"{name}: {value}\r\n" for name, value in reply.headers.items()])
        head = f"{_CONTENT_TYPE}Content-Length: {len(reply.body)}\r\n{fields}"
        head += "\r\n" if keep_alive else "Connection: close\r\n\r\n"
        body = b"" if self.method == "HEAD" else reply.body
        self.connection.write(STATUS_LINES[reply.status] + head.encode("latin-1", "replace") + body)
        self.connection.answered(keep_alive=keep_alive)

    def _serve(self) -> None:
        try:
            give_up = self._handler(self, self.answer)
        except Exception as exc:  # noqa: BLE001 - reported, and the runtime gets a 500
            self.answer(error_reply(500, "InternalServerError", "Internal Server Error"))
            asyncio.get_running_loop().call_exception_handler(
                {"message": "the Runtime API failed", "exception": exc}
            )
            return
        if not self.answer_started:
            self._give_up = give_up
