"""
What invokes the function by itself: the poller of a queue and the notifier of a bucket.

Both talk to any SQS or S3 endpoint through the boto3 client they are given. One `poll` is one step
that a test can take alone; `run` takes steps until it is told to stop.

The cost of being outside the service: a bucket is watched by listing it, so an object that is
written and removed between two looks is not seen, and Put cannot be told from Post or Copy.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import contract
from infra.local.errors import ConfigError, Throttled
from infra.local.invocation import InvokeResult
from infra.local.trigger_events import (
    Change,
    Message,
    StoredObject,
    failed_ids,
    s3_event,
    sqs_event,
    wants,
)

LOGGER = logging.getLogger(__name__)

Invoke = Callable[[bytes], InvokeResult]  # waits for the result; may raise Throttled
Accept = Callable[[bytes], None]  # takes an event for later

_RECEIVE_LIMIT = 10  # [DOC] MaxNumberOfMessages of one receive, and entries of one delete
_BATCH_LIMIT = 10_000  # [DOC] standard queues
_FIFO_BATCH_LIMIT = 10  # [DOC]
_WINDOW_LIMIT_S = 300  # [DOC] MaximumBatchingWindowInSeconds
_LONGEST_PAUSE_S = 60.0  # [?] how far the service backs off is not documented


@dataclass(frozen=True)
class QueueMapping:
    """
    An event source mapping of a queue.

    Args:
        batch_size: most messages of one event; above 10 needs a window of a second at least.
        window_s: how long to collect a batch after its first message.
        report_failures: FunctionResponseTypes has ReportBatchItemFailures.
    """

    queue_url: str
    queue_arn: str
    batch_size: int = 10
    window_s: float = 0.0
    report_failures: bool = False

    def __post_init__(self) -> None:
        limit = _FIFO_BATCH_LIMIT if self.fifo else _BATCH_LIMIT
        if not 1 <= self.batch_size <= limit:
            raise ConfigError("batch_size", f"a number from 1 to {limit}", self.batch_size)
        if not 0 <= self.window_s <= _WINDOW_LIMIT_S or (self.fifo and self.window_s):
            expected = "0 for a FIFO queue" if self.fifo else f"0 to {_WINDOW_LIMIT_S} seconds"
            raise ConfigError("window_s", expected, self.window_s)
        if self.batch_size > _RECEIVE_LIMIT and self.window_s < 1:
            raise ConfigError("window_s", "1 at least for a batch_size above 10", self.window_s)

    @property
    def fifo(self) -> bool:
        """Say whether the queue keeps order."""
        return self.queue_arn.endswith(".fifo")


class SqsPoller:
    """
    Feed a queue's messages to the function, in batches, and delete what it has done.

    What fails stays in flight until the queue's visibility timeout ends: the queue then gives it
    again, or gives it to its dead-letter queue, by its own redrive policy. One batch at a time, so
    a FIFO queue's order is the queue's own.
    """

    def __init__(
        self,
        sqs: Any,
        invoke: Invoke,
        mapping: QueueMapping,
        *,
        wait_s: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Describe the poller.

        Args:
            sqs: a boto3 client.
            invoke: runs the function.
            mapping: which queue, in which batches.
            wait_s: how long one receive waits for a message, 0 to 20 seconds.
            clock: measures the batching window.
        """
        self._sqs = sqs
        self._invoke = invoke
        self._mapping = mapping
        self._wait_s = wait_s
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """
        Poll until told to stop; after a throttle or a queue that
        cannot be reached, pause longer.
        """
        pause_s = 1.0
        while not stop.is_set():
            try:
                self.poll()
                pause_s = 1.0
            except (Throttled, BotoCoreError, ClientError) as error:
                LOGGER.warning("%s: %s", self._mapping.queue_arn, error)
                stop.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def poll(self) -> int:
        """
        Run one batch, if there are messages. Give how many there were.

        Raises:
            Throttled: the function is busy; the messages stay, and have been received once more.
        """
        messages = self._receive()
        for batch in self._batches(messages):
            payload = json.dumps(sqs_event(batch, self._mapping.queue_arn)).encode()
            result = self._invoke(payload)
            ids = [message["MessageId"] for message in batch]
            failed = failed_ids(result, ids, report=self._mapping.report_failures)
            self._delete([message for message in batch if message["MessageId"] not in failed])
        return len(messages)

    def _receive(self) -> list[Message]:
        messages = self._received(self._mapping.batch_size, self._wait_s)
        until = self._clock() + self._mapping.window_s
        while messages and len(messages) < self._mapping.batch_size:
            left_s = until - self._clock()
            if left_s <= 0:
                break
            wanted = self._mapping.batch_size - len(messages)
            messages += self._received(wanted, min(self._wait_s, int(left_s)))
        return messages

    def _received(self, wanted: int, wait_s: int) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._mapping.queue_url,
            MaxNumberOfMessages=min(wanted, _RECEIVE_LIMIT),
            WaitTimeSeconds=wait_s,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def _batches(self, messages: list[Message]) -> list[list[Message]]:
        """Cut a batch whose event would be too large for Lambda."""
        if not messages:
            return []
        size = len(json.dumps(sqs_event(messages, self._mapping.queue_arn)).encode())
        if size <= contract.SYNC_REQUEST_LIMIT_BYTES or len(messages) == 1:
            return [messages]
        half = len(messages) // 2
        return self._batches(messages[:half]) + self._batches(messages[half:])

    def _delete(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), _RECEIVE_LIMIT):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + _RECEIVE_LIMIT])
            ]
            answer = self._sqs.delete_message_batch(
                QueueUrl=self._mapping.queue_url, Entries=entries
            )
            for failure in answer.get("Failed", []):
                LOGGER.warning("%s: not deleted: %s", self._mapping.queue_arn, failure)


@dataclass(frozen=True)
class BucketNotification:
    """
    A bucket's notification to the function.

    Args:
        events: "s3:ObjectCreated:*", "s3:ObjectRemoved:Delete" and the like.
        prefix, suffix: of the keys, compared as they are, not url-encoded.
    """

    bucket: str
    events: tuple[str, ...] = ("s3:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""
    region: str = "us-east-1"
    configuration_id: str = "lambake"


class S3Notifier:
    """
    Tell the function about objects that appear in a bucket, change, or go.

    The first look only learns what is there. One event has one record, as the service's usually do.
    """

    def __init__(
        self,
        s3: Any,
        accept: Accept,
        notification: BucketNotification,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Describe the notifier.

        Args:
            s3: a boto3 client.
            accept: queues an asynchronous invocation.
            notification: which bucket and which of its objects.
            clock: unix time.
        """
        self._s3 = s3
        self._accept = accept
        self._notification = notification
        self._clock = clock
        self._known: dict[str, StoredObject] | None = None
        self._count = 0

    def run(self, stop: threading.Event, *, pause_s: float = 0.5) -> None:
        """Look until told to stop."""
        while not stop.wait(pause_s):
            try:
                self.poll()
            except (BotoCoreError, ClientError) as error:
                LOGGER.warning("%s: %s", self._notification.bucket, error)

    def poll(self) -> int:
        """Look once, and queue an event for each change. Give how many there were."""
        found = {stored.key: stored for stored in self._listed()}
        known, self._known = self._known, found
        if known is None:
            return 0
        changes = [
            (stored, _created(stored)) for key, stored in found.items() if known.get(key) != stored
        ]
        changes += [(known[key], "ObjectRemoved:Delete") for key in known if key not in found]
        told = [change for change in changes if wants(self._notification.events, change[1])]
        for stored, name in told:
            self._tell(stored, name)
        return len(told)

    def _listed(self) -> Sequence[StoredObject]:
        notification = self._notification
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=notification.bucket, Prefix=notification.prefix
        )
        return [
            StoredObject(
                key=item["Key"],
                size=item["Size"],
                etag=item["ETag"].strip('"'),
                modified=item["LastModified"].isoformat(),
            )
            for page in pages
            for item in page.get("Contents", [])
            if item["Key"].endswith(notification.suffix)
        ]

    def _tell(self, stored: StoredObject, name: str) -> None:
        self._count += 1
        at_s = self._clock()
        change = Change(
            name=name,
            at_s=at_s,
            # Grows with every change: time first, then the order within it.
            sequencer=f"{int(at_s * 1000):012X}{self._count:06X}",
            request_id=uuid.uuid4().hex[:16].upper(),
        )
        event = s3_event(
            stored,
            change,
            bucket=self._notification.bucket,
            region=self._notification.region,
            configuration_id=self._notification.configuration_id,
        )
        self._accept(json.dumps(event).encode())


def _created(stored: StoredObject) -> str:
    # [DOC] the ETag of a multipart upload ends by a hyphen and the number of its parts.
    multipart = "-" in stored.etag
    return "ObjectCreated:CompleteMultipartUpload" if multipart else "ObjectCreated:Put"
