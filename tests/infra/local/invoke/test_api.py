"""
The Invoke API by bare HTTP, with the real runtime client
behind it: docs/contract.md 6.2, B1 to B10, B18.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local import contract
from tests.infra.local.invoke.calls import Caller

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


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


def test_no_payload_is_an_empty_object(lambda_: Caller) -> None:
    """6.2: the runtime client needs valid JSON, so it is handed {}."""
    assert lambda_.post(b"").json == {}


def test_a_raised_exception(lambda_: Caller) -> None:
    """B2: status 200, Unhandled, and what the runtime client posted."""
    reply = lambda_.do("fail", message="näh")
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    error = reply.json
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "näh")
    assert error["requestId"] == reply.headers["x-amzn-requestid"]
    assert "raise ValueError" in error["stackTrace"][-1]


def test_a_timeout(start: Callable[..., Caller]) -> None:
    """
    B4, word for word, with the log the service writes; the next call has a new process, and no
    INIT_START is seen.
    """
    lambda_ = start(timeout_s=2)
    first = lambda_.do("who").json["pid"]
    reply = lambda_.do("wait", seconds=30, tail=True)
    request_id = reply.headers["x-amzn-requestid"]
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert reply.body.decode() == (
        '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: '
        f'{request_id} Error: Task timed out after 2.00 seconds"}}'
    )
    start_line, timed_out, end, report, nothing = reply.log.split("\n")
    assert start_line == f"START RequestId: {request_id} Version: $LATEST"
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z {request_id} Task timed out after 2\.00 seconds", timed_out
    )
    assert end == f"END RequestId: {request_id}"
    assert report.startswith(
        f"REPORT RequestId: {request_id}\tDuration: 2000.00 ms\tBilled Duration: 2000 ms\t"
    )
    assert report.endswith("\tStatus: timeout\tError Type: Sandbox.Timedout\t")
    assert nothing == ""
    assert lambda_.do("who").json["pid"] != first
    assert sum(line.startswith("INIT_START") for line in lambda_.local.logs) == 1


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"do": "leave", "status": 0}, "Runtime exited without providing a reason"),
        ({"do": "leave", "status": 1}, "Runtime exited with error: exit status 1"),
        ({"do": "leave", "status": 137}, "Runtime exited with error: exit status 137"),
        ({"do": "leave", "status": 139}, "Runtime exited with error: exit status 139"),
        ({"do": "sys_exit", "status": 3}, "Runtime exited with error: exit status 3"),
        ({"do": "die", "signal": "KILL"}, "Runtime exited with error: signal: killed"),
        ({"do": "die", "signal": "SEGV"}, "Runtime exited with error: signal: segmentation fault"),
        ({"do": "die", "signal": "TERM"}, "Runtime exited with error: signal: terminated"),
    ],
)
def test_an_exit(lambda_: Caller, event: dict[str, Any], text: str) -> None:
    """B5 and B6; the next call succeeds with a new process."""
    reply = lambda_.post(json.dumps(event).encode(), {"X-Amz-Log-Type": "Tail"})
    request_id = reply.headers["x-amzn-requestid"]
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    message = f"RequestId: {request_id} Error: {text}"
    assert reply.json == {"errorType": "Runtime.ExitError", "errorMessage": message}
    assert f"\n{message}\nRuntime.ExitError\nEND RequestId: {request_id}\n" in reply.log
    assert reply.log.endswith("\tStatus: error\tError Type: Runtime.ExitError\t\n")
    assert lambda_.do("who").json["calls"] == 1


def test_a_response_that_is_too_large(start: Callable[..., Caller]) -> None:
    """
    B7: the limit passes; one byte more is an error, and ends
    the runtime client (1.2), not us.
    """
    lambda_ = start()
    limit = contract.RESPONSE_LIMIT_BYTES
    reply = lambda_.do("answer", bytes=limit)
    assert (reply.status, len(reply.body)) == (200, limit)
    reply = lambda_.do("answer", bytes=limit + 1)
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert reply.body == (
        b'{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size'
        b' exceeded maximum allowed payload size (6291556 bytes)."}'
    )
    assert lambda_.do("who").status == 200


def test_the_tail_is_the_last_4096_bytes(lambda_: Caller) -> None:
    """B8: of this invocation, the function's output and the platform's lines; only if asked for."""
    reply = lambda_.do("talk", text="a line of output\n", times=1_000, tail=True)
    log = base64.b64decode(reply.headers["x-amz-log-result"])
    assert len(log) == contract.LOG_TAIL_BYTES
    assert b"a line of output\nEND RequestId: " in log
    short = lambda_.do("talk", text="out\n", error="err\n", tail=True)
    lines = short.log.split("\n")
    assert [line.split(" ")[0].split("\t")[0] for line in lines] == [
        "START",
        "out",
        "err",
        "END",
        "REPORT",
        "",
    ]
    assert "x-amz-log-result" not in lambda_.do("who").headers


def test_dry_run(lambda_: Caller) -> None:
    """B10: 204, and the function does not run."""
    before = lambda_.do("who").json["calls"]
    reply = lambda_.post(b"{}", {"X-Amz-Invocation-Type": "DryRun"})
    assert (reply.status, reply.body) == (204, b"")
    assert set(reply.headers) <= {"x-amzn-requestid", "date", "content-length"}
    assert lambda_.do("who").json["calls"] == before + 1


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
    """
    6.2: by name, partial or full ARN, with the qualifier in either place; the function sees the ARN
    as it was invoked.
    """
    lambda_ = start(aliases={"live": "7", "7": "7"})
    path = f"/2015-03-31/functions/{name}/invocations{query}"
    reply = lambda_.request("POST", path, b'{"do":"who"}')
    assert (reply.status, reply.headers["x-amz-executed-version"]) == (200, version)
    assert reply.json["arn"].removeprefix(lambda_.local.config.arn) == suffix


def context_header(data: bytes) -> dict[str, str]:
    """Give the header of a client context."""
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


def test_a_client_that_goes_away(start: Callable[..., Caller]) -> None:
    """B18: the invocation continues to its end, and the environment serves the next call."""
    lambda_ = start(concurrency=1)
    import socket

    host, port = lambda_.local.invoke_url.removeprefix("http://").split(":")
    body = b'{"do":"wait","seconds":0.5}'
    with socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"POST /2015-03-31/functions/tested/invocations HTTP/1.1\r\nHost: l\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        while not any(line.startswith("START") for line in lambda_.local.logs):
            pass
    while lambda_.local.under_way:
        pass
    assert sum(line.startswith("END") for line in lambda_.local.logs) == 1
    assert lambda_.do("who").json["calls"] == 2


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
