"""Events of queues and buckets, and what a batch's result means: docs/contract.md 6.6."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.invocation import InvokeResult
from infra.local.trigger_events import Change, StoredObject, failed_ids, s3_event, sqs_event

ARN = "arn:aws:sqs:eu-west-1:123456789012:q.fifo"


def test_sqs_record() -> None:
    """A message becomes the recorded record, whole."""
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "grüß",
        "MD5OfBody": "5",
        "MD5OfMessageAttributes": "6",
        "Attributes": {"ApproximateReceiveCount": 2, "MessageGroupId": "g"},
        "MessageAttributes": {
            "a": {"StringValue": "1", "DataType": "Number"},
            "b": {"BinaryValue": b"\xff\x00", "DataType": "Binary.x"},
        },
    }
    assert sqs_event([message], ARN) == {
        "Records": [
            {
                "messageId": "m",
                "receiptHandle": "r",
                "body": "grüß",
                "attributes": {"ApproximateReceiveCount": "2", "MessageGroupId": "g"},
                "messageAttributes": {
                    "a": {
                        "stringValue": "1",
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "Number",
                    },
                    "b": {
                        "binaryValue": "/wA=",
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "Binary.x",
                    },
                },
                "md5OfBody": "5",
                "md5OfMessageAttributes": "6",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }


def result(payload: Any, error: str | None = None) -> InvokeResult:
    """Make a function's result."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return InvokeResult("id", raw, error, "$LATEST", b"")


IDS = ["1", "2", "3"]
NOTHING: set[str] = set()
ALL = set(IDS)


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        (None, NOTHING),
        (b"", NOTHING),
        ({}, NOTHING),
        ({"batchItemFailures": []}, NOTHING),
        ({"batchItemFailures": None}, NOTHING),
        ({"other": 1}, NOTHING),
        ({"batchItemFailures": [{"itemIdentifier": "2"}]}, {"2"}),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}, {"2", "3"}),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "2"}]}, {"2"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": "9"}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": 2}]}, ALL),
        ({"batchItemFailures": [{"foo": "2"}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"foo": 1}]}, ALL),
        ({"batchItemFailures": ["2"]}, ALL),
        ({"batchItemFailures": "2"}, ALL),
        (["2"], ALL),
        ("x", ALL),
        (b"not JSON", ALL),
    ],
)
def test_partial_failures(payload: Any, failed: set[str]) -> None:
    """A reported item fails alone; a report that cannot be understood fails the whole batch."""
    assert failed_ids(result(payload), IDS, report=True) == failed


@pytest.mark.parametrize("report", [True, False])
def test_function_error(report: bool) -> None:
    """A function that fails or times out fails the whole batch, good messages included."""
    assert failed_ids(result({}, "Unhandled"), IDS, report=report) == ALL


def test_without_reports() -> None:
    """Without ReportBatchItemFailures whatever is returned means that all is done."""
    told = {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert failed_ids(result(told), IDS, report=False) == NOTHING
    assert failed_ids(result(b"not JSON"), IDS, report=False) == NOTHING


def notified(stored: StoredObject, name: str) -> dict[str, Any]:
    """Make a notification's only record."""
    change = Change(name, 1783711145.5, "0A", "R")
    event = s3_event(stored, change, bucket="b", region="eu-west-1", configuration_id="c")
    assert list(event) == ["Records"]
    assert len(event["Records"]) == 1
    record: dict[str, Any] = event["Records"][0]
    return record


def test_s3_record() -> None:
    """A written object is the documented record, whole, with its key form-url-encoded."""
    stored = StoredObject("red flower a@b/ü+.jpg", 3, "e", "v")
    assert notified(stored, "ObjectCreated:Put") == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-07-10T19:19:05.500Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "R", "x-amz-id-2": "local"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "c",
            "bucket": {
                "name": "b",
                "ownerIdentity": {"principalId": "LOCAL"},
                "arn": "arn:aws:s3:::b",
            },
            "object": {
                "key": "red+flower+a%40b/%C3%BC%2B.jpg",
                "size": 3,
                "eTag": "e",
                "versionId": "v",
                "sequencer": "0A",
            },
        },
    }


def test_s3_removal() -> None:
    """A removed object has neither size nor ETag, and no version where there are none."""
    record = notified(StoredObject("k", 3, "e"), "ObjectRemoved:Delete")
    assert record["s3"]["object"] == {"key": "k", "sequencer": "0A"}
