"""What the fronts say by themselves: limits, routes, failures, CORS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.local.fronts.front import Failure
from infra.local.fronts.request import Request
from infra.local.fronts.response import Response
from infra.local.gateway import front_of
from tests.infra.local.fronts.front_requests import FRONT_NAMES, MOMENT, request, visit

MIB = 1024 * 1024


def before(front: str, asked: Request, **options: object) -> Response | None:
    """Ask a front whether it answers without the function."""
    return front_of(front).before(visit(front, asked, **options))


def html(line: str) -> bytes:
    """Write a load balancer's page."""
    return (
        f"<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n"
        f"<center><h1>{line}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()


TOO_LONG = b'{"message":"Request Header Fields Too Large"}'
HINT = (
    b"Lambda takes 6 MB (about 4.5 of binary data), a load balancer 1 MB: "
    b"resize the picture, send less at a time, or put the file into a bucket"
)
HINTED = b',"hint":"%s"}' % HINT
TOO_LARGE = b'{"message":"Request Entity Too Large"' + HINTED
TOO_LARGE_URL = b'{"Message":"Request Entity Too Large"' + HINTED
UNAVAILABLE = b'{"message":"Service Unavailable"}'
ERROR = b'{"message":"Internal Server Error"}'
ERROR_REST = b'{"message":"Internal server error"}'
URL_ERROR = b"Internal Server Error"
TOO_LARGE_ALB = html("413 Request Entity Too Large").replace(
    b"</body>", b"<p>%s</p>\r\n</body>" % HINT
)
BAD_GATEWAY = html("502 Bad Gateway")

HTTP_API = {
    Failure.BAD_REQUEST: (400, b'{"message":"Bad Request"}'),
    Failure.SLOW_REQUEST: (408, b'{"message":"Request Timeout"}'),
    Failure.HEAD_TOO_LARGE: (431, TOO_LONG),
    Failure.BODY_TOO_LARGE: (413, TOO_LARGE),
    Failure.EVENT_TOO_LARGE: (413, TOO_LARGE),
    Failure.BUSY: (503, UNAVAILABLE),
    Failure.NO_ROUTE: (404, b'{"message":"Not Found"}'),
    Failure.FORWARDED_TOO_OFTEN: (500, ERROR),
    Failure.FUNCTION_ERROR: (500, ERROR),
    Failure.BAD_RESULT: (500, ERROR),
    Failure.BAD_BASE64: (500, ERROR),
    Failure.TIMEOUT: (503, UNAVAILABLE),
    Failure.THROTTLED: (503, UNAVAILABLE),
    Failure.NOT_SIGNED: (403, b'{"message":"Forbidden"}'),
    Failure.NOT_AUTHENTICATED: (401, b'{"message":"Unauthorized"}'),
}
REST_API = {
    Failure.BAD_REQUEST: (400, b'{"message":"Bad Request"}'),
    Failure.SLOW_REQUEST: (408, b'{"message":"Request Timeout"}'),
    Failure.HEAD_TOO_LARGE: (431, TOO_LONG),
    Failure.BODY_TOO_LARGE: (
        413,
        b'{"message":"HTTP content length exceeded 10485760 bytes."' + HINTED,
    ),
    Failure.EVENT_TOO_LARGE: (413, b'{"message":"Request Too Long"' + HINTED),
    Failure.BUSY: (503, UNAVAILABLE),
    Failure.NO_ROUTE: (403, b'{"message":"Missing Authentication Token"}'),
    Failure.FORWARDED_TOO_OFTEN: (502, ERROR_REST),
    Failure.FUNCTION_ERROR: (502, ERROR_REST),
    Failure.BAD_RESULT: (502, ERROR_REST),
    Failure.BAD_BASE64: (500, ERROR_REST),
    Failure.TIMEOUT: (504, b'{"message":"Endpoint request timed out"}'),
    Failure.THROTTLED: (500, ERROR_REST),
    Failure.NOT_SIGNED: (403, b'{"message":"Missing Authentication Token"}'),
    Failure.NOT_AUTHENTICATED: (401, b'{"message":"Unauthorized"}'),
}
ALB = {
    Failure.BAD_REQUEST: (400, html("400 Bad Request")),
    Failure.SLOW_REQUEST: (408, html("408 Request Timeout")),
    Failure.HEAD_TOO_LARGE: (400, html("400 Bad Request")),
    Failure.BODY_TOO_LARGE: (413, TOO_LARGE_ALB),
    Failure.EVENT_TOO_LARGE: (413, TOO_LARGE_ALB),
    Failure.BUSY: (503, html("503 Service Unavailable")),
    Failure.NO_ROUTE: (404, html("404 Not Found")),
    Failure.FORWARDED_TOO_OFTEN: (463, html("463")),
    Failure.FUNCTION_ERROR: (502, BAD_GATEWAY),
    Failure.BAD_RESULT: (502, BAD_GATEWAY),
    Failure.BAD_BASE64: (502, BAD_GATEWAY),
    Failure.TIMEOUT: (502, BAD_GATEWAY),
    Failure.THROTTLED: (502, BAD_GATEWAY),
    # A load balancer asks for neither: it redirects.
    Failure.NOT_SIGNED: (502, BAD_GATEWAY),
    Failure.NOT_AUTHENTICATED: (502, BAD_GATEWAY),
}
FUNCTION_URL = {
    Failure.BAD_REQUEST: (400, b'{"Message":"Bad Request"}'),
    Failure.SLOW_REQUEST: (408, b'{"Message":"Request Timeout"}'),
    Failure.HEAD_TOO_LARGE: (431, b'{"Message":"Request Header Fields Too Large"}'),
    Failure.BODY_TOO_LARGE: (413, TOO_LARGE_URL),
    Failure.EVENT_TOO_LARGE: (413, TOO_LARGE_URL),
    Failure.BUSY: (503, b'{"Message":"Service Unavailable"}'),
    Failure.NO_ROUTE: (502, URL_ERROR),
    Failure.FORWARDED_TOO_OFTEN: (502, URL_ERROR),
    Failure.FUNCTION_ERROR: (502, URL_ERROR),
    Failure.BAD_RESULT: (502, URL_ERROR),
    Failure.BAD_BASE64: (502, URL_ERROR),
    Failure.TIMEOUT: (502, URL_ERROR),
    Failure.THROTTLED: (429, b'{"Message":"Rate Exceeded."}'),
    Failure.NOT_SIGNED: (
        403,
        b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
        b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}',
    ),
    Failure.NOT_AUTHENTICATED: (502, URL_ERROR),  # it knows no tokens
}
ANSWERS = {
    "http_api": HTTP_API,
    "http_api_v1": HTTP_API,
    "rest_api": REST_API,
    "alb": ALB,
    "alb_multi": ALB,
    "function_url": FUNCTION_URL,
}


@pytest.mark.parametrize("front", FRONT_NAMES)
@pytest.mark.parametrize("kind", Failure)
def test_failure(front: str, kind: Failure) -> None:
    """Each front words each failure as the service does, status and body."""
    status, body = ANSWERS[front][kind]
    content_type = "text/html" if front.startswith("alb") else "application/json"
    headers = [("content-type", content_type)]
    if (front, kind) == ("function_url", Failure.NOT_SIGNED):
        headers.append(("x-amzn-ErrorType", "AccessDeniedException"))
    assert front_of(front).failure(kind) == Response(status, tuple(headers), body)


@pytest.mark.parametrize(
    ("front", "limit", "status"),
    [
        ("http_api", 10_240, 431),
        ("http_api_v1", 10_240, 431),
        ("rest_api", 10_240, 431),
        ("function_url", 10_240, 431),
        ("alb", 65_536, 400),
        ("alb_multi", 65_536, 400),
    ],
)
def test_head_limit(front: str, limit: int, status: int) -> None:
    """A request line and headers of the limit pass, one byte more does not."""
    assert before(front, replace(request(), head_bytes=limit)) is None
    refusal = before(front, replace(request(), head_bytes=limit + 1))
    assert refusal == front_of(front).failure(Failure.HEAD_TOO_LARGE)
    assert refusal.status == status


def test_alb_line_limit() -> None:
    """A load balancer takes a header line of 16 KB, and not one byte more."""
    value = "x" * (16 * 1024 - len("a: \r\n"))
    assert before("alb", request(a=value)) is None
    refusal = before("alb", request(a=value + "x"))
    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize(
    ("front", "limit"),
    [
        ("http_api", 10 * MIB),
        ("http_api_v1", 10 * MIB),
        ("rest_api", 10 * MIB),
        ("function_url", 6 * MIB),
        ("alb", MIB),
        ("alb_multi", MIB),
    ],
)
def test_body_limit(front: str, limit: int) -> None:
    """A body of the limit passes the front, one byte more is 413."""
    assert before(front, request("POST", body=b"x" * limit)) is None
    refusal = before(front, request("POST", body=b"x" * (limit + 1)))
    assert refusal is not None
    assert refusal.status == 413


@pytest.mark.parametrize(("count", "passes"), [(30, True), (31, False)])
def test_alb_forwarded(count: int, passes: bool) -> None:
    """A load balancer refuses more than 30 forwarded addresses with 463."""
    asked = request(x_forwarded_for=", ".join(["1.2.3.4"] * count))
    refusal = before("alb", asked)
    assert (refusal is None) is passes
    assert refusal is None or refusal.status == 463
    assert before("http_api", asked) is None


@pytest.mark.parametrize(
    ("front", "status"), [("http_api", 404), ("http_api_v1", 404), ("rest_api", 403), ("alb", 404)]
)
def test_no_route(front: str, status: int) -> None:
    """What no route takes, by path or by method, is answered by the front."""
    routes = ["GET /a/{x}"]
    assert before(front, request("GET", "/a/b"), routes=routes) is None
    for asked in (request("GET", "/b"), request("POST", "/a/b"), request("GET", "/a/b/c")):
        refusal = before(front, asked, routes=routes)
        assert refusal is not None
        assert refusal.status == status
        with pytest.raises(ValueError, match=r"Front\.before refuses all others"):
            _ = visit(front, asked, routes=routes).matched


@pytest.mark.parametrize("front", ["http_api", "http_api_v1", "rest_api"])
def test_no_stage(front: str) -> None:
    """A path of another stage is no route, and a stage ends at its slash."""
    for path, passes in (("/live", True), ("/live/a", True), ("/lively", False), ("/a", False)):
        assert (before(front, request(target=path), stage="live") is None) is passes


def test_function_url_takes_every_path() -> None:
    """A Function URL has no routes: every path is the function's."""
    assert before("function_url", request("BREW", "/any//thing"), routes=["GET /a"]) is None


CORS = {
    "allow_origins": ["https://a.example", "http://*"],
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["x-a", "x-b"],
    "expose_headers": ["x-c"],
    "max_age_s": 300,
}
ASKED: dict[str, Any] = {"origin": "https://a.example", "access_control_request_method": "POST"}


def answered(front: str, asked: Request, made: Response, **cors: object) -> dict[str, list[str]]:
    """Return the CORS headers of a front's final response."""
    final = front_of(front).after(made, visit(front, asked, cors={**CORS, **cors}))
    names: dict[str, list[str]] = {}
    for name, value in final.headers:
        if name.lower().startswith("access-control-"):
            names.setdefault(name, []).append(value)
    return names


@pytest.mark.parametrize(
    ("front", "status"), [("http_api", 204), ("http_api_v1", 204), ("function_url", 200)]
)
def test_preflight(front: str, status: int) -> None:
    """A configured front answers a preflight itself, route or not."""
    asked = request("OPTIONS", "/nowhere", **ASKED)
    early = before(front, asked, cors=CORS, routes=["GET /a"])
    assert early == Response(status)
    assert answered(front, asked, early) == {
        "access-control-allow-origin": ["https://a.example"],
        "access-control-allow-methods": ["GET,POST"],
        "access-control-allow-headers": ["x-a,x-b"],
        "access-control-max-age": ["300"],
        "access-control-expose-headers": ["x-c"],
    }


@pytest.mark.parametrize("front", ["http_api", "function_url"])
def test_no_preflight(front: str) -> None:
    """Without configuration, or without a preflight's two headers, OPTIONS is the function's."""
    assert before(front, request("OPTIONS", **ASKED)) is None
    assert before(front, request("OPTIONS", origin="https://a.example"), cors=CORS) is None
    assert before(front, request("GET", **ASKED), cors=CORS) is None


@pytest.mark.parametrize("front", ["rest_api", "alb"])
def test_preflight_is_the_functions(front: str) -> None:
    """A REST API and a load balancer leave CORS to the function, headers and all."""
    asked = request("OPTIONS", **ASKED)
    assert before(front, asked, cors=CORS) is None
    made = Response(200, (("access-control-allow-origin", "*"),))
    assert answered(front, asked, made) == {"access-control-allow-origin": ["*"]}


def test_a_function_url_keeps_backend_headers() -> None:
    """Its own come beside them: what a browser refuses on AWS, it refuses here."""
    made = Response(200, (("access-control-allow-origin", "*"),))
    assert answered("function_url", request(origin="https://a.example"), made) == {
        "access-control-allow-origin": ["*", "https://a.example"],
        "access-control-expose-headers": ["x-c"],
    }


@pytest.mark.parametrize("front", ["http_api", "http_api_v1"])
def test_backend_headers_are_ignored(front: str) -> None:
    """Once CORS is configured, the function's CORS headers are replaced by the configured ones."""
    made = Response(200, (("Access-Control-Allow-Origin", "https://evil"), ("x", "y")))
    assert answered(front, request(origin="https://a.example"), made) == {
        "access-control-allow-origin": ["https://a.example"],
        "access-control-expose-headers": ["x-c"],
    }
    plain = front_of(front).after(made, visit(front))
    assert ("Access-Control-Allow-Origin", "https://evil") in plain.headers


@pytest.mark.parametrize(
    ("origin", "origins", "credentials", "allowed"),
    [
        ("https://a.example", ["https://a.example"], False, "https://a.example"),
        ("https://b.example", ["https://a.example"], False, None),
        ("http://any", ["http://*"], False, "http://any"),
        ("https://any", ["http://*"], False, None),
        ("https://any", ["*"], False, "*"),
        ("https://any", ["*"], True, "https://any"),
        (None, ["*"], False, None),
    ],
)
def test_origins(
    origin: str | None, origins: list[str], credentials: bool, allowed: str | None
) -> None:
    """Only a request with an allowed origin gets CORS headers."""
    asked = request() if origin is None else request(origin=origin)
    made = answered(
        "http_api", asked, Response(200), allow_origins=origins, allow_credentials=credentials
    )
    assert made.get("access-control-allow-origin") == (None if allowed is None else [allowed])
    assert ("access-control-allow-credentials" in made) is (credentials and allowed is not None)


@pytest.mark.parametrize(
    ("front", "headers"),
    [
        ("http_api", {"apigw-requestid": MOMENT.short_id}),
        ("rest_api", {"x-amzn-RequestId": MOMENT.uuid, "x-amz-apigw-id": MOMENT.short_id}),
        ("function_url", {"x-amzn-RequestId": MOMENT.uuid}),
        ("alb", {"server": "awselb/2.0"}),
    ],
)
def test_ids_in_the_response(front: str, headers: dict[str, str]) -> None:
    """Each front puts the ids into the response by which its logs know the request."""
    made = front_of(front).after(Response(200), visit(front))
    assert dict(made.headers) == headers


def test_alb_keeps_the_functions_server() -> None:
    """A load balancer does not hide what the function says of itself."""
    own = Response(200, (("Server", "mine"),))
    assert front_of("alb").after(own, visit("alb")) == own
