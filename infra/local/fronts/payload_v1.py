"""
Payload format 1.0, which REST APIs and HTTP APIs share: the common part of their events.

Source: [REC] localstack test_lambda_aws_proxy_integration, 2 Aug 2024; [REC] voker, 10 Jul 2026.
"""

from __future__ import annotations

from typing import Any

from infra.local.fronts import request as readings
from infra.local.fronts.request import Moment, Pair, Request
from infra.settings.front import FrontConfig

# [REC] these get title case whatever the client wrote; what the service sets itself has capitals.
_TITLED = {"authorization": "Authorization", "user-agent": "User-Agent", "host": "Host"}
_REPLACED = ("content-length", "expect", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto")


def headers_of(request: Request, moment: Moment, *, content_length: bool) -> dict[str, Any]:
    """
    Give `headers` (last values) and `multiValueHeaders`, in the client's own casing.

    Names that differ only by case are one header, in its first casing [?].
    """
    casing = dict(_TITLED)
    pairs: list[Pair] = []
    for name, value in readings.without_hops(request.fields, *_REPLACED):
        lower = "X-Amzn-Trace-Id" if name.lower() == "x-amzn-trace-id" else name
        pairs.append((casing.setdefault(name.lower(), lower), value))
    if not request.values("x-amzn-trace-id"):
        pairs.append(("X-Amzn-Trace-Id", moment.trace_id))
    if content_length:
        pairs.append(("Content-Length", str(len(request.body))))
    pairs += [
        ("X-Forwarded-For", request.forwarded_for),
        ("X-Forwarded-Port", str(request.port)),
        ("X-Forwarded-Proto", request.scheme),
    ]
    return {"headers": dict(pairs), "multiValueHeaders": readings.listed(pairs)}


def query_of(request: Request) -> dict[str, Any]:
    """Give both maps of the query, decoded; null without one."""
    pairs = readings.query_pairs(request.raw_query)
    return {
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": readings.listed(pairs) or None,
    }


def identity_of(request: Request) -> dict[str, Any]:
    """Say who calls: nobody known, so nulls beside the address."""
    return {
        "accessKey": None,
        "accountId": None,
        "caller": None,
        "cognitoAuthenticationProvider": None,
        "cognitoAuthenticationType": None,
        "cognitoIdentityId": None,
        "cognitoIdentityPoolId": None,
        "principalOrgId": None,
        "sourceIp": request.source_ip,
        "user": None,
        "userAgent": request.header("user-agent"),
        "userArn": None,
    }


def context_of(
    request: Request, config: FrontConfig, moment: Moment, *, path: str, resource: str
) -> dict[str, Any]:
    """Give the part of the request context that both APIs have."""
    return {
        "accountId": config.account_id,
        "apiId": config.api_id,
        "domainName": request.domain,
        "domainPrefix": request.domain.partition(".")[0],
        "extendedRequestId": moment.short_id,
        "httpMethod": request.method,
        "identity": identity_of(request),
        "path": path,
        "protocol": request.protocol,
        "requestId": moment.uuid,
        "requestTime": moment.text,
        "requestTimeEpoch": moment.epoch_ms,
        "resourceId": "local",
        "resourcePath": resource,
        "stage": config.stage,
    }
