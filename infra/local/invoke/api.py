"""The Invoke API, which boto3 and the AWS CLI call, as an ASGI application.

    POST /2015-03-31/functions/{FunctionName}/invocations?Qualifier=...

Requests need no signature.
Source: docs/contract.md 6.2, B1 to B19; botocore data/lambda/2015-03-31.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local import contract
from infra.local.errors import StartError, Throttled
from infra.local.http.asgi import read_body, send_answer
from infra.local.http.message import Field
from infra.local.invocation import InvokeRequest, InvokeResult, answering
from infra.local.invoke.errors import InvokeError, service_failed, throttled, unknown_operation
from infra.local.invoke.request import InvokeCall, call_of, function_name_of, version_of
from infra.settings.function import FunctionConfig


def invoke_app(
    config: FunctionConfig,
    invoke: Callable[[InvokeRequest], Awaitable[InvokeResult]],
    accept_event: Callable[[InvokeRequest], str],
) -> ASGIApp:
    """Build the application.

    Args:
        config: the only function.
        invoke: runs it now.
        accept_event: queues an asynchronous invocation; returns its request id.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        with answering() as answered:
            try:
                call = await _call(scope, receive, config, answered)
                if call is None:
                    return
                if call.invocation_type == "DryRun":
                    await _reply(send, 204, b"", _request_id(str(uuid.uuid4())))
                elif call.invocation_type == "Event":
                    await _reply(send, 202, b"", _request_id(accept_event(call.request)))
                else:
                    await _reply_result(send, await invoke(call.request), tail=call.wants_tail)
            except InvokeError as exc:
                await _reply_error(send, exc)
            except Throttled as exc:
                await _reply_error(send, throttled(exc.reason))
            except StartError as exc:
                await _reply_error(send, service_failed(str(exc)))

    return app


async def _call(
    scope: Scope, receive: Receive, config: FunctionConfig, answered: asyncio.Future[None]
) -> InvokeCall | None:
    """Read the request; None if the client left before it was complete."""
    read = await read_body(receive, contract.SYNC_REQUEST_LIMIT_BYTES + 1)
    if read is None:
        return None
    name = function_name_of(scope["raw_path"])
    if name is None or scope["method"] != "POST":
        raise unknown_operation(scope["method"], scope["raw_path"].decode("latin-1"))
    names = version_of(name, scope["query_string"], config)
    body, size = read
    return call_of(dict(scope["headers"]), body, size, names, answered)


async def _reply_result(send: Send, result: InvokeResult, *, tail: bool) -> None:
    headers = [
        (b"x-amzn-requestid", result.request_id.encode()),
        (b"x-amz-executed-version", result.executed_version.encode()),
        (b"x-amzn-trace-id", result.trace_id.encode()),
    ]
    if result.function_error is not None:
        headers.append((b"x-amz-function-error", result.function_error.encode()))
    if tail:
        headers.append((b"x-amz-log-result", base64.b64encode(result.log_tail)))
    await _reply(send, 200, result.payload, headers)


async def _reply_error(send: Send, error: InvokeError) -> None:
    headers = _request_id(str(uuid.uuid4()))
    headers.append((b"x-amzn-errortype", error.error_type.encode()))
    await _reply(send, error.status, error.body, headers)


def _request_id(request_id: str) -> list[Field]:
    return [(b"x-amzn-requestid", request_id.encode())]


async def _reply(send: Send, status: int, body: bytes, headers: list[Field]) -> None:
    typed = [] if status == 204 else [(b"content-type", b"application/json")]
    await send_answer(send, status, headers + typed, body)
