"""The Invoke API's rows: docs/contract.md 6.2, and what RIE's gaps of 1.5 say about it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from tests.contract.rows import ARN, Bench, Facts, Rows, chosen, masked, seen
from tests.contract.target import Spec, done, invoked
from tests.infra.local.plain_http import Reply

ROWS = Rows()

BROKEN = Path(__file__).parent / "handlers"
_LIMIT = 6 * 1024 * 1024
_USER = {"Type": "User"}
_NOT_JSON = "Could not parse request body into json: Could not parse payload into json: "
_TOO_LARGE = "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
_CONTEXT = "Client context must be a valid Base64-encoded JSON object"


def _refused(answer: Reply) -> Facts:
    body = masked(answer.body.decode("utf-8", "replace"))
    is_json = answer.headers.get("content-type") == "application/json"
    return {
        "status": answer.status,
        "type": answer.headers.get("x-amzn-errortype"),
        "body": json.loads(body) if is_json else body,
    }


def _exit_error(text: str) -> Facts:
    body = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: <id> Error: {text}"}
    return {"status": 200, "error": "Unhandled", "body": body}


def _failed(answer: Reply) -> Facts:
    facts = seen(answer)
    try:
        facts["body"] = json.loads(facts["body"])
    except ValueError:
        return facts
    return facts


@ROWS.add("B1 success", status=200, error=None, body='{"a": [1, "\\u00e9"]}')
def success(bench: Bench) -> Facts:
    """The invoker gets the bytes the runtime posted."""
    return seen(invoked(bench.shared, '{"a": [1, "é"]}'.encode()))


@ROWS.add("B1 null", status=200, error=None, body="null")
def null(bench: Bench) -> Facts:
    """A function without a result answers null."""
    return seen(done(bench.shared, "talk", text=""))


@ROWS.add(
    "B1 headers", type="application/json", version="$LATEST", id_is_the_contexts=True, trace=True
)
def headers(bench: Bench) -> Facts:
    """A success says its content type, the version that ran, the request's id and its trace."""
    answer = done(bench.shared, "who")
    request_id = answer.headers.get("x-amzn-requestid")
    return {
        "type": answer.headers.get("content-type"),
        "version": answer.headers.get("x-amz-executed-version"),
        "id_is_the_contexts": request_id == answer.json["request_id"],
        "trace": answer.headers.get("x-amzn-trace-id", "").startswith("Root=1-"),
    }


@ROWS.add("B1 context", arn=ARN, name="contract", version="$LATEST", memory="512")
def context(bench: Bench) -> Facts:
    """The function's context names the function, its ARN and its memory."""
    return chosen(done(bench.shared, "who").json, "arn", "name", "version", "memory")


@ROWS.add("B1 no body", status=200, error=None, body="{}")
def no_body(bench: Bench) -> Facts:
    """An invocation without a body is one with an empty object."""
    return seen(invoked(bench.shared, b""))


@ROWS.add("B1 method", get=404, put=404)
def method(bench: Bench) -> Facts:
    """Only POST invokes."""
    return {
        "get": invoked(bench.shared, method="GET").status,
        "put": invoked(bench.shared, method="PUT").status,
    }


@ROWS.add("B2 raised", status=200, error="Unhandled", body=("ValueError", "no", True, True))
def raised(bench: Bench) -> Facts:
    """What the runtime client posted about an exception, and a header that says it is an error."""
    facts = _failed(done(bench.shared, "fail", message="no"))
    error = facts["body"]
    told = error["errorType"], error["errorMessage"]
    traced = any("raise ValueError" in line for line in error["stackTrace"])
    return {**facts, "body": (*told, error["requestId"] == "<id>", traced)}


@ROWS.add("B3 init raised", status=200, error="Unhandled", body=("ValueError", "static code", ""))
def init_raised(bench: Bench) -> Facts:
    """What the runtime client posted about an init that raised; its request id is empty."""
    facts = _failed(invoked(bench.start(Spec(BROKEN, "broken.handler"))))
    error = facts["body"]
    told = error["errorType"], error["errorMessage"], error["requestId"]
    return {**facts, "body": told}


@ROWS.add(
    "B4 timeout",
    status=200,
    error="Unhandled",
    body={
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: <id> Error: Task timed out after 1.00 seconds",
    },
    next=(200, 1),
)
def timeout(bench: Bench) -> Facts:
    """A timeout is an error in JSON, and the next invocation has a new process."""
    running = bench.start(Spec(timeout_s=1))
    facts = _failed(done(running, "wait", seconds=30))
    after = done(running, "who")
    return {**facts, "next": (after.status, after.json["calls"])}


@ROWS.add("B5 exit 0", **_exit_error("Runtime exited without providing a reason"))
def exit_0(bench: Bench) -> Facts:
    """A process that ends well ends the invocation badly."""
    return _failed(done(bench.shared, "leave", status=0))


@ROWS.add("B6 exit 3", **_exit_error("Runtime exited with error: exit status 3"))
def exit_3(bench: Bench) -> Facts:
    """A process that ends with a status is an error that tells it."""
    return _failed(done(bench.shared, "leave", status=3))


@ROWS.add("B6 killed", **_exit_error("Runtime exited with error: signal: killed"))
def killed(bench: Bench) -> Facts:
    """A process that is killed is an error that tells the signal."""
    return _failed(done(bench.shared, "die", signal="KILL"))


@ROWS.add("B6 segfault", **_exit_error("Runtime exited with error: signal: segmentation fault"))
def segfault(bench: Bench) -> Facts:
    """A process that breaks its memory is an error that tells the signal."""
    return _failed(done(bench.shared, "die", signal="SEGV"))


@ROWS.add("B6 recovery", status=200, calls=1)
def recovery(bench: Bench) -> Facts:
    """The invocation after a crash succeeds, in a new process."""
    done(bench.shared, "leave", status=1)
    after = done(bench.shared, "who")
    return {"status": after.status, "calls": after.json["calls"]}


@ROWS.add(
    "B7 response too large",
    status=200,
    error="Unhandled",
    body={
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    },
)
def response_too_large(bench: Bench) -> Facts:
    """A result of one byte too many is an error."""
    return _failed(done(bench.shared, "answer", bytes=_LIMIT + 101))


@ROWS.add("B8 tail", kinds=["START", "out", "END", "REPORT"], without=None, bytes=4096)
def tail(bench: Bench) -> Facts:
    """The last 4,096 bytes of the invocation's log, to those who ask."""
    asked, name = {"X-Amz-Log-Type": "Tail"}, "x-amz-log-result"
    log = base64.b64decode(done(bench.shared, "talk", asked, text="out\n").headers.get(name, ""))
    flood = done(bench.shared, "talk", asked, text="a line\n", times=1000).headers.get(name, "")
    return {
        "kinds": [line.split(" ")[0] for line in log.decode().splitlines()],
        "without": done(bench.shared, "who").headers.get(name),
        "bytes": len(base64.b64decode(flood)),
    }


@ROWS.add("B9 event", status=202, body=b"", version=None)
def event(bench: Bench) -> Facts:
    """An asynchronous invocation is accepted before it runs, with nothing but an id."""
    answer = invoked(bench.shared, b"1", {"X-Amz-Invocation-Type": "Event"})
    version = answer.headers.get("x-amz-executed-version")
    return {"status": answer.status, "body": answer.body, "version": version}


@ROWS.add("B10 dry run", status=204, body=b"", calls=1)
def dry_run(bench: Bench) -> Facts:
    """A dry run answers, and nothing runs."""
    running = bench.start(Spec())
    answer = invoked(running, b"{}", {"X-Amz-Invocation-Type": "DryRun"})
    calls = done(running, "who").json["calls"]
    return {"status": answer.status, "body": answer.body, "calls": calls}


_OTHER = f"{ARN.removesuffix('contract')}other:$LATEST"


@ROWS.add(
    "B11 unknown function",
    status=404,
    type="ResourceNotFoundException",
    body={**_USER, "Message": f"Function not found: {_OTHER}"},
)
def unknown_function(bench: Bench) -> Facts:
    """Another function's name is not found."""
    return _refused(invoked(bench.shared, path="/2015-03-31/functions/other/invocations"))


def _not_json(bench: Bench, body: bytes) -> Facts:
    facts = _refused(invoked(bench.shared, body))
    if isinstance(facts["body"], dict):
        # What follows is the parser's own text, and nobody's contract.
        facts["body"]["message"] = facts["body"]["message"][: len(_NOT_JSON)]
    return facts


_NOT_JSON_FACTS: Facts = {
    "status": 400,
    "type": "InvalidRequestContentException",
    "body": {**_USER, "message": _NOT_JSON},
}


@ROWS.add("B12 not JSON", **_NOT_JSON_FACTS)
def not_json(bench: Bench) -> Facts:
    """A body that is no JSON never reaches the function."""
    return _not_json(bench, b"nope")


@ROWS.add("B12 not UTF-8", **_NOT_JSON_FACTS)
def not_utf8(bench: Bench) -> Facts:
    """A body that is no UTF-8 never reaches the function."""
    return _not_json(bench, b'"\xff"')


@ROWS.add("B13 the limit", status=200, bytes=_LIMIT)
def request_limit(bench: Bench) -> Facts:
    """6 MiB pass, without the 100 bytes that a response may have more."""
    answer = invoked(bench.shared, b'"' + b"x" * (_LIMIT - 2) + b'"')
    return {"status": answer.status, "bytes": len(answer.body)}


@ROWS.add(
    "B13 too large",
    status=413,
    type="RequestEntityTooLargeException",
    body={**_USER, "message": _TOO_LARGE},
)
def request_too_large(bench: Bench) -> Facts:
    """A body above the limit is refused, never cut."""
    facts = _refused(invoked(bench.shared, b'"' + b"x" * (_LIMIT + 200) + b'"'))
    if not isinstance(facts["body"], dict):
        found = re.search(r'"errorType": "([\w.]+)"', facts["body"])
        facts["body"] = found[1] if found else facts["body"][:80]
    return facts


@ROWS.add(
    "B17 client context",
    status=400,
    type="InvalidRequestContentException",
    body={**_USER, "message": _CONTEXT},
)
def client_context(bench: Bench) -> Facts:
    """A client context that is no base64 is refused; the status is not recorded [?]."""
    return _refused(invoked(bench.shared, headers={"X-Amz-Client-Context": "!!!"}))
