"""
Lambda Function URL with AuthType NONE, or AWS_IAM where `authorization` is "iam".

Cells: docs/contract.md 6.5.1 and 6.5.2.
"""

from __future__ import annotations

from infra.local.fronts import limits, payload_v2
from infra.local.fronts import request as readings
from infra.local.fronts.cors import preflight_of, with_cors
from infra.local.fronts.front import SERVER_ANSWERS, Event, Failure, Front
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response, message
from infra.settings.front import DEFAULT_STAGE, FrontConfig

# [REC] 502, text without JSON. All other words are guesses in the shape of the recorded 403 [?].
_ANSWERS = {
    **SERVER_ANSWERS,
    Failure.BODY_TOO_LARGE: (413, "Request Entity Too Large"),
    Failure.EVENT_TOO_LARGE: (413, "Request Entity Too Large"),
    Failure.THROTTLED: (429, "Rate Exceeded."),
}
# [REC] the body; [3P] awsdocs/aws-lambda-developer-guide #494 the error type beside it.
_FORBIDDEN = message(
    403,
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    key="Message",
).plus(("x-amzn-ErrorType", "AccessDeniedException"))
_DEFAULT_ROUTE_KEY = "$default"
_UNTYPED = "application/json"


def failure(kind: Failure) -> Response:
    """Word an answer of the service itself."""
    if kind is Failure.NOT_SIGNED:
        return _FORBIDDEN
    if kind in _ANSWERS:
        return message(*_ANSWERS[kind], key="Message")
    content_type = ("content-type", "application/json")  # [?] the body is no JSON
    return Response(502, (content_type,), b"Internal Server Error")


def before(request: Request, config: FrontConfig) -> Response | None:
    """Check the limits and answer preflights. Every path is the function's."""
    if request.head_bytes > limits.API_HEAD_LIMIT_BYTES:  # [?] no limit is documented
        return failure(Failure.HEAD_TOO_LARGE)
    if len(request.body) > limits.URL_BODY_LIMIT_BYTES:
        return failure(Failure.BODY_TOO_LARGE)
    return preflight_of(request, config, status=200)  # [?]


def after(response: Response, request: Request, config: FrontConfig, moment: Moment) -> Response:
    """Set the CORS headers as configured, and the service's request id."""
    return with_cors(response, request, config).plus(("x-amzn-RequestId", moment.uuid))


def event_of(request: Request, config: FrontConfig, moment: Moment) -> Event:
    """Make the event: 2.0, with a raw rawPath, and the cookies twice."""
    headers = payload_v2.headers_of(request, moment)
    headers += [
        ("x-amzn-tls-version", "TLSv1.3"),  # there is no TLS here, but a URL never is without
        ("x-amzn-tls-cipher-suite", "TLS_AES_128_GCM_SHA256"),
    ]
    event: Event = payload_v2.opening_of(
        request, headers, route_key=_DEFAULT_ROUTE_KEY, raw_path=request.raw_path
    )
    path = readings.decoded_path(request.raw_path)
    event["requestContext"] = {
        **payload_v2.context_of(request, moment, path=path),
        "accountId": "anonymous",
        "apiId": config.api_id,
        "requestId": moment.uuid,
        "routeKey": _DEFAULT_ROUTE_KEY,
        "stage": DEFAULT_STAGE,
    }
    event.update(payload_v2.body_fields(request))
    return event


def response_of(payload: bytes, request: Request, config: FrontConfig) -> Response:
    """Read a result of payload format 2.0."""
    return payload_v2.response_of(payload, untyped=_UNTYPED)


FUNCTION_URL = Front(
    name="function_url",
    before=before,
    event=event_of,
    response=response_of,
    failure=failure,
    after=after,
    timeout_s=None,
    authorizations=("iam",),
)
