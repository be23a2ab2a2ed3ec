"""The poller of a queue, against a moto server."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from infra.local.errors import Throttled
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.server import LocalLambda
from infra.local.triggers import QueueMapping, SqsPoller
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig
from tests.infra.cloud.clouds import until

Answer = Callable[[dict[str, Any]], Any]


@dataclass
class Function:
    """A function that remembers its events, and answers as told."""

    answer: Answer = lambda event: None
    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, payload: bytes) -> InvokeResult:
        """Run once; an answer that is an exception is a function error or a throttle."""
        event = json.loads(payload)
        self.events.append(event)
        answer = self.answer(event)
        if isinstance(answer, Throttled):
            raise answer
        error = "Unhandled" if isinstance(answer, Exception) else None
        told = json.dumps(None if error else answer).encode()
        return InvokeResult("id", told, error, "$LATEST", b"")

    def had(self, body: str) -> bool:
        """Whether a message came, alone in its batch."""
        return [body] in self.bodies

    @property
    def bodies(self) -> list[list[str]]:
        """List the bodies of each batch."""
        return [[record["body"] for record in event["Records"]] for event in self.events]


@dataclass
class Queue:
    """A queue of the cloud, with its mapping."""

    sqs: Any
    url: str
    arn: str

    def mapping(self, **options: Any) -> QueueMapping:
        """Map the queue to the function."""
        return QueueMapping(self.url, self.arn, **options)

    def poller(self, function: Any, **options: Any) -> SqsPoller:
        """Make a poller that does not wait for messages."""
        return SqsPoller(self.sqs, function, self.mapping(**options), wait_s=0)

    def counts(self) -> tuple[int, int]:
        """Count the messages: visible, in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return int(told["Attributes"][names[0]]), int(told["Attributes"][names[1]])

    def let_go(self, event: dict[str, Any]) -> None:
        """End the visibility timeout of a batch's messages that are still there."""
        for record in event["Records"]:
            try:
                self.sqs.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
                )
            except self.sqs.exceptions.ClientError:
                continue


def queue(sqs: Any, *, fifo: bool = False, **attributes: str) -> Queue:
    """Create a queue of a new name."""
    name = uuid.uuid4().hex + (".fifo" if fifo else "")
    if fifo:
        attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return Queue(sqs, url, told["Attributes"]["QueueArn"])


def test_batch(sqs: Any) -> None:
    """Messages come as one event and are deleted when the function has done them."""
    own = queue(sqs)
    attributes = {"a": {"StringValue": "1", "DataType": "String"}}
    sqs.send_message(QueueUrl=own.url, MessageBody="one", MessageAttributes=attributes)
    sqs.send_message(QueueUrl=own.url, MessageBody="two")
    function = Function()
    assert own.poller(function).poll() == 2
    assert function.bodies == [["one", "two"]]
    record = function.events[0]["Records"][0]
    assert record["messageAttributes"]["a"]["stringValue"] == "1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(
        record["attributes"]
    )
    assert record["eventSourceARN"] == own.arn
    assert own.counts() == (0, 0)
    assert own.poller(function).poll() == 0


def test_batch_size(sqs: Any) -> None:
    """A batch is never larger than its mapping says, and larger than a receive if it says so."""
    own = queue(sqs)
    for number in range(25):
        sqs.send_message(QueueUrl=own.url, MessageBody=str(number))
    function = Function()
    assert own.poller(function, batch_size=3).poll() == 3
    assert own.poller(function, batch_size=20, window_s=1).poll() == 20
    assert own.poller(function, batch_size=1).poll() == 1
    assert [len(batch) for batch in function.bodies] == [3, 20, 1]
    assert own.counts() == (1, 0)


def test_window(sqs: Any) -> None:
    """A batch is collected until its window ends, counted from its first message."""
    own = queue(sqs)
    times = iter([0.0, 1.0, 2.0, 5.0, 6.0])
    sent = iter(["two", "three", "four"])
    function = Function()

    def clock() -> float:
        now = next(times)
        sqs.send_message(QueueUrl=own.url, MessageBody=next(sent, "late"))
        return now

    sqs.send_message(QueueUrl=own.url, MessageBody="one")
    poller = SqsPoller(sqs, function, own.mapping(window_s=4), wait_s=0, clock=clock)
    assert poller.poll() == 4
    assert function.bodies == [["one", "two", "three", "four"]]


def test_partial_failure(sqs: Any) -> None:
    """A reported message stays in flight, alone; its next receive is counted."""
    own = queue(sqs)
    for body in ("good", "bad", "fine"):
        sqs.send_message(QueueUrl=own.url, MessageBody=body)

    def answer(event: dict[str, Any]) -> Any:
        bad = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in bad]}

    function = Function(answer)
    poller = own.poller(function, report_failures=True)
    poller.poll()
    assert own.counts() == (0, 1)
    own.let_go(function.events[0])
    poller.poll()
    assert function.bodies == [["good", "bad", "fine"], ["bad"]]
    assert function.events[1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"


def test_report_without_the_setting(sqs: Any) -> None:
    """Without ReportBatchItemFailures a reported message is deleted all the same: it is lost."""
    own = queue(sqs)
    sqs.send_message(QueueUrl=own.url, MessageBody="bad")

    def answer(event: dict[str, Any]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}

    own.poller(Function(answer)).poll()
    assert own.counts() == (0, 0)


def test_throttled(sqs: Any) -> None:
    """A throttled batch is kept, and the throttle told to whoever polls."""
    own = queue(sqs)
    sqs.send_message(QueueUrl=own.url, MessageBody="one")
    with pytest.raises(Throttled):
        own.poller(Function(lambda event: Throttled("reason"))).poll()
    assert own.counts() == (0, 1)


def test_redrive(sqs: Any) -> None:
    """A message that fails too often goes to the dead-letter queue, by the queue's own policy."""
    dead = queue(sqs)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "2"})
    own = queue(sqs, RedrivePolicy=policy)
    sqs.send_message(QueueUrl=own.url, MessageBody="poison")
    function = Function(lambda event: ValueError())
    poller = own.poller(function)
    for _ in range(4):
        poller.poll()
        own.let_go(function.events[-1])
    assert len(function.events) == 2
    assert own.counts() == (0, 0)
    assert dead.counts() == (1, 0)


def test_fifo_order(sqs: Any) -> None:
    """A FIFO queue's messages come in order, with their group and number."""
    own = queue(sqs, fifo=True)
    for number in range(4):
        sqs.send_message(QueueUrl=own.url, MessageBody=str(number), MessageGroupId="g")
    function = Function()
    poller = own.poller(function, batch_size=2)
    assert [poller.poll(), poller.poll(), poller.poll()] == [2, 2, 0]
    assert function.bodies == [["0", "1"], ["2", "3"]]
    attributes = function.events[0]["Records"][0]["attributes"]
    assert attributes["MessageGroupId"] == "g"
    assert "MessageDeduplicationId" in attributes


def test_fifo_failure_blocks_its_group(sqs: Any) -> None:
    """After a failure no later message of its group is given before it comes again."""
    own = queue(sqs, fifo=True)
    for body in ("0", "bad", "2", "3"):
        sqs.send_message(QueueUrl=own.url, MessageBody=body, MessageGroupId="g")
    broken = [True]

    def answer(event: dict[str, Any]) -> Any:
        # As a FIFO function must: the first failure and everything after it.
        bodies = [record["body"] for record in event["Records"]]
        first = bodies.index("bad") if broken[0] and "bad" in bodies else len(bodies)
        failed = [record["messageId"] for record in event["Records"]][first:]
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}

    function = Function(answer)
    poller = own.poller(function, batch_size=3, report_failures=True)
    assert poller.poll() == 3
    assert poller.poll() == 0
    broken[0] = False
    own.let_go(function.events[0])
    poller.poll()
    poller.poll()
    done = [body for batch in function.bodies[1:] for body in batch]
    assert function.bodies[0] == ["0", "bad", "2"]
    assert done == ["bad", "2", "3"]


def test_large_batch(sqs: Any) -> None:
    """A batch whose event would be too large for Lambda comes in parts, in order."""
    own = queue(sqs, MaximumMessageSize="1048576")
    for number in range(9):
        sqs.send_message(QueueUrl=own.url, MessageBody=str(number) * 1_000_000)
    function = Function()
    assert own.poller(function).poll() == 9
    firsts = [[body[0] for body in batch] for batch in function.bodies]
    assert firsts == [["0", "1", "2", "3"], ["4", "5", "6", "7", "8"]]
    assert own.counts() == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a number from 1 to 10000, got 0"),
        ({"batch_size": 10_001}, "batch_size: expected a number from 1 to 10000, got 10001"),
        (
            {"batch_size": 11},
            "window_s: expected 1 at least for a batch_size above 10, got 0.0",
        ),
        ({"window_s": 301}, "window_s: expected 0 to 300 seconds, got 301"),
        ({"fifo": True, "batch_size": 11}, "batch_size: expected a number from 1 to 10, got 11"),
        ({"fifo": True, "window_s": 1}, "window_s: expected 0 for a FIFO queue, got 1"),
    ],
)
def test_mapping_limits(options: dict[str, Any], message: str) -> None:
    """A mapping that the service would refuse is refused."""
    arn = "arn:aws:sqs:us-east-1:123456789012:q" + (".fifo" if options.pop("fifo", 0) else "")
    with pytest.raises(ConfigError) as caught:
        QueueMapping("url", arn, **options)
    assert str(caught.value) == message


def test_run(sqs: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A poller in a thread goes on polling, past a queue that cannot be reached, until stopped."""
    own = queue(sqs)
    stop = threading.Event()
    function = Function()
    gone = SqsPoller(sqs, function, QueueMapping(own.url + "x", own.arn), wait_s=0)
    threads = [
        threading.Thread(target=own.poller(function).run, args=(stop,)),
        threading.Thread(target=gone.run, args=(stop,)),
    ]
    with caplog.at_level(logging.WARNING):
        for thread in threads:
            thread.start()
        for body in ("one", "two"):
            sqs.send_message(QueueUrl=own.url, MessageBody=body)
            until(partial(function.had, body))
        until(lambda: "does not exist" in caplog.text)
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


@dataclass
class Patience:
    """A stop event that notes how long it is waited for, and ends after a number of waits."""

    left: int
    waits: list[float] = field(default_factory=list)

    def is_set(self) -> bool:
        """Whether to stop."""
        return self.left == 0

    def wait(self, seconds: float) -> bool:
        """Note one wait."""
        self.waits.append(seconds)
        self.left -= 1
        return self.is_set()


def test_any_failure_is_outlived() -> None:
    """What no poller foresees does not end it: the function may be mended meanwhile."""
    mapping = QueueMapping("url", "arn:aws:sqs:us-east-1:123456789012:q")
    poller = SqsPoller(object(), Function(), mapping)  # no client at all
    stop = Patience(2)
    poller.run(stop)  # type: ignore[arg-type]
    assert stop.waits == [1, 2]


def test_backoff(sqs: Any, caplog: pytest.LogCaptureFixture) -> None:
    """While the function is throttled the poller waits longer and longer, up to a minute."""
    own = queue(sqs)
    poller = own.poller(Function(lambda event: Throttled("reason")))
    # What poll does is tested above; here each one is throttled.
    poller.poll = lambda: (_ for _ in ()).throw(Throttled("reason"))  # type: ignore[method-assign]
    stop = Patience(8)
    poller.run(stop)  # type: ignore[arg-type]
    assert stop.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert caplog.messages[-1].endswith("Rate Exceeded. Reason: reason")


def test_with_a_real_function(sqs: Any, config: FunctionConfig) -> None:
    """A queue invokes a function that really runs."""
    own = queue(sqs)
    with LocalLambda(config.replace(handler="records.handler")) as local:

        def invoke(payload: bytes) -> InvokeResult:
            return local.invoke(InvokeRequest(payload))

        for body in ("good", "bad"):
            sqs.send_message(QueueUrl=own.url, MessageBody=body)
        own.poller(invoke, report_failures=True).poll()
        assert json.loads(invoke(b"{}").payload) == {"seen": ["good", "bad"]}
    assert own.counts() == (0, 1)
