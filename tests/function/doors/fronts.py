"""One HTTP request as the event of each front, and each front's reply as HTTP again.

Written from docs/contract.md 6.5; a request stands here once, and every front's tests use it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote

Event = dict[str, Any]

TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/javascript")


@dataclass(frozen=True)
class Call:
    """An HTTP request; the path is decoded, the query is as it stands in the URL."""

    path: str
    method: str = "GET"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stage: str = ""
    """The stage's name, such as `prod`; empty where the address shows none."""


def post(path: str, body: bytes, content_type: str, *headers: tuple[str, str]) -> Call:
    """Name a POST with a body."""
    return Call(path, "POST", headers=(("content-type", content_type), *headers), body=body)


def post_json(path: str, payload: Any) -> Call:
    """Name a POST of JSON."""
    return post(path, json.dumps(payload).encode(), "application/json")


def _one(pairs: list[tuple[str, str]], joint: str | None = None) -> dict[str, str]:
    single: dict[str, str] = {}
    for name, value in pairs:
        single[name] = f"{single[name]}{joint}{value}" if joint and name in single else value
    return single


def _many(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def _body(call: Call, *, base64_always: bool = False) -> tuple[str | None, bool]:
    if not call.body:
        return None, False
    content_type = dict(call.headers).get("content-type", "")
    if content_type.startswith(TEXT_TYPES) and not base64_always:
        try:
            return call.body.decode(), False
        except UnicodeDecodeError:
            pass
    return b64encode(call.body).decode(), True


def _headers(call: Call) -> list[tuple[str, str]]:
    added = [("host", "api.example.com"), ("x-forwarded-for", "203.0.113.7")]
    return [*added, ("x-forwarded-port", "443"), ("x-forwarded-proto", "https"), *call.headers]


def http_api_v2(call: Call) -> Event:
    """Build the event of an HTTP API with payload format 2.0."""
    stage = f"/{call.stage}" if call.stage else ""
    pairs = parse_qsl(call.query, keep_blank_values=True)
    cookies = [one for name, one in call.headers if name == "cookie"]
    headers = [(name, value) for name, value in _headers(call) if name != "cookie"]
    body, encoded = _body(call)
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": stage + call.path,
        "rawQueryString": call.query,
        "headers": _one(headers, ","),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": call.method,
                "path": stage + call.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "tests",
            },
            "requestId": "ATfSmjLgPHcESJw=",
            "routeKey": "$default",
            "stage": call.stage or "$default",
            "time": "22/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1795341600000,
        },
        "isBase64Encoded": encoded,
    }
    if pairs:
        event["queryStringParameters"] = _one(pairs, ",")
    if cookies:
        event["cookies"] = cookies
    if body is not None:
        event["body"] = body
    return event


def function_url(call: Call) -> Event:
    """Build the event of a Function URL: 2.0, with the path as the client wrote it."""
    event = http_api_v2(call)
    event["rawPath"] = quote(call.path)
    domain = "abcdefgh.lambda-url.eu-central-1.on.aws"
    event["requestContext"] |= {"accountId": "anonymous", "domainName": domain, "stage": "$default"}
    event["headers"]["host"] = domain
    return event


def rest_api(call: Call) -> Event:
    """Build the event of a REST API whose binary media types are all types."""
    pairs = parse_qsl(call.query, keep_blank_values=True)
    headers = [("Host" if name == "host" else name, value) for name, value in _headers(call)]
    body, encoded = _body(call, base64_always=True)
    raw, stage = quote(call.path), call.stage or "live"
    return {
        "resource": "/{proxy+}",
        "path": raw,
        "httpMethod": call.method,
        "headers": _one(headers),
        "multiValueHeaders": _many(headers),
        "queryStringParameters": _one(pairs) or None,
        "multiValueQueryStringParameters": _many(pairs) or None,
        "pathParameters": {"proxy": raw.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "httpMethod": call.method,
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "tests"},
            "path": f"/{stage}{raw}",
            "protocol": "HTTP/1.1",
            "requestId": "6f1c2f6e-0000-4000-8000-000000000000",
            "resourcePath": "/{proxy+}",
            "stage": stage,
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def http_api_v1(call: Call) -> Event:
    """Build the event of an HTTP API with payload format 1.0."""
    event = rest_api(call)
    stage = f"/{call.stage}" if call.stage else ""
    event |= {"version": "1.0", "path": stage + call.path}
    event["requestContext"] |= {"path": stage + call.path, "stage": call.stage or "$default"}
    return event


def _alb(call: Call) -> Event:
    body, encoded = _body(call)
    group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/models/0123456789"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": call.method,
        "path": quote(call.path),
        "body": body or "",
        "isBase64Encoded": encoded,
    }


def _raw_pairs(query: str) -> list[tuple[str, str]]:
    """Split a query without decoding it, as a load balancer does."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(name, value) for name, _, value in parts]


def alb(call: Call) -> Event:
    """Build the event of a load balancer, multi-value headers off."""
    query = _one(_raw_pairs(call.query))
    return _alb(call) | {"headers": _one(_headers(call)), "queryStringParameters": query}


def alb_multi(call: Call) -> Event:
    """Build the event of a load balancer, multi-value headers on."""
    query = _many(_raw_pairs(call.query))
    headers = _many(_headers(call))
    return _alb(call) | {"multiValueHeaders": headers, "multiValueQueryStringParameters": query}


FRONTS: Final[dict[str, Callable[[Call], Event]]] = {
    "http-api-2.0": http_api_v2,
    "http-api-1.0": http_api_v1,
    "rest-api": rest_api,
    "function-url": function_url,
    "alb": alb,
    "alb-multi": alb_multi,
}


def body_of(reply: Event) -> bytes:
    """Take the body that the client would get."""
    body: str = reply.get("body") or ""
    return b64decode(body) if reply["isBase64Encoded"] else body.encode()


def json_of(reply: Event) -> Any:
    """Take the JSON that the client would get."""
    return json.loads(body_of(reply))


def headers_of(reply: Event) -> dict[str, list[str]]:
    """Take the headers that the client would get, in lower case."""
    lists = {
        name.lower(): list(value) for name, value in reply.get("multiValueHeaders", {}).items()
    }
    for name, value in (reply.get("headers") or {}).items():
        lists.setdefault(name.lower(), []).append(value)
    return lists


def header_of(reply: Event, name: str) -> str | None:
    """Take one header's value, None if the client would not get it."""
    values = headers_of(reply).get(name)
    return ", ".join(values) if values else None
