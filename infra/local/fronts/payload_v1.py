"""Payload format 1.0, shared by REST APIs and HTTP APIs: the common part of their events.

Source: [REC] localstack test_lambda_aws_proxy_integration, 2 Aug 2024; [REC] voker, 10 Jul 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.fronts import request as readings
from infra.local.fronts.request import Pair
from infra.local.fronts.visit import Visit

# [REC] these get title case, however the client wrote them; the service's own have capitals.
_TITLED = {
    "authorization": "Authorization",
    "host": "Host",
    "user-agent": "User-Agent",
    "x-amzn-trace-id": "X-Amzn-Trace-Id",
}
_REPLACED = ("content-length", "expect", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto")
_IDENTITY = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)


def event_of(
    visit: Visit, *, path: str, context_path: str, binary: bool, parameters: dict[str, str]
) -> dict[str, Any]:
    """Build an event without what only one of the two APIs has; empty values are null."""
    request, match = visit.request, visit.matched
    resource = match.route.path or match.route.key
    query = readings.query_pairs(request.raw_query)
    headers = _headers_of(visit)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": readings.listed(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": readings.listed(query) or None,
        "requestContext": _context_of(visit, path=context_path, resource=resource),
        "pathParameters": parameters or None,
        "stageVariables": dict(visit.config.stage_variables) or None,
        "body": readings.body_of(request, binary=binary) if request.body else None,
        "isBase64Encoded": binary and bool(request.body),
    }


def add_headers(event: dict[str, Any], added: Mapping[str, str]) -> None:
    """Add headers to both maps of an event."""
    event["headers"].update(added)
    event["multiValueHeaders"].update({name: [value] for name, value in added.items()})


def _headers_of(visit: Visit) -> list[Pair]:
    """Return the headers in the client's own casing, with those that both APIs add.

    Names that differ only by case are one header, in its first casing [?].
    """
    request = visit.request
    casing = dict(_TITLED)
    pairs = [
        (casing.setdefault(name.lower(), name), value)
        for name, value in readings.without_hops(request.fields, *_REPLACED)
    ]
    if not request.values("x-amzn-trace-id"):
        pairs.append(("X-Amzn-Trace-Id", visit.moment.trace_id))
    return [
        *pairs,
        ("X-Forwarded-For", request.forwarded_for),
        ("X-Forwarded-Port", str(request.port)),
        ("X-Forwarded-Proto", request.scheme),
    ]


def _context_of(visit: Visit, *, path: str, resource: str) -> dict[str, Any]:
    request, config, moment = visit.request, visit.config, visit.moment
    return {
        "accountId": config.account_id,
        "apiId": config.api_id,
        "domainName": request.domain,
        "domainPrefix": request.domain.partition(".")[0],
        "extendedRequestId": moment.short_id,
        "httpMethod": request.method,
        # The caller is unknown: nulls beside the address.
        "identity": {
            **dict.fromkeys(_IDENTITY),
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "path": path,
        "protocol": request.protocol,
        "requestId": moment.uuid,
        "requestTime": moment.text,
        "requestTimeEpoch": moment.epoch_ms,
        "resourceId": "local",
        "resourcePath": resource,
        "stage": config.stage,
    }
