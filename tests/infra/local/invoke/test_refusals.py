"""What the Invoke API refuses, in which words, by bare HTTP: docs/contract.md 6.2, B11 to B17."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local import contract
from tests.infra.local.invoke.calls import Caller

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("other", "arn:aws:lambda:us-east-1:123456789012:function:other:$LATEST"),
        ("other:live", "arn:aws:lambda:us-east-1:123456789012:function:other:live"),
        ("tested:nope", "arn:aws:lambda:us-east-1:123456789012:function:tested:nope"),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:tested",
            "arn:aws:lambda:eu-west-1:123456789012:function:tested:$LATEST",
        ),
        (
            "999999999999:function:tested",
            "arn:aws:lambda:us-east-1:999999999999:function:tested:$LATEST",
        ),
    ],
)
def test_an_unknown_function(lambda_: Caller, name: str, arn: str) -> None:
    """B11: the message has the ARN."""
    reply = lambda_.post(b"{}", name=name)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert reply.json == {"Type": "User", "Message": f"Function not found: {arn}"}


@pytest.mark.parametrize(
    "payload",
    [b"{", b"nope", b"{'a': 1}", b"NaN", b"[Infinity]", b'"\xff"', b"\xff\xfe{\x00}\x00", b"{} {}"],
)
def test_a_payload_that_is_no_json(lambda_: Caller, payload: bytes) -> None:
    """B12: 400 with the service's words before the parser's."""
    reply = lambda_.post(payload)
    assert reply.status == 400
    assert reply.headers["x-amzn-errortype"] == "InvalidRequestContentException"
    assert set(reply.json) == {"Type", "message"}
    assert reply.json["Type"] == "User"
    assert reply.json["message"].startswith(
        "Could not parse request body into json: Could not parse payload into json: "
    )


@pytest.mark.parametrize("payload", [b"[" * 50_000 + b"]" * 50_000, b"1" * 5_000])
def test_what_only_python_finds_too_much_is_handed_on(lambda_: Caller, payload: bytes) -> None:
    """
    B12: deep nesting and long numbers are JSON; what the
    runtime makes of them is its own affair.
    """
    reply = lambda_.post(payload)
    assert reply.status == 200


def test_the_limit_of_a_synchronous_payload(lambda_: Caller) -> None:
    """B13: 6,291,456 bytes pass, one more is 413; no +100 here."""
    limit = contract.SYNC_REQUEST_LIMIT_BYTES
    assert limit == 6_291_456
    reply = lambda_.post(b'"' + b"x" * (limit - 2) + b'"')
    assert (reply.status, len(reply.body)) == (200, limit)
    reply = lambda_.post(b'"' + b"x" * (limit - 1) + b'"')
    assert reply.status == 413
    assert reply.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"
    assert reply.json == {
        "Type": "User",
        "message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    }


def test_the_limit_of_an_event(lambda_: Caller) -> None:
    """B14: 1,048,576 bytes pass, one more is 413."""
    limit = contract.EVENT_REQUEST_LIMIT_BYTES
    assert limit == 1_048_576
    event = {"X-Amz-Invocation-Type": "Event"}
    assert lambda_.post(b'"' + b"x" * (limit - 2) + b'"', event).status == 202
    reply = lambda_.post(b'"' + b"x" * (limit - 1) + b'"', event)
    assert (reply.status, reply.json["message"]) == (
        413,
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )
    lambda_.local.drained()


@pytest.mark.parametrize("reserved", [True, False])
def test_no_free_environment(start: Callable[..., Caller], tmp_path: Path, reserved: bool) -> None:
    """B15: two at once, the third is 429 with its Reason; afterwards there is room again."""
    lambda_ = start(concurrency=2, reserved_concurrency=2 if reserved else None)
    with lambda_.busy(tmp_path, 2) as busy:
        reply = lambda_.post(b"{}")
        assert (reply.status, reply.headers["x-amzn-errortype"]) == (
            429,
            "TooManyRequestsException",
        )
        kind = "ReservedFunction" if reserved else ""
        reason = f"{kind}ConcurrentInvocationLimitExceeded"
        assert reply.json == {"Reason": reason, "Type": "User", "message": "Rate Exceeded."}
    assert {answer.result().status for answer in busy} == {200}
    assert lambda_.post(b"{}").status == 200


@pytest.mark.parametrize(
    ("header", "member", "members"),
    [
        ("X-Amz-Invocation-Type", "invocationType", "[Event, RequestResponse, DryRun]"),
        ("X-Amz-Log-Type", "logType", "[None, Tail]"),
    ],
)
def test_an_unknown_enum_value(lambda_: Caller, header: str, member: str, members: str) -> None:
    """B16: 400 naming the member and its values."""
    reply = lambda_.post(b"{}", {header: "nope"})
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert reply.json["message"] == (
        f"1 validation error detected: Value 'nope' at '{member}' failed to satisfy constraint:"
        f" Member must satisfy enum value set: {members}"
    )


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("a" * 141, "have length less than or equal to 140"),
        ("a" * 65, "satisfy regular expression pattern: "),
        ("sp ace", "satisfy regular expression pattern: "),
        ("arn:aws:s3:::tested", "satisfy regular expression pattern: "),
    ],
)
def test_a_bad_name(lambda_: Caller, name: str, constraint: str) -> None:
    """B16."""
    reply = lambda_.post(b"{}", name=name)
    assert reply.status == 400
    assert (
        f"at 'functionName' failed to satisfy constraint: Member must {constraint}"
        in (reply.json["message"])
    )


def test_two_qualifiers_that_differ(start: Callable[..., Caller]) -> None:
    """B16."""
    lambda_ = start(aliases={"live": "1", "next": "2"})
    reply = lambda_.request(
        "POST", "/2015-03-31/functions/tested:live/invocations?Qualifier=next", b"{}"
    )
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (
        400,
        "InvalidParameterValueException",
    )
    assert reply.json["message"] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_a_client_context_beyond_its_limit_or_no_base64(lambda_: Caller) -> None:
    """B17: 3,583 bytes pass, more do not [?]."""
    fits = base64.b64encode(b'{"custom": "' + b"x" * 2_673 + b'"}').decode()
    assert len(fits) == 3_584
    cases = [fits, "$$$", "YQ", base64.b64encode(b"\xff").decode()]
    for value in cases:
        reply = lambda_.post(b"{}", {"X-Amz-Client-Context": value})
        assert (reply.status, reply.headers["x-amzn-errortype"]) == (
            400,
            "InvalidRequestContentException",
        )
    passes = base64.b64encode(b'{"custom": "' + b"x" * 2_670 + b'"}').decode()
    assert lambda_.post(b"{}", {"X-Amz-Client-Context": passes}).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2015-03-31/functions/tested/invocations"),
        ("GET", "/2015-03-31/functions/"),
        ("POST", "/2015-03-31/functions//invocations"),
        ("POST", "/2015-03-31/functions/a/b/invocations"),
        ("POST", "/"),
    ],
)
def test_other_operations(lambda_: Caller, method: str, path: str) -> None:
    """The emulator says that it only invokes; it never fails."""
    reply = lambda_.request(method, path)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert reply.json["message"] == f"Not emulated: {method} {path}. Only Invoke is."
