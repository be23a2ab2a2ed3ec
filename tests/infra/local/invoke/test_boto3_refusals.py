"""
What the Invoke API refuses, through a real boto3 client: docs/contract.md 6.2, B11 to B17.

Asserted of each: the exception's class, the status, the headers, the payload.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from infra.local import contract
from tests.infra.local.invoke.boto3_calls import ARN, FRAME, NAME, frame, invoke
from tests.infra.local.invoke.calls import Caller


def refused(kind: type[Exception], call: Callable[[], Any]) -> Any:
    """Give the response in the exception that a call raises: of just this class."""
    with pytest.raises(ClientError) as caught:
        call()
    assert type(caught.value) is kind
    response = caught.value.response
    described = response["ResponseMetadata"]
    assert set(described["HTTPHeaders"]) == FRAME | {"x-amzn-errortype"}
    assert described["HTTPHeaders"]["content-type"] == "application/json"
    assert described["RequestId"] == described["HTTPHeaders"]["x-amzn-requestid"]
    assert described["HTTPHeaders"]["x-amzn-errortype"] == response["Error"]["Code"]
    return response


def status_of(response: Any) -> int:
    """Give a refusal's status."""
    found: int = response["ResponseMetadata"]["HTTPStatusCode"]
    return found


def test_b11_unknown_function(lambda_: Caller) -> None:
    """B11: ResourceNotFoundException, with the ARN; also for an unknown qualifier."""
    kind = lambda_.client.exceptions.ResourceNotFoundException
    for asked, arn in (
        ({"FunctionName": "other"}, f"{ARN.removesuffix(NAME)}other:$LATEST"),
        ({"Qualifier": "nope"}, f"{ARN}:nope"),
    ):
        response = refused(kind, partial(invoke, lambda_, **asked))
        assert (status_of(response), response["Type"]) == (404, "User")
        assert response["Error"]["Message"] == f"Function not found: {arn}"


@pytest.mark.parametrize("payload", [b"nope", b'"\xff"', b"NaN"])
def test_b12_not_json(lambda_: Caller, payload: bytes) -> None:
    """B12: InvalidRequestContentException."""
    kind = lambda_.client.exceptions.InvalidRequestContentException
    response = refused(kind, lambda: invoke(lambda_, payload))
    assert (status_of(response), response["Type"]) == (400, "User")
    begin = "Could not parse request body into json: Could not parse payload into json: "
    assert response["Error"]["Message"].startswith(begin)


def test_b13_too_large(lambda_: Caller) -> None:
    """B13: the name on the wire is not the modelled one, so that it is a bare ClientError."""
    limit = contract.SYNC_REQUEST_LIMIT_BYTES
    answer = invoke(lambda_, b'"' + b"x" * (limit - 2) + b'"')
    assert (frame(answer)[0], len(answer["Payload"])) == (200, limit)
    response = refused(ClientError, lambda: invoke(lambda_, b'"' + b"x" * (limit - 1) + b'"'))
    assert status_of(response) == 413
    assert response["Error"] == {
        "Code": "RequestEntityTooLargeException",
        "Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    }


def test_b14_event_too_large(lambda_: Caller) -> None:
    """B14: an event has a limit of its own."""
    limit = contract.EVENT_REQUEST_LIMIT_BYTES
    event = partial(invoke, lambda_, InvocationType="Event")
    assert frame(event(b'"' + b"x" * (limit - 2) + b'"')) == (202, FRAME)
    lambda_.local.drained()
    response = refused(ClientError, lambda: event(b'"' + b"x" * (limit - 1) + b'"'))
    assert (status_of(response), response["Error"]["Code"]) == (
        413,
        "RequestEntityTooLargeException",
    )
    assert response["Error"]["Message"] == (
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    )


def test_b15_no_free_environment(start: Callable[..., Caller], tmp_path: Path) -> None:
    """
    B15: TooManyRequestsException with its Reason; an Event
    waits instead, and runs afterwards.
    """
    lambda_ = start(concurrency=1, reserved_concurrency=1)
    with lambda_.busy(tmp_path) as answers:
        kind = lambda_.client.exceptions.TooManyRequestsException
        response = refused(kind, lambda: invoke(lambda_))
        assert (status_of(response), response["Type"]) == (429, "User")
        assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert response["Error"]["Message"] == "Rate Exceeded."
        waiting = invoke(lambda_, {"do": "who"}, InvocationType="Event")
        assert frame(waiting) == (202, FRAME)
        request_id = waiting["ResponseMetadata"]["RequestId"]
        assert not any(request_id in line for line in lambda_.local.logs)
    assert [answer.result().status for answer in answers] == [200]
    lambda_.local.drained()
    assert f"END RequestId: {request_id}" in lambda_.local.logs
    assert frame(invoke(lambda_))[0] == 200


@pytest.mark.parametrize(
    ("asked", "member"),
    [
        ({"InvocationType": "nope"}, "'nope' at 'invocationType'"),
        ({"LogType": "nope"}, "'nope' at 'logType'"),
        ({"FunctionName": "sp ace"}, "'sp ace' at 'functionName'"),
        ({"FunctionName": "a" * 65}, "at 'functionName'"),
    ],
)
def test_b16_not_valid(lambda_: Caller, asked: dict[str, str], member: str) -> None:
    """B16: botocore does not check these itself; the emulator's refusal is a ClientError."""
    response = refused(ClientError, lambda: invoke(lambda_, **asked))
    assert status_of(response) == 400
    assert response["Error"]["Code"] == "ValidationException"
    assert member in response["Error"]["Message"]


def test_b16_contradiction(start: Callable[..., Caller]) -> None:
    """B16: two qualifiers that differ are an InvalidParameterValueException."""
    lambda_ = start(aliases={"live": "1", "next": "2"})
    kind = lambda_.client.exceptions.InvalidParameterValueException
    call = partial(invoke, lambda_, FunctionName=f"{NAME}:live", Qualifier="next")
    response = refused(kind, call)
    assert status_of(response) == 400
    assert response["Error"]["Message"] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"FunctionName": ""}, "Invalid length for parameter FunctionName, value: 0"),
        ({"Qualifier": ""}, "Invalid length for parameter Qualifier, value: 0"),
        ({"Payload": 5}, "Invalid type for parameter Payload, value: 5"),
        ({"ClientContext": {}}, "Invalid type for parameter ClientContext, value: {}"),
        ({"Body": b""}, 'Unknown parameter in input: "Body"'),
    ],
)
def test_b16_what_botocore_refuses_itself(
    lambda_: Caller, asked: dict[str, Any], message: str
) -> None:
    """B16: these never reach the emulator, as they never reach the service."""
    before = len(lambda_.local.logs)
    with pytest.raises(ParamValidationError, match=re.escape(message)):
        invoke(lambda_, **asked)
    assert len(lambda_.local.logs) == before


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (base64.b64encode(b"x" * 2_688).decode(), "Client context must be at most 3583 bytes"),
        ("!!!", "Client context must be a valid Base64-encoded JSON object"),
    ],
    ids=["too long", "no base64"],
)
def test_b17_client_context(lambda_: Caller, context: str, message: str) -> None:
    """B17: botocore passes any text on; how the service refuses it is not recorded [?]."""
    kind = lambda_.client.exceptions.InvalidRequestContentException
    response = refused(kind, partial(invoke, lambda_, ClientContext=context))
    assert (status_of(response), response["Error"]["Message"]) == (400, message)
