"""HTTP APIs by their host, and aliases by weight: the emulator is moto's data plane."""

from __future__ import annotations

import contextlib
import http.client
import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.exceptions import UnknownAliasException

from infra.cloud.cloud import Cloud
from infra.cloud.versions import function_behind, named
from tests.infra.cloud.clouds import REGION, Client, created, told


@pytest.fixture(scope="module")
def function(client: Client) -> str:
    """Create a function with an alias, and give the alias's ARN."""
    name = created(client)
    client("lambda").publish_version(FunctionName=name)
    alias = client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return str(alias["AliasArn"])


def api(client: Client, function: str, auth: str = "NONE", *, route: str = "$default") -> str:
    """Create an API before a function, and give its host."""
    gateway = client("apigatewayv2")
    identifier = gateway.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    made = gateway.create_integration(
        ApiId=identifier, IntegrationType="AWS_PROXY", IntegrationUri=uri,
        PayloadFormatVersion="2.0",
    )  # fmt: skip
    gateway.create_route(
        ApiId=identifier,
        RouteKey=route,
        AuthorizationType=auth,
        Target=f"integrations/{made['IntegrationId']}",
    )
    return f"{identifier}.execute-api.{REGION}.amazonaws.com"


def asked(echoing: Cloud, host: str, **headers: str) -> tuple[int, Any]:
    """Post to a host that is the cloud, as its callers do."""
    connection = http.client.HTTPConnection(echoing.url.removeprefix("http://"))
    target = "/a%2Fb/c?x=1&x=2"
    connection.request("POST", target, b"\x00body", {"host": host, "x-mine": "1", **headers})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def test_an_api_reaches_its_function(echoing: Cloud, client: Client, function: str) -> None:
    """By the alias, with host, path, query, header and body as they came."""
    host = api(client, function)
    status, body = asked(echoing, host)
    assert status == 200
    event = body["event"]
    assert event["headers"]["host"] == event["requestContext"]["domainName"] == host
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b/c", "x=1&x=2")
    assert event["headers"]["x-mine"] == "1"
    assert event["body"] == "AGJvZHk="


@pytest.mark.parametrize(
    ("auth", "status", "message"), [("AWS_IAM", 403, "Forbidden"), ("JWT", 401, "Unauthorized")]
)
def test_strangers(
    echoing: Cloud, client: Client, function: str, auth: str, status: int, message: str
) -> None:
    """Without authorisation the function is not reached; with any it is, unread."""
    host = api(client, function, auth)
    assert asked(echoing, host) == (status, {"message": message})
    carried = "AWS4-HMAC-SHA256 any" if auth == "AWS_IAM" else "Bearer a.b.c"
    assert asked(echoing, host, authorization=carried)[0] == 200


def test_what_is_not_there(echoing: Cloud, client: Client, function: str) -> None:
    """No such API, and an API without the one route that is looked at."""
    assert asked(echoing, f"nowhere.execute-api.{REGION}.amazonaws.com") == (
        404,
        {"message": "Not Found"},
    )
    assert asked(echoing, api(client, function, route="GET /a"))[0] == 404


def test_an_api_before_something_else(echoing: Cloud, client: Client) -> None:
    """An integration that is no function of Lambda's."""
    expected = "The simulated cloud expected integrations with one function."
    assert asked(echoing, api(client, "none")) == (500, {"message": expected})


def test_an_api_made_in_one_call(echoing: Cloud, client: Client, function: str) -> None:
    """`Target` makes integration, route and stage."""
    made = client("apigatewayv2").create_api(Name="quick", ProtocolType="HTTP", Target=function)
    status, body = asked(echoing, made["ApiEndpoint"].removeprefix("https://"))
    assert (status, body["event"]["routeKey"], body["arn"]) == (200, "$default", function)


@pytest.mark.parametrize("auth", ["NONE", "AWS_IAM"])
def test_a_function_url(echoing: Cloud, client: Client, function: str, auth: str) -> None:
    """It reaches the alias it is for, open or for signed requests only."""
    made = client("lambda").create_function_url_config(
        FunctionName=function.split(":")[6], Qualifier="live", AuthType=auth
    )
    assert made["FunctionArn"] == function
    host = made["FunctionUrl"].removeprefix("https://")
    signed = {"authorization": "AWS4-HMAC-SHA256 any"} if auth == "AWS_IAM" else {}
    status, body = asked(echoing, host, **signed)
    assert (status, body["arn"]) == (200, function)
    assert body["event"]["requestContext"]["domainName"] == host
    if signed:
        assert asked(echoing, host)[0] == 403
    with pytest.raises(ClientError, match="InvokeMode to be BUFFERED"):
        client("lambda").create_function_url_config(
            FunctionName=function, AuthType=auth, InvokeMode="RESPONSE_STREAM"
        )


@pytest.mark.parametrize(("origin", "status"), [("https://a.example", 204), ("https://b", 403)])
def test_pages(echoing: Cloud, client: Client, function: str, origin: str, status: int) -> None:
    """A page that the CORS of an API names asks it first, without authorization; others may not."""
    host = api(client, function, "AWS_IAM")
    client("apigatewayv2").update_api(
        ApiId=host.partition(".")[0],
        CorsConfiguration={"AllowOrigins": ["https://a.example"], "AllowMethods": ["*"]},
    )
    asking = {"host": host, "origin": origin, "access-control-request-method": "POST"}
    connection = http.client.HTTPConnection(echoing.url.removeprefix("http://"))
    with contextlib.closing(connection):
        connection.request("OPTIONS", "/a", None, asking)
        answer = connection.getresponse()
        told = answer.getheader("access-control-allow-origin")
        assert (answer.status, told) == (status, origin if status == 204 else None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 201), ({"origin": "https://b.example"}, 403), ({"host": "b.example"}, 403)],
)
def test_strangers_pages(echoing: Cloud, headers: dict[str, str], status: int) -> None:
    """No page may call the cloud itself: neither by name, nor by the CORS that moto would open."""
    connection = http.client.HTTPConnection(echoing.url.removeprefix("http://"))
    with contextlib.closing(connection):
        connection.request("GET", "/moto-api/config", None, headers)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.getheader("access-control-allow-origin")) == (status, None)


ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("text", "name", "qualifier"),
    [
        ("f", "f", None),
        ("f:live", "f", "live"),
        (ARN, ARN, None),
        (f"{ARN}:live", ARN, "live"),
        ("123456789012:function:f:1", "123456789012:function:f", "1"),
        ("a:b:c", "a:b:c", None),
    ],
)
def test_names(text: str, name: str, qualifier: str | None) -> None:
    """A name or an ARN may carry the qualifier."""
    assert named(text) == (name, qualifier)


def test_a_qualifier_in_the_name(client: Client, function: str) -> None:
    """It is the alias that is invoked, by its version."""
    answer = client("lambda").invoke(FunctionName=function.split(":function:")[1])
    assert answer["ExecutedVersion"] == "1"
    assert told(answer)["arn"] == function


class Backend:
    """Keep versions, and an alias at 1 with a share for 2."""

    def get_function(self, name: str, qualifier: str | None = None) -> SimpleNamespace:
        """Find one."""
        return SimpleNamespace(
            function_name=name, version="1" if qualifier == "live" else qualifier
        )

    def get_alias(self, alias: str, _name: str) -> SimpleNamespace:
        """Find the one alias."""
        if alias != "live":
            raise UnknownAliasException("arn")
        return SimpleNamespace(routing_config={"AdditionalVersionWeights": {"2": 0.1}})


@pytest.mark.parametrize(
    ("qualifier", "drawn", "version"),
    [
        ("live", 0.0, "2"),
        ("live", 0.099, "2"),
        ("live", 0.1, "1"),
        ("3", 0.0, "3"),
        (None, 0, None),
    ],
)
def test_weights(qualifier: str | None, drawn: float, version: str | None) -> None:
    """A draw below the share is the new version's; a version's number is itself."""
    found = function_behind(Backend(), "f", qualifier, lambda: drawn)
    assert found.version == version
