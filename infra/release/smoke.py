"""
One prediction through the released front, and one by Invoke: what a caller would do first.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import mimetypes
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.release.errors import NotHealthy
from infra.release.target import ALIAS, Target

PATIENCE_S: Final = 60.0
"""A new API's address is not known everywhere at once."""

_ANSWER_S: Final = 35


@dataclass(frozen=True)
class Answer:
    """
    Be what came back over HTTPS.
    """

    status: int
    body: bytes


def smoke(
    target: Target,
    api_url: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> str:
    """
    Send the sample of function.yaml through the API, until it is answered.

    Returns:
        What was seen, as one line.

    Raises:
        NotHealthy: no answer as expected in a minute; says what came last.
    """
    auth = target.aws["api"]["auth"]
    if not target.settings.get("sample"):
        return "not tried: function.yaml has no sample"
    expected = 401 if auth == "jwt" else 200  # we have no token: refused is as it must be
    end = now_s() + PATIENCE_S
    while True:
        answer = _sample(target, api_url, signed=auth == "iam")
        if answer.status == expected:
            return _seen(answer, auth)
        if now_s() >= end:
            text = answer.body[:300].decode(errors="replace")
            raise NotHealthy(
                f"{api_url}: expected {expected}, came {answer.status or 'no answer'}: {text}\n"
                f"python -m infra rollback --stage {target.stage} goes back to the version before"
            )
        sleep(2.0)


def require_closed(target: Target, api_url: str) -> None:
    """
    See that nobody is let in without authorisation, where there is one.

    Raises:
        NotHealthy: somebody is.
    """
    if target.aws["api"]["auth"] == "none" or not target.settings.get("sample"):
        return
    answer = _sample(target, api_url, signed=False)
    if answer.status not in (401, 403):
        raise NotHealthy(f"{api_url}: expected 401 or 403 unsigned, came {answer.status}")


def invoke(target: Target, payload: str, *, qualifier: str = ALIAS) -> tuple[bool, str]:
    """
    Invoke the function.

    Returns:
        Whether it succeeded, and the answer as text.
    """
    answered = target.client("lambda").invoke(
        FunctionName=target.name, Qualifier=qualifier, Payload=payload.encode()
    )
    return "FunctionError" not in answered, answered["Payload"].read().decode()


def _seen(answer: Answer, auth: str) -> str:
    if auth == "jwt":
        return "401 without a token, as it must be"
    said = json.loads(answer.body)
    if not isinstance(said, dict) or not isinstance(said.get("predictions"), list):
        return f"200, {len(answer.body)} bytes"  # the sample is not of one of our models
    labels = [prediction["label"] for prediction in said["predictions"]]
    return f"200: model {said['model']} {said['version']} says {', '.join(labels)}"


def _sample(target: Target, api_url: str, *, signed: bool) -> Answer:
    sample: Mapping[str, Any] = target.settings["sample"]
    file: Path = target.function_file.parent / sample["file"]
    kind = sample.get("content_type") or mimetypes.guess_type(file.name)[0]
    url, body = api_url + sample["path"], file.read_bytes()
    parts = urlsplit(url)
    headers = {"content-type": kind or "application/octet-stream", "host": parts.netloc}
    if signed:
        request = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(_credentials(target), "execute-api", target.region or "").add_auth(request)
        headers = dict(request.headers.items())
    try:
        with contextlib.closing(_connection(target, parts.netloc)) as connection:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
    except OSError as error:
        return Answer(0, str(error).encode())


def _connection(target: Target, host: str) -> http.client.HTTPConnection:
    if target.simulated:  # it listens elsewhere, and goes by the Host
        return http.client.HTTPConnection(urlsplit(target.simulated).netloc, timeout=_ANSWER_S)
    return http.client.HTTPSConnection(host, timeout=_ANSWER_S)


def _credentials(target: Target) -> Any:
    if target.simulated:
        return Credentials("simulated", "simulated")
    found = boto3.session.Session().get_credentials()
    if found is None:
        raise NotHealthy("expected credentials to sign with, came none")
    return found.get_frozen_credentials()
