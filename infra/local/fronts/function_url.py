"""Lambda Function URL with AuthType NONE, or AWS_IAM where `authorization` is "iam".

Cells: docs/contract.md 6.5.1 and 6.5.2.
"""

from __future__ import annotations

from infra.local import contract
from infra.local.fronts import payload_v2
from infra.local.fronts.front import SERVER_ANSWERS, Event, Failure, Front
from infra.local.fronts.request import Moment, Request, decoded_path
from infra.local.fronts.response import Response, message
from infra.local.fronts.routes import Match
from infra.local.fronts.visit import Visit
from infra.settings.front import DEFAULT_ROUTE, DEFAULT_STAGE, FrontConfig

# [REC] 502, text without JSON. All other texts are guesses in the form of the recorded 403 [?].
_ANSWERS = {
    **SERVER_ANSWERS,
    Failure.BODY_TOO_LARGE: (413, "Request Entity Too Large"),
    Failure.EVENT_TOO_LARGE: (413, "Request Entity Too Large"),
    Failure.THROTTLED: (429, "Rate Exceeded."),
}
# [REC] the body; [3P] awsdocs/aws-lambda-developer-guide #494 the error type with it.
_FORBIDDEN = message(
    403,
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    key="Message",
).plus(("x-amzn-ErrorType", "AccessDeniedException"))
_UNTYPED = "application/json"


def failure(kind: Failure) -> Response:
    """Return an answer of the service itself."""
    if kind is Failure.NOT_SIGNED:
        return _FORBIDDEN
    if kind in _ANSWERS:
        return message(*_ANSWERS[kind], key="Message")
    content_type = ("content-type", "application/json")  # [?] the body is not JSON
    return Response(502, (content_type,), b"Internal Server Error")


def match(request: Request, config: FrontConfig) -> Match:
    """Match every path: all are the function's."""
    return Match(DEFAULT_ROUTE, {})


def stamp(response: Response, moment: Moment) -> Response:
    """Add the service's request id."""
    return response.plus(("x-amzn-RequestId", moment.uuid))


def event_of(visit: Visit) -> Event:
    """Build the event: 2.0, rawPath as sent, the cookies in both the list and the headers."""
    headers = payload_v2.headers_of(visit)
    headers += [
        ("x-amzn-tls-version", "TLSv1.3"),  # no TLS here, but a Function URL always has it
        ("x-amzn-tls-cipher-suite", "TLS_AES_128_GCM_SHA256"),
    ]
    raw_path = visit.request.raw_path
    event = payload_v2.event_of(visit, headers, raw_path=raw_path, path=decoded_path(raw_path))
    config = visit.config
    event["requestContext"] |= {
        "accountId": "anonymous",
        # By it a function tells a URL from an HTTP API, whatever address the client asked for.
        "domainName": f"{config.api_id}.lambda-url.{config.region}.on.aws",
        "domainPrefix": config.api_id,
        "requestId": visit.moment.uuid,
        "stage": DEFAULT_STAGE,
    }
    return event


def response_of(payload: bytes, visit: Visit) -> Response:
    """Convert a result of payload format 2.0 to a response."""
    return payload_v2.response_of(payload, untyped=_UNTYPED)


FUNCTION_URL = Front(
    name="function_url",
    head_limit_bytes=contract.API_HEAD_LIMIT_BYTES,  # [?] no limit is documented
    body_limit_bytes=contract.URL_BODY_LIMIT_BYTES,
    authorizations=("iam",),
    preflight_status=200,  # [?]
    keeps_cors=True,
    match=match,
    event=event_of,
    response=response_of,
    failure=failure,
    stamp=stamp,
)
