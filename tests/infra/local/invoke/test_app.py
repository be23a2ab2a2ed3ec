"""The Invoke API's application alone: what a client that leaves and a failing emulator do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import ASGIApp, Message

from infra.local.errors import StartError
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.invoke.api import invoke_app
from infra.settings.function import FunctionConfig


def app_of(result: InvokeResult | Exception) -> ASGIApp:
    """Build the application around a function that does the same at every call."""

    async def invoke(_request: InvokeRequest) -> InvokeResult:
        if isinstance(result, Exception):
            raise result
        return result

    return invoke_app(FunctionConfig(handler="a.b", name="f"), invoke, lambda _request: "id")


def sent_by(
    app: ASGIApp,
    *messages: Message,
    kind: str = "http",
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> list[Message]:
    """Return what the application sends for one request."""
    incoming = list(messages)
    sent: list[Message] = []
    scope = {
        "type": kind,
        "method": "POST",
        "raw_path": b"/2015-03-31/functions/f/invocations",
        "headers": headers,
        "query_string": b"",
    }

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def work() -> None:
        await app(scope, receive, send)

    asyncio.run(work())
    return sent


def test_a_client_that_leaves_before_its_request_is_complete_invokes_nothing() -> None:
    """No half an event reaches the function."""
    app = app_of(AssertionError("expected no invocation"))
    first = {"type": "http.request", "body": b'{"half', "more_body": True}
    assert sent_by(app, first, {"type": "http.disconnect"}) == []


def test_a_body_in_pieces_is_one_event() -> None:
    """However the server hands it over."""
    app = app_of(InvokeResult("id", b"1", None, "$LATEST", b""))
    pieces = [{"type": "http.request", "body": bytes([c]), "more_body": True} for c in b"[1, 2]"]
    last: Message = {"type": "http.request", "body": b"", "more_body": False}
    assert sent_by(app, *pieces, last)[0]["status"] == 200


def test_a_fault_of_the_emulator_is_a_service_exception() -> None:
    """500, as the service names its own faults."""
    app = app_of(StartError("the emulator is shutting down"))
    start, body = sent_by(app, {"type": "http.request", "body": b""})
    assert start["status"] == 500
    assert dict(start["headers"])[b"x-amzn-errortype"] == b"ServiceException"
    assert body["body"] == b'{"Type":"Service","Message":"the emulator is shutting down"}'


@pytest.mark.parametrize(("kind", "handed"), [("Event", None), ("RequestResponse", "{}")])
def test_a_client_context_is_handed_over_in_synchronous_calls_only(
    kind: str, handed: str | None
) -> None:
    """6.1.1: with an Event it is checked, and left out."""
    asked: list[InvokeRequest] = []

    async def invoke(request: InvokeRequest) -> InvokeResult:
        asked.append(request)
        return InvokeResult("id", b"1", None, "$LATEST", b"")

    def accept(request: InvokeRequest) -> str:
        asked.append(request)
        return "id"

    app = invoke_app(FunctionConfig(handler="a.b", name="f"), invoke, accept)
    headers = [(b"x-amz-invocation-type", kind.encode()), (b"x-amz-client-context", b"e30=")]
    sent_by(app, {"type": "http.request", "body": b""}, headers=headers)
    assert [request.client_context for request in asked] == [handed]


def test_other_protocols_are_left_alone() -> None:
    """A lifespan message is none of its business."""
    assert sent_by(app_of(StartError("unused")), kind="lifespan") == []
