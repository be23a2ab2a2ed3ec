"""A simulated cloud answers by TLS at the port of plain HTTP, directly and by a tunnel."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from infra.cloud.cloud import Cloud
from tests.infra.cloud.clouds import REGION, Client, created
from tests.infra.cloud.test_apis import api


@pytest.fixture
def trusting(echoing: Cloud) -> ssl.SSLContext:
    """Trust the cloud's authority and no other, strictly."""
    context = ssl.create_default_context(cafile=str(echoing.ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def port_of(echoing: Cloud) -> int:
    """Return the port."""
    return urlsplit(echoing.url).port or 0


def asked(
    echoing: Cloud, context: ssl.SSLContext, path: str, *, host: str = "localhost", tunnel: str = ""
) -> tuple[int, bytes]:
    """Get by HTTPS, in one's own name or by a tunnel."""
    connection = http.client.HTTPSConnection(host, port_of(echoing), context=context)
    if tunnel:
        connection.set_tunnel(tunnel)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_by_a_tunnel(echoing: Cloud, client: Client, trusting: ssl.SSLContext) -> None:
    """Whoever takes the cloud for a proxy speaks TLS with an API's own name, in any region."""
    function = created(client)
    host = api(client, f"arn:aws:lambda:{REGION}:123456789012:function:{function}")
    status, body = asked(echoing, trusting, "/a?b=1", tunnel=host)
    assert (status, json.loads(body)["event"]["rawPath"]) == (200, "/a")
    absent = host.replace(REGION, "ap-southeast-2")
    assert asked(echoing, trusting, "/a", tunnel=absent) == (404, b'{"message":"Not Found"}')
    url = f"absent.lambda-url.{REGION}.on.aws"
    assert asked(echoing, trusting, "/a", tunnel=url) == (403, b'{"message":"Forbidden"}')


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_cloud_itself(echoing: Cloud, trusting: ssl.SSLContext, host: str) -> None:
    """Every service is there by TLS too; the authority is told by plain HTTP as by the file."""
    assert asked(echoing, trusting, "/moto-api/ca.pem", host=host) == (200, echoing.ca.read_bytes())
    connection = http.client.HTTPConnection(host, port_of(echoing))
    with contextlib.closing(connection):
        connection.request("GET", "/moto-api/ca.pem")
        assert connection.getresponse().read() == echoing.ca.read_bytes()


def test_boto3(echoing: Cloud) -> None:
    """It takes the authority as it takes AWS_CA_BUNDLE; large bodies go both ways."""
    url = f"https://localhost:{port_of(echoing)}"
    options: Any = {"region_name": REGION, "endpoint_url": url, "verify": str(echoing.ca)}
    with contextlib.closing(boto3.client("s3", **options)) as s3:
        s3.create_bucket(Bucket="by-tls")
        s3.put_object(Bucket="by-tls", Key="key", Body=b"x" * 3_000_000)
        assert s3.get_object(Bucket="by-tls", Key="key")["Body"].read() == b"x" * 3_000_000
    with contextlib.closing(boto3.client("sqs", **options)) as sqs:
        assert sqs.create_queue(QueueName="q")["QueueUrl"].startswith(f"{url}/")


def test_who_does_not_trust(
    echoing: Cloud, trusting: ssl.SSLContext, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is not the cloud's and an unknown authority are refused; it is no error here."""
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        asked(echoing, trusting, "/", tunnel="example.com")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        asked(echoing, ssl.create_default_context(), "/")
    assert asked(echoing, trusting, "/")[0] == 200
    assert "Traceback" not in capsys.readouterr().err


def test_who_says_nothing(echoing: Cloud, trusting: ssl.SSLContext) -> None:
    """A client that is silent, or stops in the middle of a handshake, keeps nobody waiting."""
    address = ("127.0.0.1", port_of(echoing))
    with socket.create_connection(address), socket.create_connection(address) as half:
        half.sendall(b"\x16\x03\x01")
        assert asked(echoing, trusting, "/")[0] == 200


def test_a_tunnel_in_tls(echoing: Cloud, trusting: ssl.SSLContext) -> None:
    """The cloud is a proxy by plain HTTP only."""
    connection = http.client.HTTPSConnection("localhost", port_of(echoing), context=trusting)
    with contextlib.closing(connection):
        connection.request("CONNECT", "example.com:443")
        assert connection.getresponse().status == 501
