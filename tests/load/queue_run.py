"""Messages through a queue, the emulator's pollers and the function, and where each has ended."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.server import LocalLambda
from infra.local.triggers import QueueMapping, SqsPoller
from tests.infra.cloud.clouds import client_of
from tests.load import accounts
from tests.load.killer import Load, loaded
from tests.load.samples import pictures, rows

TOGETHER = 10
VISIBILITY_S = 30
RECEIVES = 5


@dataclass(frozen=True)
class Message:
    """A message's body, and the model and labels that are the answer; None: there is none."""

    body: str
    answer: Hashable


def messages(count: int, seed: int = 5) -> Iterator[Message]:
    """Mix pictures, rows and, one in a hundred, what nobody can answer."""
    chance = random.Random(seed)
    images = [(base64.b64encode(data).decode(), label) for data, label in pictures()]
    flowers = rows()
    poison = [
        '{"model": "digits", "image": "bm9uZQ=="}',
        '{"model": "iris", "rows": [[1, 2]]}',
        '{"model": "unknown", "rows": [[1]]}',
        "no JSON",
    ]
    bad = set(chance.sample(range(count), count // 100))
    for number in range(count):
        if number in bad:
            yield Message(poison[number % len(poison)], None)
        elif chance.random() < 0.5:
            image, label = chance.choice(images)
            body = json.dumps({"model": "digits", "image": image})
            yield Message(body, ("digits", label))
        else:
            some = chance.sample(flowers, chance.randint(1, 3))
            body = json.dumps({"model": "iris", "rows": [row for row, _ in some]})
            yield Message(body, ("iris", *(label for _, label in some)))


@dataclass
class Ended(accounts.Ended):
    """Where the messages have ended, by their ids."""

    failed: int = 0
    received: Counter[str] = field(default_factory=Counter)

    @property
    def redelivered(self) -> int:
        """How often a good message came once more."""
        return sum(n - 1 for name, n in self.received.items() if self.expected[name] is not None)


class QueueRun:
    """A queue with its dead letters and its results, in a moto server."""

    def __init__(self, endpoint: str, skip_s: Callable[[float], None], *, fifo: bool) -> None:
        """Create the queues.

        Args:
            endpoint: of the server.
            skip_s: moves the queues' clock on.
            fifo: the results' queue takes each result once.
        """
        self._endpoint = endpoint
        self._skip_s = skip_s
        self._sqs = client_of("sqs", endpoint)
        self._dead, dead_arn = self._queue(uuid.uuid4().hex)
        redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": RECEIVES}
        self._jobs, self._arn = self._queue(
            uuid.uuid4().hex,
            VisibilityTimeout=str(VISIBILITY_S),
            RedrivePolicy=json.dumps(redrive),
        )
        name, attributes = ("results.fifo", {"FifoQueue": "true"}) if fifo else ("results", {})
        self._results, _ = self._queue(f"{uuid.uuid4().hex}-{name}", **attributes)
        self._ended = Ended()

    def close(self) -> None:
        """Close the connection."""
        self._sqs.close()

    def run(self, sent: Iterator[Message], load: Load) -> Ended:
        """Send all, let as many pollers as environments work until nothing is left, and collect."""
        self._send(list(sent))
        variables = {
            "AWS_ENDPOINT_URL": self._endpoint,
            "LAMBAKE_RESULTS_QUEUE": self._results,
            "LAMBAKE_PERMANENT_FAILURES": "dead-letter",
        }
        with loaded(load, "queue-load", variables) as (local, killer):
            begun = time.monotonic()
            self._work_off(local, load.concurrency)
            self._ended.seconds = time.monotonic() - begun
            self._ended.killed = killer.killed
        self._collect()
        return self._ended

    def _queue(self, name: str, **attributes: str) -> tuple[str, str]:
        url = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, told["Attributes"]["QueueArn"]

    def _send(self, sent: list[Message]) -> None:
        for start in range(0, len(sent), TOGETHER):
            some = sent[start : start + TOGETHER]
            entries = [{"Id": str(n), "MessageBody": one.body} for n, one in enumerate(some)]
            told = self._sqs.send_message_batch(QueueUrl=self._jobs, Entries=entries)
            for taken in told["Successful"]:
                self._ended.expected[taken["MessageId"]] = some[int(taken["Id"])].answer

    def _work_off(self, local: LocalLambda, pollers: int) -> None:
        def invoke(payload: bytes) -> InvokeResult:
            records = json.loads(payload)["Records"]
            self._ended.received.update(record["messageId"] for record in records)
            result = local.invoke(InvokeRequest(payload))
            self._ended.failed += result.function_error is not None
            return result

        def poll() -> None:
            mapping = QueueMapping(self._jobs, self._arn, report_failures=True)
            with contextlib.closing(client_of("sqs", self._endpoint)) as sqs:
                poller = SqsPoller(sqs, invoke, mapping, wait_s=0)
                while poller.poll():
                    pass

        with ThreadPoolExecutor(pollers) as pool:
            while self._left():
                for done in [pool.submit(poll) for _ in range(pollers)]:
                    done.result()
                # What has failed lies hidden: now it comes again.
                self._skip_s(VISIBILITY_S + 1)

    def _left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=self._jobs, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)

    def _collect(self) -> None:
        for message in self._taken(self._results):
            told = json.loads(message["Body"])
            labels = [one["label"] for one in told["predictions"]]
            self._ended.answers.append((told["message_id"], (told["model"], *labels)))
        self._ended.given_up += [message["MessageId"] for message in self._taken(self._dead)]

    def _taken(self, url: str) -> Iterator[Any]:
        while True:
            told = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=TOGETHER)
            if "Messages" not in told:
                return
            yield from told["Messages"]
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(told["Messages"])
            ]
            self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)
