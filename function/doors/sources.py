"""Where an event comes from: the only module that knows the shapes of events.

An event of a service that no door takes is FOREIGN; the error that refuses it names what `clue_in`
finds, from the fixed lists below. Nothing of the event itself is repeated.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final


class Source(Enum):
    """The sender of an event; the value is its name in the log."""

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


_HTTP: Final = frozenset(
    {
        Source.HTTP_API_V2,
        Source.HTTP_API_V1,
        Source.REST_API,
        Source.FUNCTION_URL,
        Source.ALB,
    }
)


def source_of(event: Any) -> Source:
    """Return an event's source by its shape; never raises, whatever JSON the event is.

    Returns:
        FOREIGN for an event of an AWS service that no door takes, UNKNOWN for anything else.
    """
    if not isinstance(event, dict):
        return _foreign_or_unknown(event)
    if event.keys() & _AUTHORISER_KEYS:
        return Source.FOREIGN  # shaped like a request, but it expects a policy
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


_AUTHORISER_KEYS: Final = frozenset({"methodArn", "routeArn"})
"""What API Gateway adds to a request that it shows to a Lambda authoriser."""


def _foreign_or_unknown(event: Any) -> Source:
    return Source.FOREIGN if clue_in(event) else Source.UNKNOWN


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


_SENDERS: Final = {
    "SelfManagedKafka", "aws:codecommit", "aws:docdb", "aws:dynamodb", "aws:kafka", "aws:kinesis",
    "aws:mq", "aws:rmq", "aws:s3", "aws:ses", "aws:sns", "aws:sqs",
}  # fmt: skip
"""Values of `eventSource` in the events that the Lambda documentation shows."""

_KEYS: Final = {
    "@type", "AlarmName", "CallDetails", "CampaignId", "Cause", "CodePipeline.job", "DeploymentId",
    "Details", "EventSource", "InvocationId", "RequestType", "SecretId", "agent", "alarmData",
    "authorizationToken", "awslogs", "cf", "claimCertificateId", "clickType", "connection-id",
    "currentIntent", "datasetName", "deviceEvent", "directive", "eventSource", "external_function",
    "getObjectContext", "header", "identity", "invocationId", "invokingEvent", "jobId", "jobQueue",
    "labelingJobArn", "methodArn", "operation", "outErrors", "protocolData", "raw_path",
    "requestContext", "routeArn", "serverId", "session", "sessionState", "stash", "summaryVersion",
    "tasks", "tokenSignature", "triggerSource", "typeName", "widgetContext", "window",
}  # fmt: skip
"""Keys that identify events of other services, from those services' documentation."""


def clue_in(event: Any) -> str | None:
    """Return what identifies an event's sender: `eventSource`, or else the known keys in it."""
    if isinstance(event, list) and event:
        event = event[0]  # a pipe of EventBridge sends a batch as a bare list
    if not isinstance(event, dict):
        return None
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        event = records[0]
    sender = event.get("eventSource", event.get("EventSource"))
    if isinstance(sender, str) and sender in _SENDERS:
        return f"an event of {sender}"
    keys = sorted(event.keys() & _KEYS)
    return f"an event with {', '.join(keys)}" if keys else None
