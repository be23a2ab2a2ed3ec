"""A caller's first request: one prediction through the released front, over HTTPS.

A front that requires a token, which this command does not have, must refuse; Invoke then predicts.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from infra.local.fronts.http_api import HTTP_API
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import ResultError
from infra.release.aws_errors import code_of
from infra.release.errors import NotDeployed, NotHealthy
from infra.release.https import Answer, post
from infra.release.target import ALIAS, Target
from infra.settings import Sample
from infra.settings.front import FrontConfig

PATIENCE_S: Final = 60.0
"""A new API's address, and the right to call it, take a while to be known everywhere."""

_REMEDIES: Final = {
    0: "is the network open? HTTPS_PROXY, NO_PROXY and AWS_CA_BUNDLE are respected; "
    "a domain needs its DNS record (lambake status)",
    200: "somebody changed the API's route: lambake plan shows how",
    403: "may these credentials call it? They need execute-api:Invoke",
    429: "callers use up aws.api.rate_per_s, or aws.reserved_concurrency",
}


def smoke(
    target: Target,
    api_url: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> str:
    """Send the sample through the API until it is answered; return a line about the answer.

    NotHealthy: no expected answer within a minute; says what the last one was.
    """
    sample = target.sample
    if sample is None:
        return "not tried: function.yaml has no sample"
    auth = target.aws.api.auth
    expected = 401 if auth == "jwt" else 200
    answer = _ask_until(
        lambda: _post_sample(target, sample, api_url, signed=auth == "iam"),
        (expected,),
        sleep,
        now_s,
    )
    _require(answer, (expected,), api_url, target)
    if auth == "jwt":
        seen = _summary(_invoke_sample(target, sample, api_url))
        return f"401 without a token, as expected; by Invoke {seen}"
    return _summary(answer)


def require_closed(
    target: Target,
    api_url: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> None:
    """Require, within a minute, that calls without authorisation are refused."""
    sample = target.sample
    if target.aws.api.auth == "none" or sample is None:
        return
    refused = (401, 403)
    answer = _ask_until(
        lambda: _post_sample(target, sample, api_url, signed=False), refused, sleep, now_s
    )
    _require(answer, refused, f"{api_url}, unsigned", target)


def invoke(
    target: Target,
    payload: str,
    *,
    event: bool = False,
    tail: Callable[[str], object] | None = None,
) -> tuple[bool, str]:
    """Invoke the function; return whether it succeeded, and the answer as text.

    An `event` is not awaited; `tail` receives the end of the log.
    """
    try:
        answered = target.client("lambda").invoke(
            FunctionName=target.name,
            Qualifier=ALIAS,
            InvocationType="Event" if event else "RequestResponse",
            LogType="Tail" if tail else "None",
            Payload=payload.encode(),
        )
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise NotDeployed(target.stage) from error
        raise
    if tail:
        tail(base64.b64decode(answered.get("LogResult", "")).decode(errors="replace"))
    text = "202 Accepted" if event else answered["Payload"].read().decode()
    return "FunctionError" not in answered, text


def _ask_until(
    asked: Callable[[], Answer],
    expected: Collection[int],
    sleep: Callable[[float], None],
    now_s: Callable[[], float],
) -> Answer:
    """Ask until the answer is as expected, for a minute at most; return the last one."""
    end = now_s() + PATIENCE_S
    while True:
        answer = asked()
        if answer.status in expected or now_s() >= end:
            return answer
        sleep(2.0)


def _require(answer: Answer, expected: Collection[int], where: str, target: Target) -> None:
    if answer.status in expected:
        return
    back = f"lambake rollback --stage {target.stage} returns to the previous version"
    raise NotHealthy(
        f"{where}: expected {' or '.join(map(str, expected))}, "
        f"got {answer.status or 'no answer'}: {_line(answer.body)}\n"
        f"{_REMEDIES.get(answer.status, back)}"
    )


def _line(body: bytes) -> str:
    text = " ".join(body[:300].decode(errors="replace").split())
    return "".join(character for character in text if character.isprintable())


def _summary(answer: Answer) -> str:
    try:
        said = json.loads(answer.body)
        answers = ", ".join(map(_short, said["predictions"]))
        return f"200: model {said['model']} {said['version']} says {answers}"
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"200, {len(answer.body)} bytes"  # the sample is not for one of our models


def _short(prediction: Mapping[str, Any]) -> str:
    """Return a label, labels or a value; of a longer answer, what it has and how many."""
    for key in ("label", "value", "labels"):
        if key in prediction:
            answer = prediction[key]
            return " and ".join(answer) or "no label" if key == "labels" else str(answer)
    return ", ".join(f"{len(value)} {key}" for key, value in prediction.items())


def _request(sample: Sample, api_url: str) -> Request:
    """Return the sample as a request."""
    path, _, query = sample.path.partition("?")
    fields = (("host", urlsplit(api_url).netloc), ("content-type", sample.media_type))
    return Request("POST", path, query, fields, sample.read(), port=443, scheme="https")


def _post_sample(target: Target, sample: Sample, api_url: str, *, signed: bool) -> Answer:
    request = _request(sample, api_url)
    url = api_url.rstrip("/") + sample.path
    return post(target, url, request.body, dict(request.fields), signed=signed)


def _invoke_sample(target: Target, sample: Sample, api_url: str) -> Answer:
    """Send the function the event that the front would have sent."""
    visit = HTTP_API.visit(_request(sample, api_url), FrontConfig(), Moment.now())
    succeeded, text = invoke(target, json.dumps(HTTP_API.event(visit)))
    answer = Answer(500, text.encode())  # as the front reports a result that is not a response
    if succeeded:
        with contextlib.suppress(ResultError):
            response = HTTP_API.response(text.encode(), visit)
            answer = Answer(response.status, response.body)
    _require(answer, (200,), f"{target.name}:{ALIAS} by Invoke", target)
    return answer
