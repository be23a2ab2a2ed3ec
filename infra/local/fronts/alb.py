"""Application Load Balancer with a Lambda target group. Cells: docs/contract.md 6.5.1 and 6.5.2.

Source: [DOC] elasticloadbalancing lambda-functions.md and load-balancer-troubleshooting.md.
"""

from __future__ import annotations

from typing import Any

from infra.local import contract
from infra.local.fronts import request as readings
from infra.local.fronts.front import Event, Failure, Front
from infra.local.fronts.request import Moment, Pair, Request
from infra.local.fronts.response import (
    TOO_LARGE,
    Response,
    ResultError,
    checked,
    content_of,
    flag_of,
    mapping_of,
    result_of,
    status_of,
    text_of,
)
from infra.local.fronts.routes import Match, matching
from infra.local.fronts.visit import Visit
from infra.settings.front import FrontConfig

_STATUSES = {
    Failure.BAD_REQUEST: 400,
    Failure.SLOW_REQUEST: 408,
    Failure.HEAD_TOO_LARGE: 400,
    Failure.BODY_TOO_LARGE: 413,
    Failure.EVENT_TOO_LARGE: 413,
    Failure.BUSY: 503,
    Failure.NO_ROUTE: 404,
    Failure.FORWARDED_TOO_OFTEN: 463,
}
_BAD_GATEWAY = 502
# Not http.HTTPStatus: Python 3.13 renamed 413. 463 is the load balancer's own and has no phrase
# [?].
_PHRASES = {
    400: "Bad Request",
    404: "Not Found",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    463: "",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
_ALLOWED = frozenset(
    {
        "statusCode",
        "statusDescription",
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    }
)


def failure(kind: Failure) -> Response:
    """Return an answer of the load balancer itself: an HTML page."""
    status = _STATUSES.get(kind, _BAD_GATEWAY)
    line = f"{status} {_PHRASES[status]}".rstrip()
    hint = f"<p>{contract.TOO_LARGE_HINT}</p>\r\n" if status == TOO_LARGE else ""
    html = (
        f"<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n"
        f"<center><h1>{line}</h1></center>\r\n{hint}</body>\r\n</html>\r\n"
    )
    return Response(status, (("content-type", "text/html"),), html.encode("ascii"))


def check(request: Request) -> Failure | None:
    """Refuse a header line that is too long, and too many forwarded addresses."""
    longest = max((len(name) + len(value) + 4 for name, value in request.fields), default=0)
    if longest > contract.ALB_HEADER_LINE_LIMIT_BYTES:
        return Failure.HEAD_TOO_LARGE
    addresses = ",".join(request.values("x-forwarded-for")).split(",")
    too_often = len(addresses) > contract.ALB_FORWARDED_LIMIT
    return Failure.FORWARDED_TOO_OFTEN if too_often else None


def match(request: Request, config: FrontConfig) -> Match | None:
    """Return the listener rule that takes the request."""
    return matching(config.routes, request.method, request.raw_path)


def stamp(response: Response, moment: Moment) -> Response:
    """Name the server ([3P] awselb/2.0), unless the function does."""
    return response if response.header("server") else response.plus(("server", "awselb/2.0"))


def event_of(visit: Visit) -> Event:
    """Build the event: path and query raw, header names in lower case."""
    request, config = visit.request, visit.config
    content_type = request.header("content-type")
    encoded = request.header("content-encoding") is not None
    binary = bool(request.body) and (encoded or not readings.is_text(content_type))
    arn = f"arn:aws:elasticloadbalancing:{config.region}:{config.account_id}:targetgroup"
    event: Event = {
        "requestContext": {"elb": {"targetGroupArn": f"{arn}/{config.api_id}/0123456789abcdef"}},
        "httpMethod": request.method,
        "path": request.raw_path,
    }
    query = readings.query_pairs(request.raw_query, decode=False)
    headers = _headers(request, visit.moment)
    if config.multi_value_headers:
        event["multiValueQueryStringParameters"] = readings.listed(query)
        event["multiValueHeaders"] = readings.listed(headers)
    else:
        event["queryStringParameters"] = dict(query)
        event["headers"] = dict(headers)
    event["body"] = readings.body_of(request, binary=binary)
    event["isBase64Encoded"] = binary
    return event


def response_of(payload: bytes, visit: Visit) -> Response:
    """Convert a result to a response; a malformed one is a 502.

    Raises:
        ResultError: it is not an object with a statusCode, has another key [?], lacks
            multiValueHeaders although the target group has them on, or is larger than 1 MB.
    """
    if len(payload) > contract.ALB_RESPONSE_LIMIT_BYTES:
        raise ResultError(f"result: expected at most {contract.ALB_RESPONSE_LIMIT_BYTES} bytes")
    result = result_of(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        raise ResultError("result: expected an object with a statusCode")
    extra = sorted(set(result) - _ALLOWED)
    if extra:
        raise ResultError(f"result: expected only {', '.join(sorted(_ALLOWED))}, got {extra[0]!r}")
    headers = (_multi_headers if visit.config.multi_value_headers else _single_headers)(result)
    encoded = flag_of(result.get("isBase64Encoded"))
    content = content_of(result.get("body"), base64_encoded=encoded)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/octet-stream"))  # [?]
    status = status_of(result["statusCode"])
    return Response(status, checked(headers), content, _reason(result, status))


def _headers(request: Request, moment: Moment) -> list[Pair]:
    own = ("x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "transfer-encoding")
    headers = [(n.lower(), v) for n, v in request.fields if n.lower() not in own]
    headers += [
        ("x-forwarded-for", request.forwarded_for),
        ("x-forwarded-port", str(request.port)),
        ("x-forwarded-proto", request.scheme),
    ]
    if not request.values("x-amzn-trace-id"):
        headers.append(("x-amzn-trace-id", moment.trace_id))
    return headers


def _single_headers(result: dict[str, Any]) -> list[Pair]:
    headers = mapping_of("headers", result.get("headers"))
    return [(name, text_of(f"headers.{name}", v, kinds=())) for name, v in headers.items()]


def _multi_headers(result: dict[str, Any]) -> list[Pair]:
    if "multiValueHeaders" not in result:
        raise ResultError("multiValueHeaders: expected, since the target group has them on")
    headers: list[Pair] = []
    for name, values in mapping_of("multiValueHeaders", result["multiValueHeaders"]).items():
        where = f"multiValueHeaders.{name}"
        if not isinstance(values, list):
            raise ResultError(f"{where}: expected a list")
        headers += [(name, text_of(where, value, kinds=())) for value in values]
    return headers


def _reason(result: dict[str, Any], status: int) -> str | None:
    """Parse statusDescription: "200 OK" is the status and its phrase."""
    description = result.get("statusDescription")
    if description is None:
        return None
    text = text_of("statusDescription", description, kinds=())
    phrase = text.removeprefix(str(status)).strip()
    if not phrase.isascii() or not phrase.isprintable():
        raise ResultError("statusDescription: expected printable ASCII")
    return phrase


ALB = Front(
    name="alb",
    head_limit_bytes=contract.ALB_HEAD_LIMIT_BYTES,
    body_limit_bytes=contract.ALB_BODY_LIMIT_BYTES,
    authorizations=("oidc",),
    match=match,
    check=check,
    event=event_of,
    response=response_of,
    failure=failure,
    stamp=stamp,
)
