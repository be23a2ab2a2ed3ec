"""Requests as events: the routes and the request context, the
cells of docs/contract.md 6.5.1 about them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.local.fronts.request import Moment
from tests.infra.local.fronts.front_requests import (
    ALBS,
    FRONT_NAMES,
    MOMENT,
    V1,
    V2,
    event,
    request,
)


def test_ids_and_times() -> None:
    """Each front has its own kind of request id, and writes the time like an access log."""
    ids: dict[str, Any] = {name: event(name, request())["requestContext"] for name in FRONT_NAMES}
    assert ids["http_api"]["requestId"] == MOMENT.short_id
    assert ids["function_url"]["requestId"] == MOMENT.uuid
    for front in V1:
        assert ids[front]["requestId"] == MOMENT.uuid
        assert ids[front]["extendedRequestId"] == MOMENT.short_id
        assert ids[front]["requestTime"] == "10/Jul/2026:19:19:05 +0000"
        assert ids[front]["requestTimeEpoch"] == 1783711145500
    for front in V2:
        assert ids[front]["time"] == "10/Jul/2026:19:19:05 +0000"
        assert ids[front]["timeEpoch"] == 1783711145500
    for front in ALBS:
        assert set(ids[front]) == {"elb"}


def test_moment() -> None:
    """A moment's ids look like the service's, and no two are alike."""
    one, two = Moment.now(), Moment.now()
    assert len(one.short_id) == 16
    assert one.short_id.endswith("=")
    assert one.trace_id.startswith(f"Root=1-{int(one.now_s):08x}-")
    assert (one.uuid, one.short_id, one.trace_id) != (two.uuid, two.short_id, two.trace_id)


def test_accounts() -> None:
    """The account is told, but by a Function URL that anybody may call."""
    for front in ("http_api", *V1):
        made = event(front, request(), account_id="999999999999", api_id="abc")
        assert made["requestContext"]["accountId"] == "999999999999"
        assert made["requestContext"]["apiId"] == "abc"
    assert event("function_url", request())["requestContext"]["accountId"] == "anonymous"
    arn = event("alb", request(), region="eu-west-1")["requestContext"]["elb"]["targetGroupArn"]
    assert arn.startswith("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/")


@pytest.mark.parametrize(
    ("host", "domain", "prefix"),
    [
        (
            "abc.execute-api.us-east-1.amazonaws.com",
            "abc.execute-api.us-east-1.amazonaws.com",
            "abc",
        ),
        ("localhost:8080", "localhost", "localhost"),
        ("[::1]:8080", "[::1]", "[::1]"),
    ],
)
def test_domain(host: str, domain: str, prefix: str) -> None:
    """The domain is the host that was asked for, without its port; a Function URL has its own."""
    asked = replace(request(), fields=(("host", host),))
    for front in (*V2, *V1):
        context = event(front, asked)["requestContext"]
        expected = domain, prefix
        if front == "function_url":
            expected = "local.lambda-url.us-east-1.on.aws", "local"
        assert (context["domainName"], context["domainPrefix"]) == expected


def test_identity() -> None:
    """1.0 tells the caller's address and agent, and null for what it does not know."""
    for front in V1:
        identity = event(front, request(user_agent="u"))["requestContext"]["identity"]
        assert (identity.pop("sourceIp"), identity.pop("userAgent")) == ("127.0.0.1", "u")
        assert set(identity.values()) == {None}
    http = event("http_api", request())["requestContext"]["http"]
    assert (http["sourceIp"], http["userAgent"], http["protocol"]) == ("127.0.0.1", "", "HTTP/1.1")


def test_tls_headers() -> None:
    """A Function URL tells about TLS; the others do not."""
    for front in ("http_api", "function_url", "alb"):
        headers = event(front, request())["headers"]
        assert ("x-amzn-tls-version" in headers) is (front == "function_url")
        assert ("x-amzn-tls-cipher-suite" in headers) is (front == "function_url")


def test_edge() -> None:
    """An edge-optimised REST API shows CloudFront's headers; a regional one does not."""
    regional = set(event("rest_api", request())["headers"])
    edge = event("rest_api", request(), edge=True)
    added = set(edge["headers"]) - regional
    assert {"Via", "X-Amz-Cf-Id", "CloudFront-Viewer-Country"} <= added
    assert edge["multiValueHeaders"]["Via"] == [edge["headers"]["Via"]]


ROUTES = ["GET /p/{id}", "ANY /p/{id}/{rest+}", "POST /p/me", "$default"]


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/p/7", "GET /p/{id}", {"id": "7"}),
        ("GET", "/p/a%20b", "GET /p/{id}", {"id": "a b"}),
        ("PUT", "/p/7", "$default", None),
        ("PUT", "/p/7/x/y", "ANY /p/{id}/{rest+}", {"id": "7", "rest": "x/y"}),
        ("POST", "/p/me", "POST /p/me", None),
        ("GET", "/p", "$default", None),
        ("GET", "/p/", "$default", None),
    ],
)
def test_routes(method: str, path: str, key: str, parameters: dict[str, str] | None) -> None:
    """The most specific route takes a request, with its parameters decoded."""
    asked = request(method, path)
    v2 = event("http_api", asked, routes=ROUTES)
    assert (v2["routeKey"], v2["requestContext"]["routeKey"]) == (key, key)
    assert v2.get("pathParameters") == parameters
    v1 = event("http_api_v1", asked, routes=ROUTES)
    assert v1["resource"] == (key if key == "$default" else key.partition(" ")[2])
    assert v1["pathParameters"] == parameters


def test_stage_variables() -> None:
    """Stage variables are a map, or absent in 2.0 and null in 1.0."""
    variables = {"a": "b"}
    for front in ("http_api", *V1):
        assert event(front, request(), stage_variables=variables)["stageVariables"] == variables
    assert "stageVariables" not in event("http_api", request())
    for front in V1:
        assert event(front, request())["stageVariables"] is None
