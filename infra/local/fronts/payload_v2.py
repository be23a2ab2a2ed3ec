"""Payload format 2.0, shared by HTTP APIs and Function URLs: common parts of events, and results.

Source: [DOC] http-api-develop-integrations-lambda; [REC] for Function URLs.
"""

from __future__ import annotations

from typing import Any

from infra.local.fronts import request as readings
from infra.local.fronts.request import Pair, Request
from infra.local.fronts.response import (
    Response,
    ResultError,
    checked,
    compact,
    content_of,
    flag_of,
    mapping_of,
    result_of,
    status_of,
    text_of,
)
from infra.local.fronts.visit import Visit

_OWN = (
    "content-length",
    "cookie",
    "expect",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
)


def headers_of(visit: Visit) -> list[Pair]:
    """Return the headers as in 2.0, in lower case, with those that the service adds.

    Content-Length is there even for an empty body [3P]; for a chunked one it is assumed [?].
    """
    request = visit.request
    kept = readings.without_hops(request.fields, *_OWN)
    headers = [(name.lower(), value) for name, value in kept]
    cookies = request.values("cookie")
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))  # a comma would be part of a value
    headers += [
        ("content-length", str(len(request.body))),
        ("x-forwarded-for", request.forwarded_for),
        ("x-forwarded-port", str(request.port)),
        ("x-forwarded-proto", request.scheme),
    ]
    if not request.values("x-amzn-trace-id"):
        headers.append(("x-amzn-trace-id", visit.moment.trace_id))
    return headers


def event_of(visit: Visit, headers: list[Pair], *, raw_path: str, path: str) -> dict[str, Any]:
    """Build an event without what only one front has; empty fields are absent."""
    request, moment = visit.request, visit.moment
    route_key = visit.matched.route.key
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": request.raw_query,
    }
    if cookies := _cookies_of(request):
        event["cookies"] = cookies
    event["headers"] = readings.joined(headers)
    if query := readings.joined(readings.query_pairs(request.raw_query)):
        event["queryStringParameters"] = query
    event["requestContext"] = {
        "apiId": visit.config.api_id,
        "domainName": request.domain,
        "domainPrefix": request.domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "routeKey": route_key,
        "time": moment.text,
        "timeEpoch": moment.epoch_ms,
    }
    binary = readings.is_binary(request)
    if request.body:
        event["body"] = readings.body_of(request, binary=binary)
    event["isBase64Encoded"] = binary
    return event


def _cookies_of(request: Request) -> list[str]:
    """Return the cookies, one "name=value" each, from all Cookie headers."""
    pieces = ";".join(request.values("cookie")).split(";")
    return [piece.strip() for piece in pieces if piece.strip()]


def response_of(payload: bytes, *, untyped: str) -> Response:
    """Convert a function's result to a response by the rules of 2.0.

    Args:
        payload: the result's JSON.
        untyped: the content type of a result with a statusCode that names none.

    Raises:
        ResultError: it has a statusCode but is otherwise malformed.
    """
    result = result_of(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else compact(result)
        return Response(200, (("content-type", "application/json"),), text.encode())
    cookies = result.get("cookies") or []
    if not isinstance(cookies, list) or not all(isinstance(cookie, str) for cookie in cookies):
        raise ResultError("cookies: expected a list of strings")
    headers = [
        (name, text_of(f"headers.{name}", value, kinds=(bool, int, float)))
        for name, value in mapping_of("headers", result.get("headers")).items()
    ]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.insert(0, ("content-type", untyped))
    content = content_of(result.get("body"), base64_encoded=flag_of(result.get("isBase64Encoded")))
    cookie_headers = [("set-cookie", cookie) for cookie in cookies]
    return Response(status_of(result["statusCode"]), checked(cookie_headers + headers), content)
