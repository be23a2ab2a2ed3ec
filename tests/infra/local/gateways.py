"""A gateway over HTTP, with a function that the test plays."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from infra.local.fronts.front import Failure
from infra.local.gateway import GATEWAY_LIMITS, front_of, gateway_app, refusal_by
from infra.local.http.server import Address, serving
from infra.local.invocation import InvokeRequest, InvokeResult
from tests.infra.local.fronts.front_requests import MOMENT, settings
from tests.infra.local.http.raw_http import Wire, connected, run


def ok(payload: Any, *, error: str | None = None) -> InvokeResult:
    """Make a function's result."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return InvokeResult("id", text, error, "$LATEST", b"")


@dataclass
class Function:
    """A function that remembers its events and answers with them, in a form every front takes."""

    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[InvokeRequest] = field(default_factory=list)

    async def __call__(self, request: InvokeRequest) -> InvokeResult:
        """Answer 201 with the path."""
        event = json.loads(request.payload)
        self.events.append(event)
        self.requests.append(request)
        headers: dict[str, Any] = {"headers": {"content-type": "a/b"}}
        if "multiValueHeaders" in event and "headers" not in event:
            headers = {"multiValueHeaders": {"content-type": ["a/b"]}}
        return ok({"statusCode": 201, "body": event.get("rawPath", event.get("path")), **headers})


Invoke = Callable[[InvokeRequest], Awaitable[InvokeResult]]
Scenario = Callable[[Wire, Address], Awaitable[None]]


def through(invoke: Invoke, scenario: Scenario, front: str = "http_api", **options: object) -> None:
    """Serve a gateway as the emulator does, and talk to it."""

    async def main() -> None:
        app = gateway_app(invoke, settings(front, **options), front, moment=lambda: MOMENT)
        server = serving(app, limits=GATEWAY_LIMITS, refusal=refusal_by(front))
        async with server as address, connected(address) as wire:
            await scenario(wire, address)

    run(main())


async def got(wire: Wire, data: bytes) -> tuple[int, bytes]:
    """Send a request; give the answer's status and body."""
    await wire.send(data)
    status, _, body = await wire.answer()
    return status, body


def said(front: str, kind: Failure) -> bytes:
    """Return the body of what a front says by itself."""
    return front_of(front).failure(kind).body
