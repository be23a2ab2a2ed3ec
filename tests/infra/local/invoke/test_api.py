"""What only bare HTTP, a log or a second thread can see of the Invoke API: docs/contract.md 6.2.

What every client sees is a table, asked by bare HTTP, boto3 and the AWS CLI:
tests/contract/invoke_rows.py.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infra.local.invoke.destinations import Delivery
from infra.settings.function import EventConfig
from tests.infra.cloud.clouds import until
from tests.infra.local.fakes import HastyClock
from tests.infra.local.invoke.calls import Caller

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
FAILED = "arn:aws:sqs:us-east-1:123456789012:failed"


def test_success(lambda_: Caller) -> None:
    """B1: the function's bytes, the id of the context and the logs, the version, a trace id."""
    reply = lambda_.do("who", tail=True)
    assert reply.status == 200
    assert set(reply.headers) == {
        "content-type",
        "content-length",
        "date",
        "x-amzn-requestid",
        "x-amz-executed-version",
        "x-amz-log-result",
        "x-amzn-trace-id",
    }
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-amz-executed-version"] == "$LATEST"
    request_id = reply.headers["x-amzn-requestid"]
    assert UUID.fullmatch(request_id)
    seen = reply.json
    assert seen["request_id"] == request_id
    assert f"START RequestId: {request_id} Version: $LATEST\n" in reply.log
    assert seen["trace"] == reply.headers["x-amzn-trace-id"]
    assert re.fullmatch(
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", seen["trace"]
    )


def test_the_context_is_the_services(lambda_: Caller) -> None:
    """6.1.1 and 6.3.1 as the function sees them."""
    seen = lambda_.do("who").json
    assert seen["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:tested"
    assert (seen["name"], seen["version"], seen["memory"]) == ("tested", "$LATEST", "512")
    assert seen["group"] == "/aws/lambda/tested"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["stream"])
    assert 19_000 < seen["left_ms"] <= 20_000


@pytest.mark.parametrize("payload", [b"null", b'"text"', b"1", b"[]", b"true", b" {} "])
def test_any_json_is_an_event(lambda_: Caller, payload: bytes) -> None:
    """B1: not only objects; None comes back as null."""
    assert json.loads(lambda_.post(payload).body) == json.loads(payload)


@pytest.mark.parametrize(
    "payload",
    [b"{", b"{'a': 1}", b"[Infinity]", b"\xff\xfe{\x00}\x00", b"{} {}"],
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
    """B12: deep nesting and long numbers are JSON; what the
    runtime makes of them is its own affair.
    """
    reply = lambda_.post(payload)
    assert reply.status == 200


def test_a_timeout(start: Callable[..., Caller]) -> None:
    """B4, word for word, with the log the service writes; the next call has a new process, and no
    INIT_START is seen.
    """
    lambda_ = start(timeout_s=6)
    first = lambda_.do("who").json["pid"]
    reply = lambda_.do("wait", seconds=30, tail=True)
    request_id = reply.headers["x-amzn-requestid"]
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    start_line, timed_out, end, report, nothing = reply.log.split("\n")
    assert start_line == f"START RequestId: {request_id} Version: $LATEST"
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z {request_id} Task timed out after 6\.00 seconds", timed_out
    )
    assert end == f"END RequestId: {request_id}"
    assert report.startswith(
        f"REPORT RequestId: {request_id}\tDuration: 6000.00 ms\tBilled Duration: 6000 ms\t"
    )
    assert report.endswith("\tStatus: timeout\tError Type: Sandbox.Timedout\t")
    assert nothing == ""
    assert lambda_.do("who").json["pid"] != first
    assert sum(line.startswith("INIT_START") for line in lambda_.local.logs) == 1


def test_an_exit(lambda_: Caller) -> None:
    """B5 and B6: the log says it in the service's words; the next call has a new process."""
    reply = lambda_.do("leave", status=3, tail=True)
    request_id = reply.headers["x-amzn-requestid"]
    message = f"RequestId: {request_id} Error: Runtime exited with error: exit status 3"
    assert f"\n{message}\nRuntime.ExitError\nEND RequestId: {request_id}\n" in reply.log
    assert reply.log.endswith("\tStatus: error\tError Type: Runtime.ExitError\t\n")
    assert lambda_.do("who").json["calls"] == 1


def test_event(lambda_: Caller) -> None:
    """B9: 202 with nothing but the id; the function runs under that id."""
    reply = lambda_.post(b'{"do":"talk","text":"behind\\n"}', {"X-Amz-Invocation-Type": "Event"})
    assert (reply.status, reply.body) == (202, b"")
    assert "x-amz-executed-version" not in reply.headers
    request_id = reply.headers["x-amzn-requestid"]
    lambda_.local.drained()
    assert f"START RequestId: {request_id} Version: $LATEST" in lambda_.local.logs


@pytest.mark.parametrize(
    ("name", "query", "suffix", "version"),
    [
        ("tested", "", "", "$LATEST"),
        ("tested", "?Qualifier=$LATEST", ":$LATEST", "$LATEST"),
        ("tested", "?Qualifier=live", ":live", "7"),
        ("tested:live", "", ":live", "7"),
        ("tested%3Alive", "?Qualifier=live", ":live", "7"),
        ("123456789012:function:tested:7", "", ":7", "7"),
        ("function:tested", "", "", "$LATEST"),
        ("arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Atested", "", "", "$LATEST"),
        ("arn:aws:lambda:us-east-1:123456789012:function:tested:live", "", ":live", "7"),
    ],
)
def test_the_ways_to_name_a_function(
    start: Callable[..., Caller], name: str, query: str, suffix: str, version: str
) -> None:
    """6.2: by name, partial or full ARN, with the qualifier in either place; the function sees the
    ARN as it was invoked.
    """
    lambda_ = start(aliases={"live": "7", "7": "7"})
    path = f"/2015-03-31/functions/{name}/invocations{query}"
    reply = lambda_.request("POST", path, b'{"do":"who"}')
    assert (reply.status, reply.headers["x-amz-executed-version"]) == (200, version)
    assert reply.json["arn"].removeprefix(lambda_.local.config.arn) == suffix


def context_header(data: bytes) -> dict[str, str]:
    """Return the header of a client context."""
    return {"X-Amz-Client-Context": base64.b64encode(data).decode()}


def test_the_client_context_arrives(lambda_: Caller) -> None:
    """6.1.1: as JSON in one line, whatever its spaces and letters."""
    context = '{"custom": {"key":\r\n "välue"}}'.encode()
    reply = lambda_.post(b'{"do":"who"}', context_header(context))
    assert reply.json["client"] == {"key": "välue"}
    assert lambda_.do("who").json["client"] is None


def test_a_client_context_that_is_no_json_is_the_runtimes_affair(lambda_: Caller) -> None:
    """1.2: Runtime.LambdaContextUnmarshalError; a line break in it forges no header."""
    reply = lambda_.post(b'{"do":"who"}', context_header(b"no\r\nX-Forged: 1"))
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert reply.json["errorType"] == "Runtime.LambdaContextUnmarshalError"


@pytest.mark.parametrize("reserved", [True, False])
def test_no_free_environment(start: Callable[..., Caller], tmp_path: Path, reserved: bool) -> None:
    """B15: the third at once is 429 with its Reason; an Event waits until there is room."""
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
        with pytest.raises(lambda_.client.exceptions.TooManyRequestsException):
            lambda_.client.invoke(FunctionName=lambda_.name)
        waiting = lambda_.post(b"{}", {"X-Amz-Invocation-Type": "Event"})
        request_id = waiting.headers["x-amzn-requestid"]
        assert not any(request_id in line for line in lambda_.local.logs)
    assert {answer.result().status for answer in busy} == {200}
    lambda_.local.drained()
    assert f"END RequestId: {request_id}" in lambda_.local.logs
    assert lambda_.post(b"{}").status == 200


def test_b18_client_goes_away(start: Callable[..., Caller], tmp_path: Path) -> None:
    """B18: a client that gave up gets its own time-out; the invocation goes on to its end."""
    lambda_ = start(concurrency=1)
    lambda_.do("who")
    release = tmp_path / "release"
    held = json.dumps({"do": "hold", "until": str(release)})
    client = lambda_.impatient(read_timeout_s=0.2)
    with contextlib.closing(client), pytest.raises(ReadTimeoutError):
        client.invoke(FunctionName=lambda_.name, Payload=held)
    assert lambda_.local.under_way == 1
    release.touch()
    until(lambda: lambda_.local.under_way == 0)
    assert sum(line.startswith("END") for line in lambda_.local.logs) == 2
    assert lambda_.do("who").json["calls"] == 3


def test_b19_event_with_a_function_error(start: Callable[..., Caller]) -> None:
    """B19: retried after one minute and two, with one id; then the
    dead letter and the destination.
    """
    clock, delivered, done = HastyClock(), list[Delivery](), threading.Event()

    async def deliver(delivery: Delivery) -> None:
        delivered.append(delivery)
        if len(delivered) == 2:
            done.set()

    events = EventConfig(dead_letter=DEAD, on_failure=FAILED)
    lambda_ = start({"clock": clock, "deliver": deliver}, events=events)
    event = {"X-Amz-Invocation-Type": "Event"}
    answer = lambda_.post(b'{"do": "fail", "message": "no"}', event)
    assert answer.status == 202
    assert done.wait(30)
    request_id = answer.headers["x-amzn-requestid"]
    starts = [line for line in lambda_.local.logs if line.startswith("START")]
    assert starts == [f"START RequestId: {request_id} Version: $LATEST"] * 3
    assert clock.skipped == [60.0, 120.0]
    letter, record = delivered
    assert (letter.target_arn, json.loads(letter.body)) == (DEAD, {"do": "fail", "message": "no"})
    assert letter.attributes["RequestID"]["StringValue"] == request_id
    assert (record.target_arn, record.condition) == (FAILED, "RetriesExhausted")
    context = json.loads(record.body)["requestContext"]
    assert (context["requestId"], context["approximateInvokeCount"]) == (request_id, 3)


def test_calls_at_once_are_not_mixed_up(start: Callable[..., Caller]) -> None:
    """Fresh environments start while others work, and each caller gets its own answer."""
    lambda_ = start(concurrency=3)
    together = threading.Barrier(3)

    def call(tag: int) -> Any:
        together.wait()
        return lambda_.do("wait", seconds=0.5, tag=tag).json

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(call, range(3)))
    assert [answer["tag"] for answer in answers] == [0, 1, 2]
    assert len({answer["pid"] for answer in answers}) == 3
    assert lambda_.local.environments == 3


@pytest.mark.parametrize("member", ["TenantId", "DurableExecutionName"])
def test_b16_what_is_not_emulated_is_refused(lambda_: Caller, member: str) -> None:
    """Ignoring it would give one tenant's environment to another, or run a step twice."""
    with pytest.raises(ClientError) as refused:
        lambda_.client.invoke(FunctionName="tested", **{member: "mine"})
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": f"{member} is not emulated: call without it",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2015-03-31/functions/tested/invocations"),
        ("GET", "/2015-03-31/functions/"),
        ("POST", "/2015-03-31/functions//invocations"),
        ("POST", "/2015-03-31/functions/a/b/invocations"),
        ("POST", "/"),
        ("POST", "/2021-11-15/functions/tested/response-streaming-invocations"),
    ],
)
def test_other_operations(lambda_: Caller, method: str, path: str) -> None:
    """The emulator says that it only invokes; it never fails."""
    reply = lambda_.request(method, path)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert reply.json["message"] == f"Not emulated: {method} {path}. Only Invoke is."
