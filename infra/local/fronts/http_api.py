"""API Gateway HTTP API, payload format 2.0 and 1.0. Cells: docs/contract.md 6.5.1 and 6.5.2."""

from __future__ import annotations

from dataclasses import replace

from infra.local import contract
from infra.local.fronts import payload_v1, payload_v2, proxy_result
from infra.local.fronts import request as readings
from infra.local.fronts.front import SERVER_ANSWERS, Event, Failure, Front
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response, ResultError, content_of, flag_of, message
from infra.local.fronts.routes import Match, matching
from infra.local.fronts.visit import Visit
from infra.settings.front import FrontConfig

# Bodies: [DOC] 401, 403; [3P] 404, 413, 500, 503. A throttled function is 503 here, 500 elsewhere
# [?]. That a failed function is 500, and a slow one 503, is known only from issues [?].
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
    """Return an answer of the gateway itself."""
    return message(*_ANSWERS.get(kind, _OTHERS))


def match(request: Request, config: FrontConfig) -> Match | None:
    """Find the route, after the stage."""
    stage, path = config.stage_path, request.raw_path
    if stage and path != stage and not path.startswith(stage + "/"):
        return None
    return matching(config.routes, request.method, path.removeprefix(stage))


def stamp(response: Response, moment: Moment) -> Response:
    """Add the gateway's request id ([3P] apigw-requestid)."""
    return response.plus(("apigw-requestid", moment.short_id))


def event_v2(visit: Visit) -> Event:
    """Build the event of payload format 2.0."""
    config, path = visit.config, _path(visit.request)
    headers = [pair for pair in payload_v2.headers_of(visit) if pair[0] != "cookie"]
    event = payload_v2.event_of(visit, headers, raw_path=path, path=path)
    own = {
        "accountId": config.account_id,
        "requestId": visit.moment.short_id,
        "stage": config.stage,
    }
    event["requestContext"].update(own)
    if parameters := _parameters(visit):
        event["pathParameters"] = parameters
    if config.stage_variables:
        event["stageVariables"] = dict(config.stage_variables)
    return event


def response_v2(payload: bytes, visit: Visit) -> Response:
    """Convert a result of payload format 2.0 to a response."""
    return payload_v2.response_of(payload, untyped=_UNTYPED)


def event_v1(visit: Visit) -> Event:
    """Build the event of 1.0: a REST API's, with a decoded path and its stage [?]."""
    request = visit.request
    path, binary = _path(request), readings.is_binary(request)  # [?] that 1.0 has the list of 2.0
    event = payload_v1.event_of(
        visit, path=path, context_path=path, binary=binary, parameters=_parameters(visit)
    )
    payload_v1.add_headers(event, {"Content-Length": str(len(request.body))})
    event["requestContext"]["identity"]["cognitoAmr"] = None
    return {"version": "1.0", **event}


def response_v1(payload: bytes, visit: Visit) -> Response:
    """Convert a result of payload format 1.0: the full shape, base64 always decoded.

    Raises:
        ResultError: it has no statusCode. [DOC] 1.0 infers nothing.
    """
    result = proxy_result.proxy_result_of(payload)
    if "statusCode" not in result:
        raise ResultError("result: expected a statusCode, got none")
    encoded = flag_of(result.get("isBase64Encoded"))
    content = content_of(result.get("body"), base64_encoded=encoded)
    return Response(proxy_result.status_or_ok(result), proxy_result.headers_of(result), content)


def _path(request: Request) -> str:
    # [3P] middleapi/standard-server PR #93, hono #2156: a decoded "%3F" cuts the path.
    return readings.decoded_path(request.raw_path).partition("?")[0]


def _parameters(visit: Visit) -> dict[str, str]:
    variables = visit.matched.variables
    return {name: readings.decoded_path(value) for name, value in variables.items()}  # [?]


HTTP_API = Front(
    name="http_api",
    head_limit_bytes=contract.API_HEAD_LIMIT_BYTES,
    body_limit_bytes=contract.API_BODY_LIMIT_BYTES,
    timeout_s=contract.HTTP_API_TIMEOUT_S,
    authorizations=("iam", "jwt"),
    preflight_status=204,  # [?]
    match=match,
    event=event_v2,
    response=response_v2,
    failure=failure,
    stamp=stamp,
)
HTTP_API_V1 = replace(HTTP_API, name="http_api_v1", event=event_v1, response=response_v1)
