"""API Gateway HTTP API, payload format 2.0 and 1.0. Cells: docs/contract.md 6.5.1 and 6.5.2."""

from __future__ import annotations

from infra.local.fronts import limits, payload_v1, payload_v2, proxy_result
from infra.local.fronts import request as readings
from infra.local.fronts.cors import preflight_of, with_cors
from infra.local.fronts.front import SERVER_ANSWERS, Event, Failure, Front
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response, ResultError, content_of, flag_of, message
from infra.local.fronts.routes import Match, matching
from infra.settings.front import FrontConfig

# Bodies: [DOC] 401, 403; [3P] 404, 413, 500, 503. A throttled function is 503 here, 500 elsewhere
# [?]. That a failed function is 500, and a slow one 503, is known from issues only [?].
_ANSWERS = {
    **SERVER_ANSWERS,
    Failure.BODY_TOO_LARGE: (413, "Request Entity Too Large"),
    Failure.EVENT_TOO_LARGE: (413, "Request Entity Too Large"),
    Failure.NO_ROUTE: (404, "Not Found"),
    Failure.TIMEOUT: (503, "Service Unavailable"),
    Failure.THROTTLED: (503, "Service Unavailable"),
    Failure.NOT_SIGNED: (403, "Forbidden"),
    Failure.NOT_AUTHENTICATED: (401, "Unauthorized"),
}
_OTHERS = (500, "Internal Server Error")
_UNTYPED = "text/plain;charset=utf-8"  # [?] with a statusCode and no content type


def failure(kind: Failure) -> Response:
    """Word an answer of the gateway itself."""
    return message(*_ANSWERS.get(kind, _OTHERS))


def before(request: Request, config: FrontConfig) -> Response | None:
    """Check the limits, answer preflights, refuse what has no route."""
    if request.head_bytes > limits.API_HEAD_LIMIT_BYTES:
        return failure(Failure.HEAD_TOO_LARGE)
    if len(request.body) > limits.API_BODY_LIMIT_BYTES:
        return failure(Failure.BODY_TOO_LARGE)
    preflight = preflight_of(request, config, status=204)  # [?]
    if preflight is not None:
        return preflight
    return None if _match(request, config) else failure(Failure.NO_ROUTE)


def after(response: Response, request: Request, config: FrontConfig, moment: Moment) -> Response:
    """Set the CORS headers as configured, and the gateway's request id ([3P] apigw-requestid)."""
    return with_cors(response, request, config).plus(("apigw-requestid", moment.short_id))


def event_v2(request: Request, config: FrontConfig, moment: Moment) -> Event:
    """Make the event of payload format 2.0."""
    match = _matched(request, config)
    path = _path(request)
    headers = [pair for pair in payload_v2.headers_of(request, moment) if pair[0] != "cookie"]
    event: Event = payload_v2.opening_of(request, headers, route_key=match.route.key, raw_path=path)
    event["requestContext"] = {
        **payload_v2.context_of(request, moment, path=path),
        "accountId": config.account_id,
        "apiId": config.api_id,
        "requestId": moment.short_id,
        "routeKey": match.route.key,
        "stage": config.stage,
    }
    if match.variables:
        event["pathParameters"] = _decoded(match.variables)
    if config.stage_variables:
        event["stageVariables"] = dict(config.stage_variables)
    event.update(payload_v2.body_fields(request))
    return event


def response_v2(payload: bytes, request: Request, config: FrontConfig) -> Response:
    """Read a result of payload format 2.0."""
    return payload_v2.response_of(payload, untyped=_UNTYPED)


def event_v1(request: Request, config: FrontConfig, moment: Moment) -> Event:
    """
    Make the event of payload format 1.0: as a REST API's, with
    a decoded path and its stage [?].
    """
    match = _matched(request, config)
    path = _path(request)
    resource = match.route.path or match.route.key
    context = payload_v1.context_of(request, config, moment, path=path, resource=resource)
    context["identity"] = {**payload_v1.identity_of(request), "cognitoAmr": None}
    return {
        "version": "1.0",
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        **payload_v1.headers_of(request, moment, content_length=True),
        **payload_v1.query_of(request),
        "requestContext": context,
        "pathParameters": _decoded(match.variables) or None,
        "stageVariables": dict(config.stage_variables) or None,
        "body": readings.body_of(request, binary=_binary(request)) if request.body else None,
        "isBase64Encoded": _binary(request),
    }


def response_v1(payload: bytes, request: Request, config: FrontConfig) -> Response:
    """
    Read a result of payload format 1.0: the full shape, base64 always decoded.

    Raises:
        ResultError: it has no statusCode. [DOC] 1.0 infers nothing.
    """
    result = proxy_result.proxy_result_of(payload)
    if "statusCode" not in result:
        raise ResultError("result: expected a statusCode, got none")
    encoded = flag_of(result.get("isBase64Encoded"))
    content = content_of(result.get("body"), base64_encoded=encoded)
    return Response(proxy_result.status_or_ok(result), proxy_result.headers_of(result), content)


def _binary(request: Request) -> bool:
    # [?] that 1.0 has the list of 2.0
    return bool(request.body) and not readings.is_text(request.header("content-type"))


def _match(request: Request, config: FrontConfig) -> Match | None:
    path = request.raw_path
    if config.stage_path:
        if path != config.stage_path and not path.startswith(config.stage_path + "/"):
            return None
        path = path.removeprefix(config.stage_path)
    return matching(config.routes, request.method, path)


def _matched(request: Request, config: FrontConfig) -> Match:
    match = _match(request, config)
    if match is None:
        raise ValueError("expected a request that has a route: `before` refuses the others")
    return match


def _path(request: Request) -> str:
    # [3P] middleapi/standard-server PR #93, hono #2156: a decoded "%3F" cuts the path.
    return readings.decoded_path(request.raw_path).partition("?")[0]


def _decoded(variables: dict[str, str]) -> dict[str, str]:
    return {name: readings.decoded_path(value) for name, value in variables.items()}  # [?]


HTTP_API = Front(
    name="http_api",
    before=before,
    event=event_v2,
    response=response_v2,
    failure=failure,
    after=after,
    timeout_s=limits.HTTP_API_TIMEOUT_S,
    authorizations=("iam", "jwt"),
)
HTTP_API_V1 = Front(
    name="http_api_v1",
    before=before,
    event=event_v1,
    response=response_v1,
    failure=failure,
    after=after,
    timeout_s=limits.HTTP_API_TIMEOUT_S,
    authorizations=("iam", "jwt"),
)
