"""API Gateway REST API with Lambda proxy integration. Cells: docs/contract.md 6.5.1 and 6.5.2."""

from __future__ import annotations

import re

from infra.local import contract
from infra.local.fronts import payload_v1, proxy_result
from infra.local.fronts.front import SERVER_ANSWERS, Event, Failure, Front
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response, content_of, message
from infra.local.fronts.routes import Match, matching
from infra.local.fronts.visit import Visit
from infra.settings.front import (
    DEFAULT_ROUTE,
    DEFAULT_STAGE,
    FrontConfig,
    Route,
    route_of,
)

# Bodies: [REC] 502, 403; [DOC] 401, 504; [3P] 413. A throttled function is 500 in one report and
# 502 in another [?]: never 429.
_ANSWERS = {
    **SERVER_ANSWERS,
    Failure.BODY_TOO_LARGE: (
        413,
        f"HTTP content length exceeded {contract.API_BODY_LIMIT_BYTES} bytes.",
    ),
    Failure.EVENT_TOO_LARGE: (413, "Request Too Long"),
    Failure.NO_ROUTE: (403, "Missing Authentication Token"),
    Failure.TIMEOUT: (504, "Endpoint request timed out"),
    Failure.THROTTLED: (500, "Internal server error"),
    Failure.NOT_SIGNED: (403, "Missing Authentication Token"),
    Failure.NOT_AUTHENTICATED: (401, "Unauthorized"),
    Failure.BAD_BASE64: (500, "Internal server error"),
}
_OTHERS = (502, "Internal server error")

# A REST API has no $default: these two resources take everything.
_WHOLE = (route_of("ANY /"), route_of("ANY /{proxy+}"))
_DOMAIN_STAGE = "prod"
_LEADING_SLASHES = re.compile(r"^/{2,}")


def failure(kind: Failure) -> Response:
    """Return an answer of the gateway itself."""
    return message(*_ANSWERS.get(kind, _OTHERS))


def match(request: Request, config: FrontConfig) -> Match | None:
    """Find the resource, after the stage."""
    path = _own_path(request, config)
    if path is None:
        return None
    routes: tuple[Route, ...] = ()
    for route in config.routes:
        routes += _WHOLE if route == DEFAULT_ROUTE else (route,)
    return matching(routes, request.method, path)


def stamp(response: Response, moment: Moment) -> Response:
    """Add the ids that the gateway's own logs use for the request."""
    return response.plus(("x-amzn-RequestId", moment.uuid), ("x-amz-apigw-id", moment.short_id))


def event_of(visit: Visit) -> Event:
    """Build the event of a Lambda proxy integration."""
    request, config = visit.request, visit.config
    event = payload_v1.event_of(
        visit,
        path=_own_path(request, config) or "/",
        context_path=request.raw_path,
        binary=_binary(config, request.header("content-type")),
        parameters=_parameters(visit.matched),
    )
    event["requestContext"]["deploymentId"] = "local"
    if config.stage == DEFAULT_STAGE:
        event["requestContext"]["stage"] = _DOMAIN_STAGE
    if config.edge:
        payload_v1.add_headers(event, _edge_headers(visit.moment))
    return event


def response_of(payload: bytes, visit: Visit) -> Response:
    """Convert a proxy result; base64 is decoded only if the client accepts a binary type first.

    Source: [DOC] api-gateway-payload-encodings: "the first media type in the Accept header".
    """
    result = proxy_result.proxy_result_of(payload)
    accept = (visit.request.header("accept") or "").partition(",")[0]
    decode = bool(result.get("isBase64Encoded")) and _binary(visit.config, accept)
    content = content_of(result.get("body"), base64_encoded=decode)
    headers = tuple((_sent_name(name), value) for name, value in proxy_result.headers_of(result))
    response = Response(proxy_result.status_or_ok(result), headers, content)
    if response.header("x-amzn-trace-id") is not None:
        return response
    return response.plus(("X-Amzn-Trace-Id", visit.trace_id))  # [REC]


def _sent_name(name: str) -> str:
    remapped = name.lower() in contract.REMAPPED_HEADERS
    return contract.REMAPPED_PREFIX + name if remapped else name


def _own_path(request: Request, config: FrontConfig) -> str | None:
    """Return the raw path without its stage; None if it has another stage."""
    stage = config.stage_path
    # [REC] a doubled slash before or right after the stage collapses here, not in the context's
    # path.
    path = _LEADING_SLASHES.sub("/", request.raw_path)
    if stage and path != stage and not path.startswith(stage + "/"):
        return None
    return _LEADING_SLASHES.sub("/", path.removeprefix(stage))


def _parameters(match: Match) -> dict[str, str]:
    # [REC] raw, and the greedy one without a trailing slash.
    variables = dict(match.variables)
    if match.route.greedy:
        last = list(variables)[-1]
        variables[last] = variables[last].rstrip("/")
    return variables


def _binary(config: FrontConfig, content_type: str | None) -> bool:
    """Match a media type against binaryMediaTypes: exact, type/* or */*."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    wanted = {"*/*", media_type, media_type.partition("/")[0] + "/*"}
    return not wanted.isdisjoint(known.lower() for known in config.binary_media_types)


def _edge_headers(moment: Moment) -> dict[str, str]:
    host = moment.uuid.replace("-", "")
    return {
        "CloudFront-Forwarded-Proto": "https",
        "CloudFront-Is-Desktop-Viewer": "true",
        "CloudFront-Is-Mobile-Viewer": "false",
        "CloudFront-Is-SmartTV-Viewer": "false",
        "CloudFront-Is-Tablet-Viewer": "false",
        "CloudFront-Viewer-Country": "US",
        "Via": f"1.1 {host}.cloudfront.net (CloudFront)",
        "X-Amz-Cf-Id": moment.short_id,
    }


REST_API = Front(
    name="rest_api",
    head_limit_bytes=contract.API_HEAD_LIMIT_BYTES,
    body_limit_bytes=contract.API_BODY_LIMIT_BYTES,
    timeout_s=contract.REST_API_TIMEOUT_S,
    authorizations=("iam", "jwt"),
    match=match,
    event=event_of,
    response=response_of,
    failure=failure,
    stamp=stamp,
)
