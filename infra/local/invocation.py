"""One invocation: the caller's request, the runtime's headers, the caller's result."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class InvokeRequest:
    """A caller's request. The payload is valid JSON in UTF-8, the client context JSON text."""

    payload: bytes
    client_context: str | None = None
    qualifier: str | None = None
    trace_id: str | None = None
    request_id: str | None = None  # set by the asynchronous queue: the same in every retry
    executed_version: str = "$LATEST"
    # Done once the caller has its answer: the runtime continues only then, so that its next work
    # does not take the processor from the answer. None: there is no caller to answer.
    answered: asyncio.Future[None] | None = field(default=None, compare=False)


@contextlib.contextmanager
def answering() -> Iterator[asyncio.Future[None]]:
    """Answer a caller within the block: `InvokeRequest.answered` waits for its end."""
    answered = asyncio.get_running_loop().create_future()
    try:
        yield answered
    finally:
        answered.set_result(None)


@dataclass(frozen=True)
class InvokeResult:
    """The result for a caller."""

    request_id: str
    payload: bytes
    function_error: str | None
    executed_version: str
    log_tail: bytes  # the last 4,096 bytes of this invocation's log
    trace_id: str = ""


@dataclass(frozen=True)
class Invocation:
    """A request with the ids that the service assigns."""

    request: InvokeRequest
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = ""

    @classmethod
    def of(cls, request: InvokeRequest, now_s: float) -> Invocation:
        """Return a request with its ids; ids that it brings are kept."""
        return cls(
            request=request,
            request_id=request.request_id or str(uuid.uuid4()),
            trace_id=_trace(request.trace_id, now_s),
        )

    @property
    def arn_suffix(self) -> str:
        """The qualifier as invoked, for the end of the function's ARN."""
        qualifier = self.request.qualifier
        return f":{qualifier}" if qualifier else ""


def _trace(given: str | None, now_s: float) -> str:
    """Return an X-Ray trace header: with the caller's root if it has one, and never sampled."""
    root = ""
    for part in given.split(";") if given else ():
        name, _, value = part.strip().partition("=")
        if name == "Root" and value.isascii() and value.replace("-", "").isalnum():
            root = value[:64]
    random = secrets.token_hex(20)
    root = root or f"1-{int(now_s):08x}-{random[:24]}"
    return f"Root={root};Parent={random[24:]};Sampled=0"


def next_headers(invocation: Invocation, arn: str, deadline_ms: int) -> dict[str, str]:
    """Return the headers that accompany the event: docs/contract.md 6.1.1.

    Args:
        invocation: the one that the event belongs to.
        arn: the function's, without a qualifier.
        deadline_ms: Unix time.
    """
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": arn + invocation.arn_suffix,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    if invocation.request.client_context is not None:
        headers["Lambda-Runtime-Client-Context"] = invocation.request.client_context
    return headers


def error_payload(error_type: str, message: str) -> bytes:
    """Return an error of the platform itself, in the service's form."""
    body = {"errorType": error_type, "errorMessage": message}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
