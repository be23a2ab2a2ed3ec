"""HTTPS as it is spoken with AWS: verified, signed, by the environment's proxies and CAs."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.cloud.tls import Authority
from infra.release.errors import NotHealthy
from infra.release.https import Answer, post
from infra.release.smoke import smoke
from tests.infra.cloud.clouds import moto_server
from tests.infra.release.fronts import (
    API,
    NAMES,
    TRUSTED,
    Front,
    Handler,
    PlainAtTheEnd,
    expected_signature,
    fronting,
    signed_headers,
)
from tests.infra.release.staged import target_at

AWS = target_at(None)
PATH = "/prod/models/digits/predict?a=1&b=%2F"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Trust one authority, as AWS's are trusted, and know of no proxy."""
    (tmp_path / "ca.pem").write_bytes(TRUSTED.pem)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_signed_request(front: Front, environment: pytest.MonkeyPatch) -> None:
    """Path with prefix and query, host and token of the session: all that was sent is signed."""
    environment.setenv("HTTPS_PROXY", front.url)
    headers = {"content-type": "image/png"}
    assert post(AWS, API + PATH, b"picture", headers, signed=True).status == 200
    ((path, got, body),) = front.got
    assert (path, body, got["host"]) == (PATH, b"picture", API.removeprefix("https://"))
    assert got["x-amz-security-token"] == "testing"
    assert signed_headers(got) == ["content-type", "host", "x-amz-date", "x-amz-security-token"]
    signature = got["authorization"].rpartition("Signature=")[2]
    assert signature == expected_signature(path, got, body)
    assert signature != expected_signature(path, got, b"another")


def test_a_host_without_a_proxy(front: Front, environment: pytest.MonkeyPatch) -> None:
    """NO_PROXY is heeded as HTTPS_PROXY is, and a port is a part of the host."""
    environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    url = f"https://localhost:{front.server_port}"
    assert "refused" in post(AWS, url, b"", {}, signed=False).body.decode()
    environment.setenv("NO_PROXY", "localhost")
    assert post(AWS, url, b"", {}, signed=False).status == 200
    assert front.got[0][1]["host"] == f"localhost:{front.server_port}"


def test_a_simulated_cloud_is_not_behind_a_proxy(
    front: Front, environment: pytest.MonkeyPatch
) -> None:
    """It tells its authority itself, and no proxy of the environment is asked for it."""
    environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environment.delenv("AWS_CA_BUNDLE")
    assert post(front.target(), API, b"", {}, signed=True).status == 200


def test_authorities_that_are_not_told(front: Front, environment: pytest.MonkeyPatch) -> None:
    """Without a bundle of one's own, those are trusted that botocore brings."""
    environment.delenv("AWS_CA_BUNDLE")
    environment.setenv("HTTPS_PROXY", front.url)
    assert post(AWS, API, b"", {}, signed=False) == Answer(
        0, b"its certificate is refused: unable to get local issuer certificate"
    )
    assert front.got == []


UNTRUSTED = [
    (
        Authority.made("another").context(NAMES),
        "its certificate is refused: unable to get local issuer certificate",
    ),
    (
        TRUSTED.context(NAMES, until=datetime(2020, 1, 1, tzinfo=UTC)),
        "its certificate is refused: certificate has expired",
    ),
    (
        TRUSTED.context(["*.execute-api.eu-west-1.amazonaws.com"]),
        "its certificate is refused: hostname 'api.execute-api.us-east-1.amazonaws.com' "
        "doesn't match '*.execute-api.eu-west-1.amazonaws.com'",
    ),
]


@pytest.mark.parametrize(("context", "reason"), UNTRUSTED, ids=["authority", "expired", "name"])
@pytest.mark.parametrize("simulated", [True, False])
def test_a_certificate_not_to_be_trusted(
    context: ssl.SSLContext, reason: str, simulated: bool, environment: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to a server that cannot prove who it is; the smoke test says why."""
    times = iter([0.0, 60.0])
    with fronting(context) as front:
        environment.setenv("HTTPS_PROXY", front.url)
        with pytest.raises(NotHealthy) as ill:
            smoke(front.target() if simulated else AWS, API, now_s=lambda: next(times))
        assert front.got == []
    assert str(ill.value).splitlines()[0] == f"{API}: expected 200, got no answer: {reason}"


def test_plain_http() -> None:
    """An answer without TLS is none."""
    times = iter([0.0, 60.0])
    with fronting(handler=PlainAtTheEnd) as front, pytest.raises(NotHealthy) as ill:
        smoke(front.target(), API, now_s=lambda: next(times))
    line, remedy = str(ill.value).splitlines()
    assert line.startswith(f"{API}: expected 200, got no answer: it speaks no TLS: ")
    assert remedy == (
        "is the network open? HTTPS_PROXY, NO_PROXY and AWS_CA_BUNDLE are respected; "
        "a domain needs its DNS record (lambake status)"
    )


def test_a_proxy_that_refuses(environment: pytest.MonkeyPatch) -> None:
    """Its answer is the reason."""
    with fronting(handler=Handler) as front:  # which knows no CONNECT
        environment.setenv("HTTPS_PROXY", front.url)
        answer = post(AWS, API, b"", {}, signed=False)
    assert answer.status == 0
    assert answer.body.startswith(b"Tunnel connection failed: 501 Unsupported method")


def test_a_name_that_is_not_known(environment: pytest.MonkeyPatch) -> None:
    """DNS has the word, and there is no answer."""

    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    environment.setattr(socket, "getaddrinfo", unknown)
    reason = f"[Errno {socket.EAI_NONAME}] Name or service not known".encode()
    assert post(AWS, API, b"", {}, signed=False) == Answer(0, reason)


def test_a_cloud_that_tells_no_authority() -> None:
    """Plain moto has no TLS: it is said what was expected."""
    with moto_server() as url, pytest.raises(NotHealthy) as ill:
        post(target_at(url), API, b"", {}, signed=True)
    assert str(ill.value) == (
        f"{url}/moto-api/ca.pem: expected the authority of a simulated cloud, got 404: "
        "is it `lambake cloud`?"
    )


@pytest.mark.usefixtures("no_credentials")
def test_nothing_to_sign_with() -> None:
    """Without credentials nothing is sent."""
    with pytest.raises(NotHealthy, match="expected credentials to sign with, got none"):
        post(AWS, API, b"", {}, signed=True)
