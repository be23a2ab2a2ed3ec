"""The poller of a queue, which invokes the function by itself.

It works with any SQS endpoint through the boto3 client that it is given. One `poll` is one step,
which a test can run alone; `run` repeats it until told to stop. Notifications of buckets are sent
by the simulated cloud (infra/cloud/patches.py).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local import contract
from infra.local.invocation import InvokeResult
from infra.local.trigger_events import Message, failed_ids, sqs_event
from infra.settings.errors import ConfigError

LOGGER = logging.getLogger(__name__)

Invoke = Callable[[bytes], InvokeResult]  # waits for the result; may raise Throttled

_RECEIVE_LIMIT = 10  # [DOC] MaxNumberOfMessages of one receive, and entries of one delete
_BATCH_LIMIT = 10_000  # [DOC] standard queues
_FIFO_BATCH_LIMIT = 10  # [DOC]
_WINDOW_LIMIT_S = 300  # [DOC] MaximumBatchingWindowInSeconds
_LONGEST_PAUSE_S = 60.0  # [?] how far the service backs off is not documented


@dataclass(frozen=True)
class QueueMapping:
    """An event source mapping of a queue.

    Args:
        batch_size: the most messages of one event; above 10 needs a window of at least 1 second.
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
        """Whether the queue keeps order."""
        return self.queue_arn.endswith(".fifo")


class SqsPoller:
    """Sends a queue's messages to the function in batches, and deletes those that succeed.

    A message that fails stays in flight until the queue's visibility timeout ends. Then the queue
    delivers it again or moves it to its dead-letter queue, by its own redrive policy. Batches run
    one at a time, so a FIFO queue keeps its order.
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
        """Describe the poller.

        Args:
            sqs: a boto3 client.
            invoke: runs the function.
            mapping: the queue and its batches.
            wait_s: how long one receive waits for a message, 0 to 20 seconds.
            clock: measures the batching window.
        """
        self._sqs = sqs
        self._invoke = invoke
        self._mapping = mapping
        self._wait_s = wait_s
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Poll until told to stop, with growing pauses while anything fails.

        Whatever fails may be mended meanwhile: a poller outlives it.
        """
        pause_s = 1.0
        while not stop.is_set():
            try:
                self.poll()
                pause_s = 1.0
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                LOGGER.warning("%s: %s", self._mapping.queue_arn, error)
                stop.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def poll(self) -> int:
        """Run one batch, if there are messages.

        Returns:
            The number of messages.

        Raises:
            Throttled: the function is busy; the messages stay, with one more receive counted.
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
        """Halve a batch until its event is small enough for Lambda."""
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
