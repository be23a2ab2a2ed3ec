"""API Gateway REST API with Lambda proxy integration. Cells: docs/contract.md 6.5.1 and 6.5.2."""

from __future__ import annotations

import re

from infra.local.fronts import limits, payload_v1, proxy_result
from infra.local.fronts import request as readings
from infra.local.fronts.front import SERVER_ANSWERS, Event, Failure, Front
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response, content_of, message
from infra.local.fronts.routes import Match, matching
from infra.settings.front import (
    DEFAULT_ROUTE,
    DEFAULT_STAGE,
    FrontConfig,
    Route,
    route_of,
)

# Bodies: [REC] 502, 403; [DOC] 401, 504; [3P] 413. A throttled
# function is 500 in one report and 502 in another [?]: never 429.
_ANSWERS = {
    **SERVER_ANSWERS,
    Failure.BODY_TOO_LARGE: (
        413,
        f"HTTP content length exceeded {limits.API_BODY_LIMIT_BYTES} bytes.",
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
    """Word an answer of the gateway itself."""
    return message(*_ANSWERS.get(kind, _OTHERS))


def before(request: Request, config: FrontConfig) -> Response | None:
    """
    Check the limits and refuse what has no resource. Preflights
    are the function's own business.
    """
    if request.head_bytes > limits.API_HEAD_LIMIT_BYTES:
        return failure(Failure.HEAD_TOO_LARGE)
    if len(request.body) > limits.API_BODY_LIMIT_BYTES:
        return failure(Failure.BODY_TOO_LARGE)
    return None if _match(request, config) else failure(Failure.NO_ROUTE)


def after(response: Response, request: Request, config: FrontConfig, moment: Moment) -> Response:
    """Add the ids by which the gateway's own logs know the request."""
    return response.plus(("x-amzn-RequestId", moment.uuid), ("x-amz-apigw-id", moment.short_id))


def event_of(request: Request, config: FrontConfig, moment: Moment) -> Event:
    """Make the event of a Lambda proxy integration."""
    match = _match(request, config)
    if match is None:
        raise ValueError("expected a request that has a resource: `before` refuses the others")
    resource = match.route.path
    context = payload_v1.context_of(
        request, config, moment, path=request.raw_path, resource=resource
    )
    context["deploymentId"] = "local"
    if config.stage == DEFAULT_STAGE:
        context["stage"] = _DOMAIN_STAGE
    binary = _binary(config, request.header("content-type"))
    headers = payload_v1.headers_of(request, moment, content_length=False)
    if config.edge:
        _add_edge(headers, moment)
    return {
        "resource": resource,
        # [REC] a doubled slash right after the stage collapses here, not in the context's path.
        "path": _LEADING_SLASHES.sub("/", _own_path(request, config) or "/"),
        "httpMethod": request.method,
        **headers,
        **payload_v1.query_of(request),
        "pathParameters": _variables(match) or None,
        "stageVariables": dict(config.stage_variables) or None,
        "requestContext": context,
        "body": readings.body_of(request, binary=binary) if request.body else None,
        "isBase64Encoded": binary and bool(request.body),
    }


def response_of(payload: bytes, request: Request, config: FrontConfig) -> Response:
    """
    Read a proxy result; base64 is decoded only for who accepts a binary type first.

    Source: [DOC] api-gateway-payload-encodings: "the first media type in the Accept header".
    """
    result = proxy_result.proxy_result_of(payload)
    accept = (request.header("accept") or "").partition(",")[0]
    decode = bool(result.get("isBase64Encoded")) and _binary(config, accept)
    content = content_of(result.get("body"), base64_encoded=decode)
    headers = tuple(
        (limits.REMAPPED_PREFIX + name if name.lower() in limits.REMAPPED_HEADERS else name, value)
        for name, value in proxy_result.headers_of(result)
    )
    return Response(proxy_result.status_or_ok(result), headers, content)


def _own_path(request: Request, config: FrontConfig) -> str | None:
    """Give the raw path without its stage; None when it has another."""
    stage = config.stage_path
    if stage and request.raw_path != stage and not request.raw_path.startswith(stage + "/"):
        return None
    return request.raw_path.removeprefix(stage)


def _match(request: Request, config: FrontConfig) -> Match | None:
    path = _own_path(request, config)
    if path is None:
        return None
    routes: tuple[Route, ...] = ()
    for route in config.routes:
        routes += _WHOLE if route == DEFAULT_ROUTE else (route,)
    return matching(routes, request.method, _LEADING_SLASHES.sub("/", path))


def _variables(match: Match) -> dict[str, str]:
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


def _add_edge(headers: dict[str, dict[str, object]], moment: Moment) -> None:
    host = moment.uuid.replace("-", "")
    added = {
        "CloudFront-Forwarded-Proto": "https",
        "CloudFront-Is-Desktop-Viewer": "true",
        "CloudFront-Is-Mobile-Viewer": "false",
        "CloudFront-Is-SmartTV-Viewer": "false",
        "CloudFront-Is-Tablet-Viewer": "false",
        "CloudFront-Viewer-Country": "US",
        "Via": f"1.1 {host}.cloudfront.net (CloudFront)",
        "X-Amz-Cf-Id": moment.short_id,
    }
    headers["headers"].update(added)
    headers["multiValueHeaders"].update({name: [value] for name, value in added.items()})


REST_API = Front(
    name="rest_api",
    before=before,
    event=event_of,
    response=response_of,
    failure=failure,
    after=after,
    timeout_s=limits.REST_API_TIMEOUT_S,
    authorizations=("iam", "jwt"),
)
