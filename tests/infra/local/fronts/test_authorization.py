"""Requests that carry nothing to be let in by: docs/contract.md 6.5.1, the row "auth refused"."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.fronts.authorization import refusal_of
from infra.local.fronts.request import Request
from infra.local.fronts.response import Response
from infra.local.gateway import front_of, gateway_app
from infra.local.http.server import Address
from infra.settings.errors import ConfigError
from tests.infra.local.fronts.front_requests import FRONT_NAMES, request, settings, visit
from tests.infra.local.gateways import Function, got, through
from tests.infra.local.http.raw_http import Wire

SIGNATURE = "AWS4-HMAC-SHA256 Credential=a/20261122/us-east-1/lambda/aws4_request, Signature=b"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"  # pragma: allowlist secret
SESSION = "a=1; AWSELBAuthSessionCookie-0=x; AWSELBAuthSessionCookie-1=y"

REFUSED = [
    ("http_api", "iam", 403, b'{"message":"Forbidden"}'),
    ("http_api", "jwt", 401, b'{"message":"Unauthorized"}'),
    ("http_api_v1", "iam", 403, b'{"message":"Forbidden"}'),
    ("http_api_v1", "jwt", 401, b'{"message":"Unauthorized"}'),
    ("rest_api", "iam", 403, b'{"message":"Missing Authentication Token"}'),
    ("rest_api", "jwt", 401, b'{"message":"Unauthorized"}'),
    ("alb", "oidc", 302, b""),
    ("alb_multi", "oidc", 302, b""),
    (
        "function_url",
        "iam",
        403,
        b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
        b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}',
    ),
]
CARRIED = {
    "iam": b"Authorization: " + SIGNATURE.encode(),
    "jwt": b"Authorization: Bearer " + TOKEN.encode(),
    "oidc": b"Cookie: " + SESSION.encode(),
}


def refusal(front: str, kind: str, asked: Request) -> Response | None:
    """Ask for what a front says to a request."""
    return refusal_of(front_of(front), visit(front, asked, authorization=kind))


@pytest.mark.parametrize(("front", "kind", "status", "body"), REFUSED)
def test_who_carries_nothing_is_refused(front: str, kind: str, status: int, body: bytes) -> None:
    """Without a signature, token or session the front answers, and the function never runs."""
    function = Function()

    async def scenario(wire: Wire, address: Address) -> None:
        get = b"GET /a HTTP/1.1\r\nHost: h\r\n%s\r\n"
        assert await got(wire, get % b"") == (status, body)
        assert function.events == []
        assert (await got(wire, get % (CARRIED[kind] + b"\r\n")))[0] == 201
        assert len(function.events) == 1

    through(function, scenario, front, authorization=kind)


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_nothing_is_asked_for_by_default(front: str) -> None:
    """A front without authorization lets everybody in."""
    assert refusal_of(front_of(front), visit(front)) is None


def test_a_function_url_names_the_error() -> None:
    """A Function URL's refusal has the type by which the SDKs know it."""
    made = refusal("function_url", "iam", request())
    assert made is not None
    assert made.header("x-amzn-errortype") == "AccessDeniedException"


def test_a_load_balancer_sends_to_the_identity_provider() -> None:
    """A browser without a session goes to the provider, and is told where to come back to."""
    made = refusal("alb", "oidc", request(target="/deep?x=1"))
    assert made == Response(
        302,
        (
            (
                "location",
                "https://idp.example.com/authorize?client_id=local&redirect_uri="
                "https%3A%2F%2Fh%3A443%2Foauth2%2Fidpresponse&response_type=code&scope=openid"
                "&state=local",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        (request(authorization=SIGNATURE), True),
        (request(Authorization=SIGNATURE), True),
        (request(target="/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=ab"), True),
        (request(target="/?X-Amz-Signature="), False),
        (request(authorization=f"Bearer {TOKEN}"), False),
        (request(authorization="AWS4-HMAC-SHA256"), False),
        (request(authorization=""), False),
    ],
)
def test_what_passes_for_a_signature(asked: Request, passes: bool) -> None:
    """A signature in the header or in the query; whether it is right is not looked at."""
    assert (refusal("function_url", "iam", asked) is None) is passes


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (TOKEN, True),
        ("Bearer a.b", False),
        ("Bearer a.b.", False),
        ("Bearer a.b.c d", False),
        ("Basic YTpi", False),
        ("Bearer", False),
        (f"Bearer {TOKEN}\u0661", False),
    ],
)
def test_what_passes_for_a_token(value: str, passes: bool) -> None:
    """Three parts, with or without "Bearer"; whether they hold is not looked at."""
    assert (refusal("http_api", "jwt", request(authorization=value)) is None) is passes


@pytest.mark.parametrize(
    ("cookie", "passes"),
    [
        (SESSION, True),
        ("AWSELBAuthSessionCookie-1=y", False),
        ("xAWSELBAuthSessionCookie-0=", False),
    ],
)
def test_what_passes_for_a_session(cookie: str, passes: bool) -> None:
    """The balancer's own cookie, among others."""
    assert (refusal("alb", "oidc", request(cookie=cookie)) is None) is passes


def test_open_routes_ask_nobody() -> None:
    """The page's own routes are open; the rest of the API is not."""
    page = "GET /page/{proxy+}"
    options: dict[str, Any] = {"routes": ["$default", page], "open_routes": [page]}
    statuses = []

    async def scenario(wire: Wire, address: Address) -> None:
        for line in (b"GET /page/app.js", b"POST /page/app.js", b"GET /models"):
            statuses.append((await got(wire, line + b" HTTP/1.1\r\nHost: h\r\n\r\n"))[0])

    through(Function(), scenario, authorization="jwt", **options)
    assert statuses == [201, 401, 401]


def test_preflights_and_unknown_routes_come_first() -> None:
    """CORS is answered, and a missing route is told, before anybody is asked who they are."""
    options: dict[str, Any] = {"routes": ["GET /a"], "cors": {"allow_origins": ["*"]}}
    statuses = []

    async def scenario(wire: Wire, address: Address) -> None:
        asked = b"Origin: https://a\r\nAccess-Control-Request-Method: GET\r\n"
        for line, headers in ((b"OPTIONS /a", asked), (b"GET /b", b""), (b"GET /a", b"")):
            found = await got(wire, line + b" HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n")
            statuses.append(found[0])

    through(Function(), scenario, authorization="jwt", **options)
    assert statuses == [204, 404, 401]


@pytest.mark.parametrize(
    ("front", "kind", "expected"),
    [
        ("http_api", "oidc", "one of none, iam, jwt for http_api"),
        ("rest_api", "oidc", "one of none, iam, jwt for rest_api"),
        ("alb", "jwt", "one of none, oidc for alb"),
        ("function_url", "jwt", "one of none, iam for function_url"),
    ],
)
def test_what_a_front_cannot_ask_for(front: str, kind: str, expected: str) -> None:
    """A front is refused an authorization that the service does not have."""
    with pytest.raises(ConfigError) as caught:
        gateway_app(Function(), settings(authorization=kind), front)
    message = f"front_options.authorization: expected {expected}, got {kind!r}"
    assert str(caught.value) == message
