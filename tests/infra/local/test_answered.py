"""The caller is answered before the runtime, through the Invoke API and through the fronts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from infra.local.errors import StartError
from infra.local.gateway import gateway_app
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.invoke.api import invoke_app
from infra.settings.front import FrontConfig
from infra.settings.function import FunctionConfig

PATH = "/2015-03-31/functions/f/invocations"
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": PATH,
    "raw_path": PATH.encode(),
    "query_string": b"",
    "headers": [(b"host", b"h")],
    "http_version": "1.1",
}


def invoke_api(invoke: Any) -> Any:
    """Make the Invoke API."""
    return invoke_app(FunctionConfig(handler="a.b", name="f"), invoke, lambda _request: "id")


def front(invoke: Any) -> Any:
    """Make a front."""
    return gateway_app(invoke, FrontConfig())


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("make", [invoke_api, front])
def test_the_caller_is_answered_first(make: Callable[[Any], Any], fails: bool) -> None:
    """The acknowledgement may follow once the answer is written, and always may in the end."""
    asked: list[InvokeRequest] = []
    done: list[bool] = []

    async def invoke(request: InvokeRequest) -> InvokeResult:
        asked.append(request)
        if fails:
            raise StartError("planted")
        return InvokeResult("id", b"1", None, "$LATEST", b"")

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    def is_done() -> bool:
        (request,) = asked
        return request.answered is not None and request.answered.done()

    async def send(_message: MutableMapping[str, Any]) -> None:
        done.append(is_done())

    async def work() -> None:
        try:
            await make(invoke)(SCOPE, receive, send)
        except StartError:
            assert make is front  # its server answers
        assert is_done()

    asyncio.run(work())
    assert not any(done)
