"""The Invoke API's rows: docs/contract.md 6.2, and what RIE's gaps of 1.5 say about it.

`ROWS.ask` asks the shared function once, by every client. A function asks several times, or looks
at what only bare HTTP shows.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from infra.local.contract import TOO_LARGE_HINT
from tests.contract.clients import Ask, Facts, act, client_context
from tests.contract.rows import ARN, EVERY, Bench, Rows, chosen, seen
from tests.contract.target import NAME, Spec, done, invoked

ROWS = Rows()

BROKEN = Path(__file__).parent / "handlers"
_LIMIT = 6 * 1024 * 1024
_EVENT_LIMIT = 1024 * 1024


def _failed(kind: str, message: str) -> Facts:
    """Spell a function error of the service's own."""
    body = {"errorType": kind, "errorMessage": message}
    return {"status": 200, "error": "Unhandled", "body": body}


def _ended(text: str) -> Facts:
    return _failed("Runtime.ExitError", f"RequestId: <id> Error: {text}")


def _refused(status: int, kind: str, message: str, key: str = "message", **more: Any) -> Facts:
    body = {"Type": "User", key: message, **more}
    return {"status": status, "type": kind, "body": body, "message": message}


def _text(size: int) -> bytes:
    """Spell a JSON string of so many bytes."""
    return b'"' + b"x" * (size - 2) + b'"'


@ROWS.add("B1 success", status=200, error=None, body='{"a": [1, "\\u00e9"]}')
def success(bench: Bench) -> Facts:
    """The invoker gets the bytes the runtime posted."""
    return seen(invoked(bench.shared, '{"a": [1, "é"]}'.encode()))


ROWS.ask("B1 a value", Ask(b'{"x": [1, "\xc3\xa9"]}'), status=200, error=None, body={"x": [1, "é"]})
ROWS.ask("B1 null", Ask(act("talk", text="")), status=200, error=None, body=None)


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


@ROWS.add("B1 qualifier", clients=EVERY, rie=False, arn=f"{ARN}:live", client={"k": 1})
def qualifier(bench: Bench) -> Facts:
    """The function sees the ARN as it was invoked, and the client's context."""
    context = client_context(b'{"custom": {"k": 1}}')
    facts = bench.ask(bench.shared, Ask(act("who"), qualifier="live", context=context))
    return chosen(facts["body"], "arn", "client")


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


@ROWS.add(
    "B2 raised", clients=EVERY, status=200, error="Unhandled", body=("ValueError", "no", True)
)
def raised(bench: Bench) -> Facts:
    """What the runtime client posted about an exception, and a header that says it is an error."""
    facts = bench.ask(bench.shared, Ask(act("fail", message="no")))
    error = facts["body"]
    assert error["requestId"] == "<id>"
    traced = any("raise ValueError" in line for line in error["stackTrace"])
    return {**facts, "body": (error["errorType"], error["errorMessage"], traced)}


@ROWS.add(
    "B3 init raised",
    clients=EVERY,
    status=200,
    error="Unhandled",
    body=("ValueError", "static code", ""),
)
def init_raised(bench: Bench) -> Facts:
    """What the runtime client posted about an init that raised; its request id is empty."""
    facts = bench.ask(bench.start(Spec(BROKEN, "broken.handler")), Ask())
    error = facts.get("body") or {}
    told = error.get("errorType"), error.get("errorMessage"), error.get("requestId")
    return {**facts, "body": told}


@ROWS.add(
    "B4 timeout",
    clients=EVERY,
    **_failed("Sandbox.Timedout", "RequestId: <id> Error: Task timed out after 3.00 seconds"),
    next=(200, 1),
)
def timeout(bench: Bench) -> Facts:
    """A timeout is an error in JSON, and the next invocation has a new process."""
    running = bench.start(Spec(timeout_s=3))
    facts = bench.ask(running, Ask(act("wait", seconds=30)))
    for _ in range(5):  # the new process has the same 3 s to start, which a stalled machine misses
        after = bench.ask(running, Ask(act("who")))
        if "calls" in after["body"]:
            break
    return {**facts, "next": (after["status"], after["body"].get("calls"))}


ENDS = {
    "B5 exit 0": (act("leave", status=0), "Runtime exited without providing a reason"),
    "B6 exit 1": (act("leave", status=1), "Runtime exited with error: exit status 1"),
    "B6 exit 3": (act("sys_exit", status=3), "Runtime exited with error: exit status 3"),
    "B6 exit 137": (act("leave", status=137), "Runtime exited with error: exit status 137"),
    "B6 killed": (act("die", signal="KILL"), "Runtime exited with error: signal: killed"),
    "B6 terminated": (act("die", signal="TERM"), "Runtime exited with error: signal: terminated"),
    "B6 segfault": (
        act("die", signal="SEGV"), "Runtime exited with error: signal: segmentation fault",
    ),
}  # fmt: skip
for _name, (_event, _reason) in ENDS.items():
    ROWS.ask(_name, Ask(_event), **_ended(_reason))
ROWS.ask(
    "B6 out of memory",
    Ask(act("fill", mb=600)),
    rie=False,
    **_ended("Runtime exited with error: signal: killed"),
)


@ROWS.add("B6 recovery", status=200, calls=1)
def recovery(bench: Bench) -> Facts:
    """The invocation after a crash succeeds, in a new process."""
    done(bench.shared, "leave", status=1)
    after = done(bench.shared, "who")
    return {"status": after.status, "calls": after.json["calls"]}


@ROWS.add("B7 the limit", clients=EVERY, status=200, bytes=_LIMIT + 100)
def response_limit(bench: Bench) -> Facts:
    """A result of 6 MiB and 100 bytes passes."""
    facts = bench.ask(bench.shared, Ask(act("answer", bytes=_LIMIT + 100)))
    return {"status": facts["status"], "bytes": len(facts["body"]) + 2}


ROWS.ask(
    "B7 response too large",
    Ask(act("answer", bytes=_LIMIT + 101)),
    **_failed(
        "Function.ResponseSizeTooLarge",
        "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    ),
)


@ROWS.add("B8 tail", kinds=["START", "out", "err", "END", "REPORT"], without=None, bytes=4096)
def tail(bench: Bench) -> Facts:
    """The last 4,096 bytes of the invocation's log, to those who ask."""
    asked, name = {"X-Amz-Log-Type": "Tail"}, "x-amz-log-result"
    short = done(bench.shared, "talk", asked, text="out\n", error="err\n").headers.get(name, "")
    flood = done(bench.shared, "talk", asked, text="a line\n", times=1000).headers.get(name, "")
    return {
        "kinds": [line.split(" ")[0] for line in base64.b64decode(short).decode().splitlines()],
        "without": done(bench.shared, "who").headers.get(name),
        "bytes": len(base64.b64decode(flood)),
    }


ROWS.ask("B9 event", Ask(b"1", kind="Event"), status=202, error=None, body="")


@ROWS.add("B10 dry run", clients=EVERY, status=204, error=None, body="", calls=1)
def dry_run(bench: Bench) -> Facts:
    """A dry run answers, and nothing runs."""
    running = bench.start(Spec())
    facts = bench.ask(running, Ask(kind="DryRun"))
    return {**facts, "calls": bench.ask(running, Ask(act("who")))["body"]["calls"]}


def _not_found(arn: str) -> Facts:
    message = f"Function not found: {arn}"
    return _refused(404, "ResourceNotFoundException", message, "Message")


_PLACE = ARN.removesuffix(NAME)
ROWS.ask("B11 unknown function", Ask(name="other"), **_not_found(f"{_PLACE}other:$LATEST"))
for _asked, _arn in (
    (Ask(name="other:live"), f"{_PLACE}other:live"),
    (Ask(name=f"{NAME}:nope"), f"{ARN}:nope"),
    (Ask(qualifier="nope"), f"{ARN}:nope"),
    (Ask(name=f"999999999999:function:{NAME}"), ARN.replace("123456789012", "9" * 12) + ":$LATEST"),
    (Ask(name=ARN.replace("us-east", "eu-west")), ARN.replace("us-east", "eu-west") + ":$LATEST"),
):
    ROWS.ask(f"B11 {_asked.name} {_asked.qualifier}", _asked, rie=False, **_not_found(_arn))


_NOT_JSON = "Could not parse request body into json: Could not parse payload into json: "


def _not_json(name: str, payload: bytes, *, rie: bool = False) -> None:
    service = _refused(400, "InvalidRequestContentException", _NOT_JSON)

    @ROWS.add(name, clients=EVERY, rie=rie, **service)
    def refused(bench: Bench) -> Facts:
        """A body that is no JSON never reaches the function."""
        facts = bench.ask(bench.shared, Ask(payload))
        # What follows is the parser's own text, and nobody's contract.
        if "message" in facts:
            facts["message"] = facts["message"][: len(_NOT_JSON)]
        elif isinstance(facts["body"], dict) and "message" in facts["body"]:
            facts["body"]["message"] = facts["body"]["message"][: len(_NOT_JSON)]
        return facts


_not_json("B12 not JSON", b"nope", rie=True)
_not_json("B12 not UTF-8", b'"\xff"', rie=True)
_not_json("B12 NaN", b"NaN")


@ROWS.add("B13 the limit", clients=EVERY, status=200, bytes=_LIMIT)
def request_limit(bench: Bench) -> Facts:
    """6 MiB pass, without the 100 bytes that a response may have more."""
    facts = bench.ask(bench.shared, Ask(_text(_LIMIT)))
    return {"status": facts["status"], "bytes": len(facts["body"]) + 2}


_TOO_LARGE = "RequestEntityTooLargeException"
ROWS.ask(
    "B13 too large",
    Ask(_text(_LIMIT + 1)),
    rie=False,
    **_refused(
        413,
        _TOO_LARGE,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        hint=TOO_LARGE_HINT,
    ),
)


@ROWS.add("B13 far too large", status=413, type=_TOO_LARGE)
def request_far_too_large(bench: Bench) -> Facts:
    """A body above the limit is refused, never cut."""
    facts = bench.ask(bench.shared, Ask(_text(_LIMIT + 202)))
    cut = facts["body"].get("errorType") if isinstance(facts["body"], dict) else None
    return {"status": facts["status"], "type": facts.get("type", cut)}


ROWS.ask(
    "B14 the limit",
    Ask(_text(_EVENT_LIMIT), kind="Event"),
    rie=False,
    status=202,
    error=None,
    body="",
)
ROWS.ask(
    "B14 too large",
    Ask(_text(_EVENT_LIMIT + 1), kind="Event"),
    rie=False,
    **_refused(
        413,
        _TOO_LARGE,
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        hint=TOO_LARGE_HINT,
    ),
)


def _not_valid(value: str, member: str, constraint: str) -> Facts:
    return _refused(
        400,
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint:"
        f" Member must {constraint}",
    )


_PATTERN = "satisfy regular expression pattern: " + (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
for _name in ("sp ace", "a" * 65, "arn:aws:s3:::contract"):
    _facts = _not_valid(_name, "functionName", _PATTERN)
    ROWS.ask(f"B16 {_name}", Ask(name=_name), rie=False, **_facts)
_facts = _not_valid("a" * 141, "functionName", "have length less than or equal to 140")
ROWS.ask("B16 a long name", Ask(name="a" * 141), rie=False, **_facts)
# The AWS CLI knows the enumerations itself.
_facts = _not_valid(
    "nope", "invocationType", "satisfy enum value set: [Event, RequestResponse, DryRun]"
)
ROWS.ask("B16 invocation type", Ask(kind="nope"), rie=False, cli=False, **_facts)
_facts = _not_valid("nope", "logType", "satisfy enum value set: [None, Tail]")
ROWS.ask("B16 log type", Ask(log="nope"), rie=False, cli=False, **_facts)
ROWS.ask(
    "B16 two qualifiers",
    Ask(name=f"{NAME}:live", qualifier="next"),
    rie=False,
    **_refused(
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    ),
)


def _context(name: str, value: str, message: str, *, rie: bool = False) -> None:
    """Add a client context that is refused; with which status is not recorded [?]."""
    facts = _refused(400, "InvalidRequestContentException", message)
    ROWS.ask(name, Ask(context=value), rie=rie, **facts)


_NO_CONTEXT = "Client context must be a valid Base64-encoded JSON object"
_context("B17 client context", "!!!", _NO_CONTEXT, rie=True)
_context("B17 padding", "YQ", _NO_CONTEXT)
_context("B17 not UTF-8", client_context(b"\xff"), _NO_CONTEXT)
_context("B17 too long", client_context(b"x" * 2_688), "Client context must be at most 3583 bytes")
ROWS.ask(
    "B17 the limit",
    Ask(context=client_context(b'{"custom": "' + b"x" * 2_670 + b'"}')),
    rie=False,
    status=200,
    error=None,
    body={},
)
