"""Results reach their queue once, in order, as far as the queue takes them; or the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from function.doors.results_queue import Result, ResultsLog, ResultsQueue
from function.service import Service
from tests.function.doors.queues import ANSWER, ROWS, bench, failures, record

STANDARD_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/results"
OBJECTS = {
    "objects": [
        {"source": "s3://a/secret", "result": "s3://a/r", "model": "m", "version": "1", "count": 2},
        {"source": "s3://a/secret", "skipped": "secret"},
        {"source": "s3://a/secret", "error": {"type": "GoneError"}},
    ]
}


class FakeSqs:
    """A client that takes all but some messages, and keeps what it was asked."""

    def __init__(self, *refused: str) -> None:
        self._refused = refused
        self.asked: list[dict[str, Any]] = []

    def send_message_batch(self, **asked: Any) -> dict[str, Any]:
        """Answer as SQS does: a list that would be empty is not there."""
        self.asked.append(asked)
        ids = [entry["Id"] for entry in asked["Entries"]]
        taken = [{"Id": one, "MessageId": "x"} for one in ids if one not in self._refused]
        failed = [{"Id": one, "SenderFault": True} for one in ids if one in self._refused]
        lists = {"Successful": taken, "Failed": failed}
        return {name: found for name, found in lists.items() if found}


def result(name: str | None, group: str | None = None) -> Result:
    """Make a message's result."""
    return Result(name, group, {"model": "iris", "predictions": [1, 2]})


def test_the_body() -> None:
    """A result is JSON in ASCII, with the message's id first."""
    assert Result("a", None, {"x": "é"}).body == '{"message_id":"a","x":"\\u00e9"}'


@pytest.mark.parametrize(
    ("answer", "count"),
    [({"predictions": [1, 2, 3]}, 3), (OBJECTS, 2), ({"error": {}}, 0), ({"objects": []}, 0)],
    ids=str,
)
def test_the_count(answer: dict[str, Any], count: int) -> None:
    """A result knows how many instances were predicted for it."""
    assert Result("a", None, answer).count == count


def test_a_standard_queue() -> None:
    """A standard queue gets the bodies, in one call."""
    client = FakeSqs()
    assert ResultsQueue(client, STANDARD_URL)([result("a"), result("b", "g")]) == set()
    assert client.asked == [
        {
            "QueueUrl": STANDARD_URL,
            "Entries": [
                {"Id": "0", "MessageBody": result("a").body},
                {"Id": "1", "MessageBody": result("b").body},
            ],
        }
    ]


def test_a_fifo_queue() -> None:
    """A FIFO queue gets each message's id to know it again, and its group to keep its order."""
    client = FakeSqs()
    ResultsQueue(client, STANDARD_URL + ".fifo")([result("a", "g"), result("b"), result("c", "")])
    wanted = [("a", "g"), ("b", "b"), ("c", "c")]
    entries = client.asked[0]["Entries"]
    found = [(entry["MessageDeduplicationId"], entry["MessageGroupId"]) for entry in entries]
    assert found == wanted


def test_a_fifo_queue_and_a_result_without_an_id() -> None:
    """A result of no id is known again by its content."""
    client = FakeSqs()
    queue = ResultsQueue(client, STANDARD_URL + ".fifo")
    queue([result(None), result(None), Result(None, None, {})])
    first, same, other = (entry["MessageDeduplicationId"] for entry in client.asked[0]["Entries"])
    assert first == same != other
    assert len(first) <= 128


@pytest.mark.parametrize("refused", [(), ("1",), ("0", "1", "2")], ids=str)
def test_what_is_not_taken(refused: tuple[str, ...]) -> None:
    """Whatever the reply does not name as taken is not taken."""
    queue = ResultsQueue(FakeSqs(*refused), STANDARD_URL)
    assert queue([result("a"), result("b"), result("c")]) == {int(one) for one in refused}


def test_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a queue each result is a line of the log; the names of objects stay out of it."""
    assert ResultsLog()([result("a"), Result("b", None, OBJECTS)]) == set()
    head = {"level": "INFO", "message": "result", "request_id": ""}
    written = capsys.readouterr().out
    assert [json.loads(line) for line in written.splitlines()] == [
        {**head, "message_id": "a", "model": "iris", "predictions": [1, 2]},
        {
            **head,
            "message_id": "b",
            "objects": [{"model": "m", "version": "1", "count": 2}, {}, {"error": "GoneError"}],
        },
    ]
    assert "secret" not in written


def test_the_log_has_room_for_the_largest() -> None:
    """The largest result that the log takes fits into a line of 256 KB with all that is added."""
    assert ResultsLog.max_bytes + 512 < 262_144 - 26


@pytest.fixture
def sqs() -> Iterator[Any]:
    """Fake SQS behind the real client."""
    with mock_aws():
        yield boto3.client("sqs")


def received(sqs: Any, url: str) -> list[Any]:
    """Take all messages of a queue."""
    found: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_a_real_client_and_a_standard_queue(sqs: Any, service: Service) -> None:
    """What the client and SQS make of it: each result arrives; what is given twice comes twice."""
    url = sqs.create_queue(QueueName="results")["QueueUrl"]
    made = bench(service, send=ResultsQueue(sqs, url))
    for _ in range(2):
        made.answer(*(record(f"m{at}", ROWS) for at in range(12)))
    ids = sorted(found["message_id"] for found in received(sqs, url))
    assert ids == sorted(f"m{at}" for at in range(12) for _ in range(2))


def test_a_real_client_and_a_fifo_queue(sqs: Any, service: Service) -> None:
    """A message that is given twice has one result in a FIFO queue, in the order of its group."""
    attributes = {"FifoQueue": "true"}
    url = sqs.create_queue(QueueName="results.fifo", Attributes=attributes)["QueueUrl"]
    made = bench(service, send=ResultsQueue(sqs, url))
    for _ in range(2):
        made.answer(*(record(f"m{at}", ROWS, group="g") for at in range(5)))
        made.answer(*(record(f"n{at}", ROWS) for at in range(5)))
    found = received(sqs, url)
    assert found[0] == {"message_id": "m0", **ANSWER}
    order = [one["message_id"] for one in found]
    assert [name for name in order if name[0] == "m"] == [f"m{at}" for at in range(5)]
    assert sorted(order[5:]) == [f"n{at}" for at in range(5)]


def test_a_real_client_and_no_queue(sqs: Any, service: Service) -> None:
    """Where the queue is not there, the messages come again."""
    made = bench(service, send=ResultsQueue(sqs, STANDARD_URL))
    assert made.answer(record("a", ROWS), record("b", ROWS)) == failures("a", "b")
