"""The Runtime API's rows: docs/contract.md 6.1, A1 to A14, and the headers of 6.1.1.

A13 (an internal error) cannot be provoked from outside; A15 and A16 are optional or out of scope.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import time
import uuid

from tests.contract.clients import Facts, failure, masked
from tests.contract.puppeteer import NEXT, PREFIX, fetched, puppet
from tests.contract.rows import ARN, Bench, Rows, seen
from tests.infra.local.plain_http import Reply

ROWS = Rows()

_EVENT = '{"a": "é",  "b":\t1}'.encode()
_JSON = "application/json"
_OK = {"status": 202, "type": _JSON, "body": {"status": "OK"}}
_LIMIT = 6 * 1024 * 1024 + 100
_TRACE = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]"


def _reply(answer: Reply) -> Facts:
    return {
        "status": answer.status,
        "type": answer.headers.get("content-type"),
        "body": json.loads(masked(answer.body.decode())),
    }


def _error(status: int, error_type: str, message: str) -> Facts:
    body = {"errorMessage": message, "errorType": error_type}
    return {"status": status, "type": _JSON, "body": body}


def _forbidden(before: str, after: str) -> Facts:
    message = (
        f"State transition from {before} to {after} failed for runtime. "
        "Error: State transition is not allowed"
    )
    return _error(403, "InvalidStateTransition", message)


@ROWS.add("A1 next", status=200, type=_JSON, body=_EVENT, blocks=True, second=b"[2]")
def next_event(bench: Bench) -> Facts:
    """`next` hands the event out byte for byte, and blocks until there is one."""
    with puppet(bench, _EVENT) as (held, wire):
        first = wire.call("GET", NEXT)
        request_id = first.headers["lambda-runtime-aws-request-id"]
        wire.call("POST", f"{PREFIX}/invocation/{request_id}/response", b"1")
        held.answered(wire)
        blocks = wire.hears_nothing()
        held.invoke(b"[2]")
        return {
            "status": first.status,
            "type": first.headers.get("content-type"),
            "body": first.body,
            "blocks": blocks,
            "second": wire.answer().body,
        }


@ROWS.add(
    "6.1.1 headers",
    request_id="a lower-case uuid4",
    deadline=True,
    arn=ARN,
    trace=True,
    client='{"custom": {"a": 1}}',
)
def headers(bench: Bench) -> Facts:
    """The id, the deadline, the ARN, a trace id, and the client context as JSON text."""
    context = base64.b64encode(b'{"custom": {"a": 1}}').decode()
    before = time.time()
    with puppet(bench, headers={"X-Amz-Client-Context": context}) as (_, wire):
        found = wire.call("GET", NEXT).headers
    prefix = "lambda-runtime-"
    request_id = found[prefix + "aws-request-id"]
    parsed = uuid.UUID(request_id)
    is_uuid4 = str(parsed) == request_id and parsed.version == 4
    deadline_s = int(found[prefix + "deadline-ms"]) / 1000
    return {
        "request_id": "a lower-case uuid4" if is_uuid4 else request_id,
        "deadline": before + 20 <= deadline_s + 0.001 and deadline_s <= time.time() + 20,
        "arn": found[prefix + "invoked-function-arn"],
        "trace": bool(re.fullmatch(_TRACE, found.get(prefix + "trace-id", ""))),
        "client": found.get(prefix + "client-context"),
    }


@ROWS.add("A2 next again", same_id=True, same_body=True)
def next_again(bench: Bench) -> Facts:
    """`next` while an invocation runs hands the same event out again."""
    with puppet(bench, _EVENT) as (_, wire):
        first, second = wire.call("GET", NEXT), wire.call("GET", NEXT)
    name = "lambda-runtime-aws-request-id"
    return {
        "same_id": first.headers[name] == second.headers[name],
        "same_body": first.body == second.body == _EVENT,
    }


@ROWS.add("A3 response", reply=_OK, invoker=(200, '{"any": "bytes"}'))
def response(bench: Bench) -> Facts:
    """A response is accepted, and its bytes reach the invoker."""
    with puppet(bench) as (held, wire):
        reply = wire.call("POST", f"{fetched(wire)}/response", b'{"any": "bytes"}')
        told = seen(held.answered(wire))
    return {"reply": _reply(reply), "invoker": (told["status"], told["body"])}


@ROWS.add(
    "A4 error", reply=_OK, invoker={"status": 200, "error": "Unhandled", "body": '{"errorType":1}'}
)
def error(bench: Bench) -> Facts:
    """An error is accepted, and the invoker gets the posted body byte for byte (6.1.2)."""
    with puppet(bench) as (held, wire):
        reply = wire.call("POST", f"{fetched(wire)}/error", b'{"errorType":1}')
        return {"reply": _reply(reply), "invoker": seen(held.answered(wire))}


_WRONG = _error(400, "InvalidRequestID", "Invalid request ID")


@ROWS.add("A5 wrong id", before=_WRONG, while_running=_WRONG, after=_WRONG, still=202)
def wrong_id(bench: Bench) -> Facts:
    """Another id is refused in every state, and changes nothing."""
    other = f"{PREFIX}/invocation/{uuid.uuid4()}"
    with puppet(bench) as (held, wire):
        before = wire.call("POST", f"{other}/response", b"1")
        path = fetched(wire)
        running = wire.call("POST", f"{other}/error", b"1")
        still = wire.call("POST", f"{path}/response", b"1")
        held.answered(wire)
        with contextlib.closing(held.connect()) as second:
            after = second.call("POST", f"{other}/response", b"1")
    return {
        "before": _reply(before),
        "while_running": _reply(running),
        "after": _reply(after),
        "still": still.status,
    }


# The state's name as RIE writes it: unlike all others it has the type's name [RIE].
_SENT = "RuntimeResponseSentState"
_STATES = {"response": "InvocationResponse", "error": "InvocationErrorResponse"}


def _second_post(first: str, second: str) -> None:
    """Add the row of a second answer to an invocation, which is a forbidden transition."""
    twice = f"{second} twice" if first == second else f"{second} after {first}"

    @ROWS.add(f"A6 {twice}", first=202, second=_forbidden(_SENT, _STATES[second]))
    def post(bench: Bench) -> Facts:
        with puppet(bench) as (_, wire):
            path = fetched(wire)
            accepted = wire.call("POST", f"{path}/{first}", b"1").status
            refused = _reply(wire.call("POST", f"{path}/{second}", b"2"))
            return {"first": accepted, "second": refused}


_second_post("response", "response")
_second_post("error", "response")
_second_post("response", "error")


_TOO_LARGE = {
    "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}


@ROWS.add(
    "A7 too large",
    reply=_error(
        413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes)."
    ),
    invoker=(200, "Unhandled", _TOO_LARGE),
)
def too_large(bench: Bench) -> Facts:
    """One byte above 6 MiB + 100 is refused, and the invoker is told."""
    with puppet(bench) as (held, wire):
        reply = wire.call("POST", f"{fetched(wire)}/response", b"1" * (_LIMIT + 1))
        return {"reply": _reply(reply), "invoker": failure(held.answered(wire))}


@ROWS.add("A7 the limit", reply=_OK, invoker=(200, _LIMIT))
def limit(bench: Bench) -> Facts:
    """6 MiB + 100 bytes pass."""
    with puppet(bench) as (held, wire):
        reply = wire.call("POST", f"{fetched(wire)}/response", b"1" * _LIMIT)
        answer = held.answered(wire)
    return {"reply": _reply(reply), "invoker": (answer.status, len(answer.body))}


@ROWS.add(
    "A8 truncated",
    reply=_error(400, "TruncatedHTTPRequest", "HTTP request detected as truncated"),
    invoker=(200, "Unhandled", "Runtime.TruncatedResponse"),
)
def truncated(bench: Bench) -> Facts:
    """A body shorter than its Content-Length is refused, and the invoker is told."""
    with puppet(bench, timeout_s=5) as (held, wire):
        wire.ask("POST", f"{fetched(wire)}/response", b"1", length=100)
        wire.socket.shutdown(socket.SHUT_WR)
        try:
            reply: Facts | None = _reply(wire.answer())
        except ConnectionError:
            reply = None
        with contextlib.closing(held.connect()) as second:
            status, unhandled, body = failure(held.answered(second))
    error_type = body.get("errorType") if isinstance(body, dict) else body
    return {"reply": reply, "invoker": (status, unhandled, error_type)}


@ROWS.add(
    "A9 response mode",
    reply=_error(400, "InvalidFunctionResponseMode", "Invalid function response mode"),
    invoker=(
        200,
        "Unhandled",
        {
            "errorMessage": "Invalid function response mode",
            "errorType": "Runtime.InvalidResponseModeHeader",
        },
    ),
    next_waits=True,
)
def response_mode(bench: Bench) -> Facts:
    """An unknown response mode is refused, the invoker is told, and the runtime can go on."""
    mode = {"Lambda-Runtime-Function-Response-Mode": "odd"}
    with puppet(bench, timeout_s=5) as (held, wire):
        reply = wire.call("POST", f"{fetched(wire)}/response", b"1", mode)
        wire.ask("GET", NEXT)
        waits = wire.hears_nothing()
        invoker = failure(held.invocation.result())
    return {"reply": _reply(reply), "invoker": invoker, "next_waits": waits}


@ROWS.add("A10 init error", reply=_OK, invoker=(200, "Unhandled", {"errorType": "Mine"}))
def init_error(bench: Bench) -> Facts:
    """An init error is accepted, and the invoker gets it.

    The service repeats a failed init within the invocation, so the runtime may have to fail twice.
    """
    body = b'{"errorType": "Mine"}'
    with puppet(bench) as (held, wire):
        reply = wire.call("POST", f"{PREFIX}/init/error", body)
        held.leave()
        again = held.reborn()
        if again:
            with contextlib.closing(again):
                assert again.call("POST", f"{PREFIX}/init/error", body).status == reply.status
            held.leave()
        return {"reply": _reply(reply), "invoker": failure(held.invocation.result())}


@ROWS.add(
    "A11 init error too late",
    reply=_forbidden("Running", "InitError"),
    still=202,
)
def init_error_too_late(bench: Bench) -> Facts:
    """After the first `next` an init error is a forbidden transition, and changes nothing."""
    with puppet(bench) as (_, wire):
        path = fetched(wire)
        reply = wire.call("POST", f"{PREFIX}/init/error", b"{}")
        still = wire.call("POST", f"{path}/response", b"1").status
    return {"reply": _reply(reply), "still": still}


@ROWS.add("A12 unknown", path=404, method=405, post_by_get=405)
def unknown(bench: Bench) -> Facts:
    """An unknown path is 404, a wrong method 405."""
    with puppet(bench) as (_, wire):
        return {
            "path": wire.call("GET", f"{PREFIX}/nowhere").status,
            "method": wire.call("POST", NEXT).status,
            "post_by_get": wire.call("GET", f"{PREFIX}/invocation/x/response").status,
        }


@ROWS.add("A12 content type", path=_JSON, method=_JSON)
def unknown_has_a_type(bench: Bench) -> Facts:
    """Errors too have a content type of JSON: without one, awslambdaric ends with a segfault."""
    with puppet(bench) as (_, wire):
        path, method = wire.call("GET", f"{PREFIX}/nowhere"), wire.call("POST", NEXT)
    name = "content-type"
    return {"path": path.headers.get(name), "method": method.headers.get(name)}


@ROWS.add("A14 ping", status=200, body=b"pong")
def ping(bench: Bench) -> Facts:
    """The Runtime API answers a ping."""
    with puppet(bench) as (_, wire):
        answer = wire.call("GET", "/2018-06-01/ping")
    return {"status": answer.status, "body": answer.body}
