"""The queue's door: every message is done, or listed to come again, in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from function.doors.results_queue import MAX_TOGETHER, MAX_TOGETHER_BYTES
from function.doors.sqs import SqsDoor
from function.errors import GoneError, StorageError
from function.service import Service
from function.telemetry.invocation import Invocation, under_way
from model.errors import EngineError, Problem
from tests.function.doors.queues import (
    ALL_DONE,
    ANSWER,
    BROKEN,
    POISON,
    PREDICTION,
    ROWS,
    SETOSA,
    Clock,
    FakeObjects,
    FakeSend,
    bench,
    event,
    failures,
    record,
    s3,
    sns,
)

NULL_COLUMN = {
    "where": "rows[0].sepal_length_cm",
    "expected": "a finite number",
    "got": "null",
}
LogLines = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    "payload",
    [ROWS, sns(ROWS), {**ROWS, "version": "1"}],
    ids=["bare", "sns", "version"],
)
def test_a_payload_is_predicted(service: Service, payload: Any) -> None:
    """A message that holds a payload, bare or from SNS, is done, and its result is sent."""
    made = bench(service)
    assert made.answer(record("a", payload)) == ALL_DONE
    assert made.send.sent == {"a": ANSWER}


@pytest.mark.parametrize(
    "wrap", [lambda found: found, sns], ids=["in the message", "in SNS in the message"]
)
def test_a_notification_is_predicted(service: Service, wrap: Callable[[Any], Any]) -> None:
    """The objects of a notification are predicted; their summaries are the message's result."""
    made = bench(service)
    assert made.answer(record("a", wrap(s3("in/a+b.png", "in/c.png")))) == ALL_DONE
    about = {"model": "digits", "version": "1", "count": 1}
    assert made.send.sent["a"] == {
        "objects": [
            {"source": f"s3://pictures/{key}", "result": f"s3://out/{key}.json", **about}
            for key in ("in/a b.png", "in/c.png")
        ]
    }


def test_an_object_by_eventbridge_is_predicted(service: Service) -> None:
    """What a bucket tells by EventBridge is read by EventBridge's rules: the key is not encoded."""
    detail = {"bucket": {"name": "pictures"}, "object": {"key": "in/a+b.png"}}
    told = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    removed = told | {"detail-type": "Object Deleted"}
    other = told | {"source": "aws.ec2"}
    made = bench(service)
    events = record("a", told), record("b", sns(told)), record("c", removed), record("d", other)
    assert made.answer(*events) == failures("d")
    assert made.objects.processed == ["in/a+b.png", "in/a+b.png"]
    assert made.send.sent["c"] == {"objects": []}


def test_a_test_event_is_done(service: Service) -> None:
    """What S3 sends when a notification is set up names no object, and is done."""
    made = bench(service)
    tested = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "pictures"}
    assert made.answer(record("a", tested), record("b", sns(tested))) == ALL_DONE
    assert made.send.sent == {"a": {"objects": []}, "b": {"objects": []}}


@pytest.mark.parametrize("permanent", ["dead-letter", "result"])
def test_a_poison_message_and_its_neighbours(
    service: Service, permanent: str, log_lines: LogLines
) -> None:
    """A message that fails for good is reported, or answered by its error; others are done."""
    made = bench(service, permanent=permanent)
    log_lines()
    reply = made.answer(record("a", ROWS), record("b", POISON), record("c", ROWS))
    error = {
        "type": "InputError",
        "status": 422,
        "detail": "rows[0].sepal_length_cm: expected a finite number, got null",
        "problems": [NULL_COLUMN],
        "retry": False,
    }
    if permanent == "result":
        assert reply == ALL_DONE
        assert made.send.sent == {"a": ANSWER, "b": {"error": error}, "c": ANSWER}
    else:
        assert reply == failures("b")
        assert made.send.sent == {"a": ANSWER, "c": ANSWER}
    line = {"level": "WARN", "message": "message failed", "request_id": "", "message_id": "b"}
    assert log_lines() == [{**line, "error": "InputError", "status": 422}]


@pytest.mark.parametrize("permanent", ["dead-letter", "result"])
def test_a_passing_failure_is_always_reported(
    service: Service, permanent: str, log_lines: LogLines
) -> None:
    """What may succeed another time comes again, whatever becomes of other failures."""
    made = bench(service, permanent=permanent)
    log_lines()
    assert made.answer(record("a", BROKEN), record("b", ROWS)) == failures("a")
    assert made.send.sent == {"b": ANSWER}
    (line,) = log_lines()
    assert "EngineError: onnx failed: secret" in line.pop("trace")
    assert line == {
        "level": "ERROR",
        "message": "message failed",
        "request_id": "",
        "message_id": "a",
        "error": "EngineError",
        "status": 500,
    }


BODIES: dict[str, tuple[object, str, str]] = {
    "null": (None, "MalformedError", "body: expected JSON in a text, got null"),
    "a number": (7, "MalformedError", "body: expected JSON in a text, got a number"),
    "an object": ({}, "MalformedError", "body: expected JSON in a text, got an object"),
    "empty": ("", "MalformedError", "body: expected JSON, got a text that is not JSON"),
    "cut": ('{"mod', "MalformedError", "body: expected JSON, got a text that is not JSON"),
    "deep": ("[" * 200_000, "MalformedError", "body: expected JSON, got a text that is not JSON"),
    "digits": ("9" * 5_000, "MalformedError", "body: expected JSON, got a text that is not JSON"),
    "sns of null": (
        json.dumps(sns("x") | {"Message": None}),
        "MalformedError",
        "body.Message: expected JSON in a text, got null",
    ),
    "sns of text": (
        json.dumps(sns("hello")),
        "MalformedError",
        "body.Message: expected JSON, got a text that is not JSON",
    ),
    "sns in sns": (
        json.dumps(sns(sns(ROWS))),
        "InvalidError",
        'body: expected {"model": …, "version"?: …, "rows" | "image" | "images" | "s3": …} or a '
        "bucket's notification, as it is or in an SNS envelope, got an object",
    ),
    "another service": (
        json.dumps({"Records": [{"eventSource": "aws:sqs"}]}),
        "InvalidError",
        'body: expected {"model": …, "version"?: …, "rows" | "image" | "images" | "s3": …} or a '
        "bucket's notification, as it is or in an SNS envelope, got an object",
    ),
    "a list": (
        "[1]",
        "InvalidError",
        'body: expected {"model": …, "version"?: …, "rows" | "image" | "images" | "s3": …} or a '
        "bucket's notification, as it is or in an SNS envelope, got a list",
    ),
}


@pytest.mark.parametrize(("body", "kind", "detail"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_none(service: Service, body: object, kind: str, detail: str) -> None:
    """A body that is neither a payload nor a notification is a permanent failure, described."""
    made = bench(service, permanent="result")
    assert made.answer(record("a", "", body=body), record("b", ROWS)) == ALL_DONE
    error = made.send.sent["a"]["error"]
    assert (error["type"], error["detail"], error["retry"]) == (kind, detail, False)
    assert made.send.sent["b"] == ANSWER


BAD_RECORDS: list[Any] = [
    None,
    "text",
    [],
    {},
    {"messageId": "x"},
    record("x", POISON, attributes=None),
    record("x", POISON, attributes={"MessageGroupId": {}}),
    record("x", POISON, eventSourceARN=7),
    record(None, POISON),
    record("", POISON),
    record(7, POISON),
    record(["a"], POISON),
    record("\ud800", POISON),
    record("x" * 101, POISON),
]


@pytest.mark.parametrize("bad", BAD_RECORDS, ids=str)
def test_a_bad_record_and_its_neighbours(service: Service, bad: Any) -> None:
    """A record that is none never breaks the others: listed by its id, or answered by an error."""
    made = bench(service)
    named = isinstance(bad, dict) and bad.get("messageId") == "x"
    reply = made.answer(record("a", ROWS), bad, record("b", ROWS))
    assert reply == (failures("x") if named else ALL_DONE)
    assert set(made.send.sent) == {"a", "b"} | (set() if named else {None})
    assert made.send.sent["a"] == made.send.sent["b"] == ANSWER


def test_a_good_record_without_an_id(service: Service) -> None:
    """A message of no id is answered as any other, its result without an id."""
    made = bench(service)
    assert made.answer(record(None, ROWS)) == ALL_DONE
    assert made.send.sent == {None: ANSWER}


def test_a_passing_failure_without_an_id(service: Service) -> None:
    """A message that cannot be listed and is not done keeps the batch: nothing may be lost."""
    made = bench(service)
    reply = made.answer(record("a", ROWS), record(None, BROKEN), record("b", BROKEN))
    assert reply == failures("", "b")


def test_messages_of_one_id(service: Service) -> None:
    """Of two messages of one id both are answered, and the id is listed once if either failed."""
    made = bench(service)
    assert made.answer(record("a", POISON), record("a", ROWS), record("a", POISON)) == failures("a")
    assert made.send.sent == {"a": ANSWER}


def test_no_messages(service: Service) -> None:
    """An empty batch is done, and nothing is sent."""
    made = bench(service)
    assert made.answer() == ALL_DONE
    assert made.send.batches == []


def test_stops_before_the_deadline(service: Service) -> None:
    """No message is started that could take as long as the longest so far; the rest come again."""
    made = bench(service, takes_ms=[2_000, 9_000, 3_000, 9_000])
    reply = made.answer(*(record(name, ROWS) for name in "abcdef"))
    # 30 s less 2, 9 and 3: 16 s are enough for another 9; then 7 s are not.
    assert reply == failures("e", "f")
    assert set(made.send.sent) == set("abcd")
    assert made.service.asked == 4


def test_the_time_of_sending_counts(service: Service) -> None:
    """A sending that takes long is a part of the message that it comes after."""

    class Slow(FakeSend):
        def __call__(self, results: Any) -> set[int]:
            made.clock.left_ms -= 12_000
            return super().__call__(results)

    made = bench(service, send=Slow())
    reply = made.answer(*(record(str(at), ROWS) for at in range(25)))
    # 30 s, after the first ten 18 s, after the next ten 6 s: less than a sending takes.
    assert reply == failures("20", "21", "22", "23", "24")


def test_no_time_at_all(service: Service) -> None:
    """Where there is no time nothing is started, and all come again."""
    made = bench(service)
    made.clock.left_ms = 900
    assert made.answer(record("a", ROWS), record("b", ROWS)) == failures("a", "b")
    assert made.service.asked == 0


def test_results_are_sent_together(service: Service) -> None:
    """A standard queue's results are sent ten at a time."""
    made = bench(service)
    assert made.answer(*(record(str(at), ROWS) for at in range(23))) == ALL_DONE
    assert [len(batch) for batch in made.send.batches] == [10, 10, 3]
    assert MAX_TOGETHER == 10


def test_results_sent_together_are_small(service: Service) -> None:
    """Results that would be too large together are sent apart."""
    made = bench(service)
    many = {"model": "iris", "rows": [SETOSA] * 1_000}
    assert made.answer(*(record(str(at), many) for at in range(5))) == ALL_DONE
    sizes = [sum(len(one.body) for one in batch) for batch in made.send.batches]
    assert len(sizes) > 1
    assert max(sizes) <= MAX_TOGETHER_BYTES < sizes[0] + sizes[1]


def test_results_that_are_not_taken(service: Service, log_lines: LogLines) -> None:
    """A message whose result is not taken comes again; its neighbours are done."""
    made = bench(service, send=FakeSend("b"))
    log_lines()
    assert made.answer(*(record(name, ROWS) for name in "abc")) == failures("b")
    assert set(made.send.sent) == {"a", "c"}
    assert log_lines() == [
        {"level": "WARN", "message": "results not taken", "request_id": "", "count": 1}
    ]


@pytest.mark.parametrize("permanent", ["dead-letter", "result"])
def test_sending_fails(service: Service, permanent: str, log_lines: LogLines) -> None:
    """Where results cannot be sent, the messages come again, those of errors included."""
    made = bench(service, permanent=permanent, send=FakeSend(error=OSError("secret")))
    log_lines()
    assert made.answer(record("a", ROWS), record("b", POISON)) == failures("a", "b")
    assert [line["message"] for line in log_lines()] == ["message failed", "results not sent"]


@pytest.mark.parametrize("permanent", ["dead-letter", "result"])
def test_a_result_that_is_too_large(service: Service, permanent: str) -> None:
    """A result beyond what its queue takes is a permanent failure, said with both sizes."""
    made = bench(service, permanent=permanent)
    made.send.max_bytes = 250
    two = {"model": "iris", "rows": [SETOSA] * 2}
    reply = made.answer(record("a", two), record("b", ROWS))
    assert made.send.sent["b"] == ANSWER
    if permanent == "dead-letter":
        assert reply == failures("a")
        return
    assert reply == ALL_DONE
    large = {"message_id": "a", **ANSWER, "predictions": [PREDICTION] * 2}
    size = len(json.dumps(large, separators=(",", ":")))
    assert made.send.sent["a"]["error"] == {
        "type": "ReplyTooLargeError",
        "status": 500,
        "detail": f"expected a result of at most 250 bytes, got one of {size}",
        "problems": [],
        "retry": False,
    }


GONE = GoneError([Problem("key", "an object", "none")])
BUSY = StorageError("slow down")
FATAL = EngineError("x")
FATAL.__cause__ = MemoryError()


def test_an_object_that_fails_for_good(service: Service) -> None:
    """A message fails with its object, once its other objects are done."""
    made = bench(service, objects=FakeObjects({"a": GONE}))
    assert made.answer(record("m", s3("a", "b"))) == failures("m")
    assert made.objects.processed == ["a", "b"]


def test_an_object_that_fails_for_good_has_a_result(service: Service) -> None:
    """Where errors are results, an object's error is its result object, and the message is done."""
    made = bench(service, permanent="result", objects=FakeObjects({"a": GONE}))
    assert made.answer(record("m", s3("a", "b"))) == ALL_DONE
    first, second = made.send.sent["m"]["objects"]
    assert first == {"source": "s3://pictures/a", "error": {"type": "GoneError"}}
    assert second["source"] == "s3://pictures/b"


@pytest.mark.parametrize("permanent", ["dead-letter", "result"])
def test_an_object_that_fails_this_time(service: Service, permanent: str) -> None:
    """A failure that may pass decides over one that will not."""
    made = bench(service, permanent=permanent, objects=FakeObjects({"a": GONE, "b": BUSY}))
    assert made.answer(record("m", s3("a", "b", "c"))) == failures("m")
    assert made.objects.processed == ["a", "b", "c"]
    assert made.send.batches == []


def test_a_fatal_failure_of_an_object(service: Service) -> None:
    """The invocation learns of a fatal failure, whatever else failed: the process must end."""
    made = bench(service, objects=FakeObjects({"a": GONE, "b": FATAL, "c": BUSY}))
    with under_way(Invocation("id", "sqs", cold=False)) as invocation:
        assert made.answer(record("m", s3("a", "b", "c"))) == failures("m")
    assert invocation.fatal


def test_an_object_that_fails_this_time_in_a_message_without_an_id(service: Service) -> None:
    """Nor does a failure that will not pass end a message of no id, if another one may."""
    made = bench(service, objects=FakeObjects({"a": GONE, "b": BUSY}))
    assert made.answer(record(None, s3("a", "b"))) == failures("")
    assert made.send.batches == []


def test_a_bucket_that_cannot_be_opened(service: Service) -> None:
    """Where there is no way to the bucket the message comes again."""

    def closed() -> Any:
        raise OSError("no credentials")

    send = FakeSend()
    door = SqsDoor(service, objects=closed, send=send, permanent="result", max_body_bytes=1)
    assert door.answer(event(record("m", s3("a"))), Clock()) == failures("m")


def test_failures_are_in_the_invocations_record(service: Service) -> None:
    """The line of the invocation names the last failure of its batch, and counts instances."""
    with under_way(invocation := Invocation("id", "sqs", cold=False)):
        bench(service).answer(record("a", ROWS), record("b", POISON), record("c", ROWS))
    assert invocation.error == "InputError"
    assert invocation.count == 3
