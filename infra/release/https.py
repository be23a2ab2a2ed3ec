"""One HTTPS request, verified, signed and proxied like boto3's own.

A simulated cloud is reached in the same way: as a proxy, which serves its own authority.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionError as NotConnected
from botocore.exceptions import HTTPClientError, SSLError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from infra.release.errors import NotHealthy
from infra.release.target import Target
from infra.settings.simulated import CA_PATH

_PATIENCE_S: Final = 35
"""For connecting and for waiting on bytes: an HTTP API itself gives up after 30 s."""


@dataclass(frozen=True)
class Answer:
    """An answer over HTTPS; status 0 means that there was none, and the body says why."""

    status: int
    body: bytes


def post(
    target: Target, url: str, body: bytes, headers: Mapping[str, str], *, signed: bool
) -> Answer:
    """Post to an API of the target; NotHealthy if there are no credentials to sign with."""
    request = AWSRequest("POST", url, data=body, headers=headers)
    if signed:
        SigV4Auth(_credentials(target), "execute-api", target.region or "").add_auth(request)
    try:
        with _session(target, url) as session:
            answer = session.send(request.prepare())
            return Answer(answer.status_code, answer.content)
    except (NotConnected, HTTPClientError) as error:
        return Answer(0, _reason(error).encode())


@contextlib.contextmanager
def _session(target: Target, url: str) -> Iterator[URLLib3Session]:
    proxies: Any = get_environ_proxies(url)
    configured = botocore.session.Session().get_config_variable("ca_bundle")
    verify: Any = configured or os.environ.get("REQUESTS_CA_BUNDLE", True)
    with tempfile.TemporaryDirectory() as folder:
        if target.simulated:
            cloud = f"http://{urlsplit(target.simulated).netloc}"
            proxies, verify = {"https": cloud}, f"{folder}/ca.pem"
            Path(verify).write_bytes(_authority_of(cloud))
        session = URLLib3Session(verify=verify, proxies=proxies, timeout=_PATIENCE_S)
        with contextlib.closing(session):
            yield session


def _authority_of(cloud: str) -> bytes:
    with contextlib.closing(URLLib3Session(timeout=_PATIENCE_S)) as session:
        answer = session.send(AWSRequest("GET", cloud + CA_PATH).prepare())
    if answer.status_code != 200:
        raise NotHealthy(
            f"{cloud}{CA_PATH}: expected the authority of a simulated cloud, "
            f"got {answer.status_code}: is it `lambake cloud`?"
        )
    return answer.content


def _reason(error: BaseException) -> str:
    cause = error
    while cause.__context__ is not None:
        cause = cause.__context__
    if not isinstance(error, SSLError):
        return str(cause) or type(cause).__name__
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
        return f"it speaks no TLS: {cause}"
    return f"its certificate is refused: {getattr(cause, 'verify_message', cause)}"


def _credentials(target: Target) -> Any:
    if target.simulated:
        return Credentials("simulated", "simulated")
    found = botocore.session.Session().get_credentials()
    if found is None:
        raise NotHealthy("expected credentials to sign with, got none: aws configure")
    return found.get_frozen_credentials()
