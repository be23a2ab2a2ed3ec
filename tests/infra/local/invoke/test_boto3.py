"""
What the Invoke API does, through a real boto3 client: docs/contract.md 6.2, B1 to B10, B18 and B19.

Asserted of each: the status, the headers, the payload. Refusals: test_invoke_boto3_refusals.py.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from infra.local import contract
from infra.local.invoke.destinations import Delivery
from infra.settings.function import EventConfig
from tests.infra.cloud.clouds import until
from tests.infra.local.fakes import HastyClock
from tests.infra.local.invoke.boto3_calls import ARN, FRAME, NAME, frame, invoke, told
from tests.infra.local.invoke.calls import Caller

DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
FAILED = "arn:aws:sqs:us-east-1:123456789012:failed"
RESULT = FRAME | {"x-amz-executed-version", "x-amzn-trace-id"}
FAILURE = RESULT | {"x-amz-function-error"}


def failed(answer: Any) -> Any:
    """Give the payload of a function error."""
    assert frame(answer) == (200, FAILURE)
    assert (answer["FunctionError"], answer["ExecutedVersion"]) == ("Unhandled", "$LATEST")
    return told(answer)


def ended(answer: Any, text: str) -> dict[str, str]:
    """Word the error of a runtime that is gone."""
    request_id = answer["ResponseMetadata"]["RequestId"]
    message = f"RequestId: {request_id} Error: {text}"
    return {"errorType": "Runtime.ExitError", "errorMessage": message}


def test_b1_success(lambda_: Caller) -> None:
    """B1: the payload as the runtime posted it, the id of the context, the version, a trace id."""
    answer = invoke(lambda_, {"do": "who"})
    assert frame(answer) == (200, RESULT)
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert "LogResult" not in answer
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/json"
    seen = told(answer)
    assert seen["request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert seen["trace"] == headers["x-amzn-trace-id"]
    assert told(invoke(lambda_, {"x": [1, "é"]})) == {"x": [1, "é"]}
    assert told(invoke(lambda_)) == {}
    assert invoke(lambda_, b"null")["Payload"] == b"null"


def test_b1_client_context_and_qualifier(start: Callable[..., Caller]) -> None:
    """B1: what else a caller may say arrives; the version that ran is told."""
    lambda_ = start(aliases={"live": "7"})
    context = base64.b64encode(b'{"custom": {"k": 1}}').decode()
    answer = invoke(lambda_, {"do": "who"}, ClientContext=context, Qualifier="live")
    assert (frame(answer)[0], answer["ExecutedVersion"]) == (200, "7")
    seen = told(answer)
    assert (seen["client"], seen["arn"]) == ({"k": 1}, f"{ARN}:live")


def test_b2_raised(lambda_: Caller) -> None:
    """B2: no exception in the caller, but FunctionError, and what the runtime client posted."""
    answer = invoke(lambda_, {"do": "fail", "message": "näh"})
    error = failed(answer)
    assert set(error) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "näh")
    assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]


def test_b3_init_raised(start: Callable[..., Caller], tmp_path: Path) -> None:
    """B3: what the static code raised, without a request id."""
    plan = tmp_path / "plan"
    plan.write_text("raise\nraise")
    lambda_ = start(handler="init_fails.handler", environment={"PLAN_FILE": str(plan)})
    error = failed(invoke(lambda_))
    assert set(error) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "static code")
    assert error["requestId"] == ""


def test_b4_timeout(start: Callable[..., Caller]) -> None:
    """B4: Sandbox.Timedout, and the next call has a new process."""
    lambda_ = start(timeout_s=2)
    answer = invoke(lambda_, {"do": "wait", "seconds": 30})
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert failed(answer) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 2.00 seconds",
    }
    assert told(invoke(lambda_, {"do": "who"}))["calls"] == 1


def test_b5_exit_0(lambda_: Caller) -> None:
    """B5: an end without a reason."""
    answer = invoke(lambda_, {"do": "leave", "status": 0})
    assert failed(answer) == ended(answer, "Runtime exited without providing a reason")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"do": "leave", "status": 3}, "exit status 3"),
        ({"do": "die", "signal": "KILL"}, "signal: killed"),
        ({"do": "fill", "mb": 600}, "signal: killed"),
    ],
    ids=["exit 3", "killed", "out of memory"],
)
def test_b6_exit(lambda_: Caller, event: dict[str, Any], text: str) -> None:
    """B6: an end with a status, by a signal, for want of memory."""
    answer = invoke(lambda_, event)
    assert failed(answer) == ended(answer, f"Runtime exited with error: {text}")


def test_b7_response_too_large(lambda_: Caller) -> None:
    """B7: 6,291,556 bytes pass, and one more is a function error."""
    limit = contract.RESPONSE_LIMIT_BYTES
    answer = invoke(lambda_, {"do": "answer", "bytes": limit})
    assert frame(answer) == (200, RESULT)
    assert len(answer["Payload"]) == limit
    assert failed(invoke(lambda_, {"do": "answer", "bytes": limit + 1})) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size"
        " (6291556 bytes).",
    }


@pytest.mark.parametrize(
    ("event", "headers"),
    [({"do": "talk", "text": "out\n"}, RESULT), ({"do": "fail"}, FAILURE)],
    ids=["success", "error"],
)
def test_b8_tail(lambda_: Caller, event: dict[str, Any], headers: set[str]) -> None:
    """B8: the log in base64, beside whatever the answer is; at most 4,096 bytes of it."""
    answer = invoke(lambda_, event, LogType="Tail")
    assert frame(answer) == (200, headers | {"x-amz-log-result"})
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert lines[-2] == f"END RequestId: {request_id}"
    flood = invoke(lambda_, {"do": "talk", "text": "a line\n", "times": 1000}, LogType="Tail")
    assert len(base64.b64decode(flood["LogResult"])) == contract.LOG_TAIL_BYTES


def test_b9_event(lambda_: Caller) -> None:
    """B9: 202 and an id, under which the function then runs; nothing else is told."""
    event = {"do": "talk", "text": "behind\n"}
    answer = invoke(lambda_, event, InvocationType="Event", LogType="Tail")
    assert frame(answer) == (202, FRAME)
    assert answer["Payload"] == b""
    assert set(answer) == {"ResponseMetadata", "StatusCode", "Payload"}
    lambda_.local.drained()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert f"END RequestId: {request_id}" in lambda_.local.logs


def test_b10_dry_run(lambda_: Caller) -> None:
    """B10: 204, and the function does not run."""
    before = told(invoke(lambda_, {"do": "who"}))["calls"]
    answer = invoke(lambda_, {"do": "who"}, InvocationType="DryRun")
    status, headers = frame(answer)
    assert (status, answer["Payload"]) == (204, b"")
    assert headers <= {"date", "content-length", "x-amzn-requestid"}
    assert set(answer) == {"ResponseMetadata", "StatusCode", "Payload"}
    assert told(invoke(lambda_, {"do": "who"}))["calls"] == before + 1


def test_b18_client_goes_away(start: Callable[..., Caller], tmp_path: Path) -> None:
    """B18: a client that gave up gets its own time-out; the invocation goes on to its end."""
    lambda_ = start(concurrency=1)
    told(invoke(lambda_, {"do": "who"}))
    release = tmp_path / "release"
    held = json.dumps({"do": "hold", "until": str(release)})
    client = lambda_.impatient(read_timeout_s=0.2)
    with contextlib.closing(client), pytest.raises(ReadTimeoutError):
        client.invoke(FunctionName=NAME, Payload=held)
    assert lambda_.local.under_way == 1
    release.touch()
    until(lambda: lambda_.local.under_way == 0)
    assert sum(line.startswith("END") for line in lambda_.local.logs) == 2
    assert told(invoke(lambda_, {"do": "who"}))["calls"] == 3


def test_b19_event_with_a_function_error(start: Callable[..., Caller]) -> None:
    """
    B19: retried after one minute and two, with one id; then the
    dead letter and the destination.
    """
    clock, delivered, done = HastyClock(), list[Delivery](), threading.Event()

    async def deliver(delivery: Delivery) -> None:
        delivered.append(delivery)
        if len(delivered) == 2:
            done.set()

    events = EventConfig(dead_letter=DEAD, on_failure=FAILED)
    lambda_ = start({"clock": clock, "deliver": deliver}, events=events)
    answer = invoke(lambda_, {"do": "fail", "message": "no"}, InvocationType="Event")
    assert frame(answer) == (202, FRAME)
    assert done.wait(30)
    request_id = answer["ResponseMetadata"]["RequestId"]
    starts = [line for line in lambda_.local.logs if line.startswith("START")]
    assert starts == [f"START RequestId: {request_id} Version: $LATEST"] * 3
    assert clock.skipped == [60.0, 120.0]
    letter, record = delivered
    assert (letter.target_arn, json.loads(letter.body)) == (DEAD, {"do": "fail", "message": "no"})
    assert letter.attributes["RequestID"]["StringValue"] == request_id
    assert (record.target_arn, record.condition) == (FAILED, "RetriesExhausted")
    context = json.loads(record.body)["requestContext"]
    assert (context["requestId"], context["approximateInvokeCount"]) == (request_id, 3)
