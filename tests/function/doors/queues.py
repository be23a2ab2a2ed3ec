"""Queue events and what stands behind the queue's door:
results kept in a list, a service that fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from function.doors.results_queue import Result, Send
from function.doors.sqs import SqsDoor
from function.errors import outcome_of
from function.limits import MAX_MESSAGE_BYTES
from function.objects.bucket import ObjectRef
from function.objects.process import Objects
from function.payloads import Payloads
from function.service import Answer, Served, Service
from model.errors import EngineError
from tests.function.objects import buckets
from tests.function.objects.buckets import event

STANDARD = "arn:aws:sqs:eu-central-1:123456789012:jobs"
FIFO = f"{STANDARD}.fifo"
SETOSA = [5.1, 3.5, 1.4, 0.2]
ROWS = {"model": "iris", "rows": [SETOSA]}
POISON = {"model": "iris", "rows": [[None, 3.5, 1.4, 0.2]]}
TRANSIENT = -13.0
"""A first column by which FakeService fails: as it may fail one time, and not the next."""

BROKEN = {"model": "iris", "rows": [[TRANSIENT, 3.5, 1.4, 0.2]]}
PREDICTION = {
    "label": "setosa",
    "confidence": 1.0,
    "probabilities": {"setosa": 1.0, "versicolor": 0.0, "virginica": 0.0},
}
ALL_DONE: dict[str, Any] = {"batchItemFailures": []}
ANSWER = {"model": "iris", "version": "1", "predictions": [PREDICTION]}


def record(name: object, payload: object, *, group: str | None = None, **more: Any) -> Any:
    """Make a record as SQS gives it; of a FIFO queue where it has a group."""
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1795341600000"}
    if group is not None:
        attributes |= {"SequenceNumber": "18850496460467696128", "MessageGroupId": group}
    made = {
        "messageId": name,
        "body": payload if isinstance(payload, str) else json.dumps(payload),
        "attributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": STANDARD if group is None else FIFO,
    }
    return made | more


def failures(*names: str) -> dict[str, Any]:
    """Make the reply that keeps these messages."""
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


def sns(message: object) -> dict[str, Any]:
    """Wrap a message as SNS does."""
    return {
        "Type": "Notification",
        "MessageId": "8c3e1bd0-0000-4000-8000-000000000001",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:pictures",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-22T10:00:00.000Z",
        "SignatureVersion": "1",
    }


def s3(*keys: str) -> dict[str, Any]:
    """Make a bucket's notification of new objects."""
    return event(*(buckets.record("pictures", key, size=1) for key in keys))


@dataclass
class Clock:
    """A context whose time is a number that the test moves."""

    left_ms: int = 30_000
    aws_request_id: str = "3f0e9c52-0000-4000-8000-000000000001"

    def get_remaining_time_in_millis(self) -> int:
        """Say what awslambdaric's context says."""
        return self.left_ms


class FakeService(Service):
    """The real models, each prediction taking its time; rows that start with TRANSIENT fail."""

    def __init__(self, service: Service, clock: Clock, takes_ms: Sequence[int] = ()) -> None:
        self._service = service
        self._clock = clock
        self._takes_ms = iter(takes_ms)
        self.asked = 0

    def find(self, name: object, version: object = None) -> Served:
        """Find a real model, and let it take its time."""
        served = copy(self._service.find(name, version))
        predict = served.predict

        def slow(instances: Any) -> Answer:
            self.asked += 1
            self._clock.left_ms -= next(self._takes_ms, 0)
            first = instances[0]
            if isinstance(first, list) and first[:1] == [TRANSIENT]:
                raise EngineError("onnx failed: secret")
            return predict(instances)

        served.predict = slow  # type: ignore[method-assign]
        return served


class FakeObjects(Objects):
    """Objects by what happens to them: an error's instance, or nothing."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self._errors = errors
        self.processed: list[str] = []

    def process(self, ref: ObjectRef, *, remaining_ms: Callable[[], int]) -> dict[str, Any]:
        """Predict an object."""
        assert remaining_ms() > 0
        self.processed.append(ref.key)
        if ref.key in self._errors:
            raise self._errors[ref.key]
        summary = {"source": f"s3://{ref.bucket}/{ref.key}", "result": f"s3://out/{ref.key}.json"}
        return summary | {"model": "digits", "version": "1", "count": 1}

    def settle(self, ref: ObjectRef, *, remaining_ms: Callable[[], int]) -> dict[str, Any]:
        """Predict an object; an error that stays is its result object."""
        try:
            return self.process(ref, remaining_ms=remaining_ms)
        except Exception as error:
            if outcome_of(error).retry:
                raise
            kind = type(error).__name__
            return {"source": f"s3://{ref.bucket}/{ref.key}", "error": {"type": kind}}


class FakeSend:
    """Results in a list; those of some messages are not taken, or the whole sending fails."""

    max_bytes = 1_048_576

    def __init__(self, *refused: str | None, error: Exception | None = None) -> None:
        self._refused = refused
        self._error = error
        self.batches: list[list[Result]] = []

    def __call__(self, results: Sequence[Result]) -> set[int]:
        """Take results."""
        if self._error:
            raise self._error
        refused = {at for at, one in enumerate(results) if one.message_id in self._refused}
        self.batches.append([one for at, one in enumerate(results) if at not in refused])
        return refused

    @property
    def sent(self) -> dict[str | None, Any]:
        """What was sent, by message."""
        return {one.message_id: one.answer for batch in self.batches for one in batch}


@dataclass
class Bench:
    """A door with everything around it."""

    clock: Clock
    service: FakeService
    send: Any
    objects: FakeObjects
    door: SqsDoor

    def answer(self, *records: Any) -> dict[str, Any]:
        """Answer a batch."""
        return self.door.answer(event(*records), self.clock)


def bench(
    service: Service,
    *,
    permanent: str = "dead-letter",
    takes_ms: Sequence[int] = (),
    send: Send | None = None,
    errors: dict[str, Exception] | None = None,
) -> Bench:
    """Build a door; some objects of its bucket, by their keys, fail with errors."""
    clock, send, objects = Clock(), send or FakeSend(), FakeObjects(errors or {})
    fake = FakeService(service, clock, takes_ms)
    opened: Callable[[], Any] = lambda: objects  # noqa: E731 -- for its type
    payloads = Payloads(fake, opened, max_body_bytes=MAX_MESSAGE_BYTES)
    door = SqsDoor(payloads, opened, send=send, permanent=permanent)
    return Bench(clock, fake, send, objects, door)
