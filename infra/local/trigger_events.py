"""The events of queues and buckets, and the meaning of a queue's batch result. Pure functions.

Source: docs/contract.md 6.6.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from infra.local.invocation import InvokeResult

Message = Mapping[str, Any]
Event = dict[str, Any]


def sqs_event(messages: Sequence[Message], queue_arn: str) -> Event:
    """Build the event of a batch.

    Args:
        messages: as boto3's receive_message returns them, with all attributes.
        queue_arn: the queue's ARN, which also names the region.
    """
    return {"Records": [_sqs_record(message, queue_arn) for message in messages]}


def _sqs_record(message: Message, queue_arn: str) -> Event:
    record: Event = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: str(text) for name, text in message.get("Attributes", {}).items()},
        "messageAttributes": {
            name: _message_attribute(attribute)
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
    }
    record["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    record["eventSource"] = "aws:sqs"
    record["eventSourceARN"] = queue_arn
    record["awsRegion"] = queue_arn.split(":")[3]
    return record


def _message_attribute(attribute: Mapping[str, Any]) -> Event:
    made: Event = {}
    if "StringValue" in attribute:
        made["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        made["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode("ascii")
    return {
        **made,
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": attribute["DataType"],
    }


def failed_ids(result: InvokeResult, message_ids: Iterable[str], *, report: bool) -> set[str]:
    """Return the ids of a batch's messages that failed and stay in the queue.

    Args:
        result: the invocation's.
        message_ids: the batch's.
        report: the mapping has ReportBatchItemFailures; without it the result means nothing.

    Source: [REC/DOC] docs/contract.md 6.6. A result without the key counts as success [?].
    """
    everything = set(message_ids)
    if result.function_error is not None:
        return everything
    if not report:
        return set()
    try:
        told = json.loads(result.payload or b"null")
    except ValueError:
        return everything
    if told is None:
        return set()
    if not isinstance(told, dict):
        return everything
    failures = told.get("batchItemFailures") or []
    if not isinstance(failures, list):
        return everything
    failed: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in everything:
            return everything
        failed.add(identifier)
    return failed


@dataclass(frozen=True)
class StoredObject:
    """An object in a bucket."""

    key: str
    size: int = 0
    etag: str = ""
    version_id: str | None = None


@dataclass(frozen=True)
class Change:
    """A change of an object: when, in which order, by which request."""

    name: str
    at_s: float
    sequencer: str
    request_id: str


def s3_event(
    stored: StoredObject, change: Change, *, bucket: str, region: str, configuration_id: str
) -> Event:
    """Build the notification of one change. A removal has no size.

    The key is encoded as in a form, but for its slashes.

    Source: [DOC] notification-content-structure; [REC] `a@b` is `a%40b`, a blank is "+".
    """
    described: Event = {"key": quote_plus(stored.key, safe="/")}
    if change.name.startswith("ObjectCreated:"):
        described |= {"size": stored.size, "eTag": stored.etag}
    if stored.version_id is not None:
        described["versionId"] = stored.version_id
    described["sequencer"] = change.sequencer
    at = datetime.fromtimestamp(change.at_s, UTC)
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
        "eventName": change.name,
        "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": change.request_id, "x-amz-id-2": "local"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "LOCAL"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": described,
        },
    }
    return {"Records": [record]}
