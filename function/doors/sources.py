"""
Recognise where an event comes from: with foreign.py the
only place that knows the shapes of events.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from function.doors.foreign import service_of


class Source(Enum):
    """What sent an event; the value is its name in the log."""

    HTTP_API_V2 = "http-api-2.0"
    HTTP_API_V1 = "http-api-1.0"
    REST_API = "rest-api"
    FUNCTION_URL = "function-url"
    ALB = "alb"
    DIRECT = "direct"
    MAP = "step-functions-map"
    SQS = "sqs"
    S3 = "s3"
    EVENTBRIDGE = "eventbridge"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"

    @property
    def is_http(self) -> bool:
        """Whether the event is an HTTP request."""
        return self in _HTTP


_HTTP = frozenset(
    {
        Source.HTTP_API_V2,
        Source.HTTP_API_V1,
        Source.REST_API,
        Source.FUNCTION_URL,
        Source.ALB,
    }
)


def source_of(event: Any) -> Source:
    """
    Name an event's source by its shape; never raises, whatever JSON the event is.

    Returns:
        FOREIGN for an event of an AWS service that no door takes, UNKNOWN for anything else.
    """
    if not isinstance(event, dict):
        return _foreign_or_unknown(event)
    if event.keys() & _AUTHORISER_KEYS:
        return Source.FOREIGN  # it has the shape of a request, but wants a policy
    if isinstance(event.get("requestContext"), dict):
        return _http_source_of(event, event["requestContext"])
    if isinstance(event.get("Records"), list):
        return _record_source_of(event)
    if event.get("Event") == "s3:TestEvent" and "Bucket" in event:
        return Source.S3
    if "detail-type" in event and "source" in event:
        return Source.EVENTBRIDGE
    if isinstance(event.get("Items"), list):
        return Source.MAP
    return Source.DIRECT if "model" in event else _foreign_or_unknown(event)


_AUTHORISER_KEYS = frozenset({"methodArn", "routeArn"})
"""What API Gateway adds to a request that it shows to a Lambda authoriser."""


def _foreign_or_unknown(event: Any) -> Source:
    return Source.FOREIGN if service_of(event) else Source.UNKNOWN


def _http_source_of(event: dict[str, Any], context: dict[str, Any]) -> Source:
    if "elb" in context:
        return Source.ALB
    if event.get("version") == "2.0":
        if not isinstance(context.get("http"), dict):
            return Source.FOREIGN
        return Source.FUNCTION_URL if _is_function_url(context) else Source.HTTP_API_V2
    if "httpMethod" not in event:
        return Source.FOREIGN  # a WebSocket's event
    return Source.HTTP_API_V1 if event.get("version") == "1.0" else Source.REST_API


def _is_function_url(context: dict[str, Any]) -> bool:
    domain = context.get("domainName")
    return isinstance(domain, str) and ".lambda-url." in domain


def _record_source_of(event: dict[str, Any]) -> Source:
    first = event["Records"][0] if event["Records"] else {}
    if not isinstance(first, dict):
        return Source.UNKNOWN
    sender = first.get("eventSource", first.get("EventSource"))
    if sender == "aws:sqs":
        return Source.SQS
    if sender == "aws:s3":
        return Source.S3
    return _foreign_or_unknown(event)
