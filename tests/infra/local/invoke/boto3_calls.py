"""Invoke through a real boto3 client that does not retry, and look at all there is to an answer."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.infra.local.invoke.calls import Caller

NAME = "tested"
ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}"
FRAME = {"date", "content-length", "content-type", "x-amzn-requestid"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def invoke(lambda_: Caller, payload: Any = None, **asked: Any) -> Any:
    """Invoke, with an act or another payload; the answer's is read, which frees the connection."""
    if payload is not None:
        asked["Payload"] = payload if isinstance(payload, bytes) else json.dumps(payload)
    answer = lambda_.client.invoke(**{"FunctionName": NAME, **asked})
    return {**answer, "Payload": answer["Payload"].read()}


def told(answer: Any) -> Any:
    """Read the payload."""
    return json.loads(answer["Payload"])


def frame(answer: Any) -> tuple[int, set[str]]:
    """Give the status, twice told, and the names of the headers."""
    described = answer["ResponseMetadata"]
    assert described["HTTPStatusCode"] == answer["StatusCode"]
    assert described["RetryAttempts"] == 0
    assert _UUID.fullmatch(described["RequestId"])
    assert described["HTTPHeaders"]["x-amzn-requestid"] == described["RequestId"]
    return answer["StatusCode"], set(described["HTTPHeaders"])
