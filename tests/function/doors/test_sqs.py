"""The queue's door: every message is done, or listed to come again, in time and in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from function.doors.results_queue import MAX_TOGETHER, MAX_TOGETHER_BYTES
from function.doors.sqs import Message, SqsDoor
from function.errors import GoneError, StorageError
from function.payloads import FORM, Payloads
from function.service import Service
from function.telemetry.invocation import Invocation, under_way
from model.errors import EngineError, Problem
from tests.function.doors.queues import (
    ALL_DONE,
    ANSWER,
    BROKEN,
    FIFO,
    POISON,
    PREDICTION,
    ROWS,
    SETOSA,
    STANDARD,
    Clock,
    FakeSend,
    bench,
    failures,
    record,
    s3,
    sns,
)
from tests.function.objects.buckets import event

LogLines = Callable[[], list[dict[str, Any]]]


def summaries(*keys: str) -> dict[str, Any]:
    """Make the result of a message whose objects are predicted."""
    about = {"model": "digits", "version": "1", "count": 1}
    return {
        "objects": [
            {"source": f"s3://pictures/{key}", "result": f"s3://out/{key}.json", **about}
            for key in keys
        ]
    }


ON_BUS = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "pictures"}, "object": {"key": "in/a+b.png"}},
}
"""By EventBridge's rules the key is not encoded."""

GOOD_BODIES: dict[str, tuple[Any, Any]] = {
    "rows": (ROWS, ANSWER),
    "a version": ({**ROWS, "version": "1"}, ANSWER),
    "a notification": (s3("in/a b.png", "in/c.png"), summaries("in/a b.png", "in/c.png")),
    "an object on the bus": (ON_BUS, summaries("in/a+b.png")),
    "a payload on the bus": (
        {"source": "my.app", "detail-type": "Predict", "detail": ROWS},
        ANSWER,
    ),
    "a removal": (ON_BUS | {"detail-type": "Object Deleted"}, summaries()),
    "a test event": ({"Event": "s3:TestEvent", "Bucket": "pictures"}, summaries()),
}


@pytest.mark.parametrize("wrap", [lambda body: body, sns], ids=["bare", "in SNS"])
@pytest.mark.parametrize(("body", "result"), GOOD_BODIES.values(), ids=GOOD_BODIES)
def test_good_bodies(service: Service, body: Any, result: Any, wrap: Callable[[Any], Any]) -> None:
    """A payload and what a bucket tells are done, bare or from SNS, and their result is sent."""
    made = bench(service)
    assert made.answer(record("a", wrap(body))) == ALL_DONE
    assert made.send.sent == {"a": result}


NO_JSON = "body: expected JSON, got a text that is not JSON"
ANOTHER = f"body: expected {FORM} or a bucket's notification, as it is, of SNS or of EventBridge"
BAD_BODIES: dict[str, tuple[object, str, str]] = {
    "null": (None, "MalformedError", "body: expected JSON in a text, got null"),
    "a number": (7, "MalformedError", "body: expected JSON in a text, got a number"),
    "an object": ({}, "MalformedError", "body: expected JSON in a text, got an object"),
    "empty": ("", "MalformedError", NO_JSON),
    "cut": ('{"mod', "MalformedError", NO_JSON),
    "deep": ("[" * 200_000, "MalformedError", NO_JSON),
    "digits": ("9" * 5_000, "MalformedError", NO_JSON),
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
    "sns in sns": (json.dumps(sns(sns(ROWS))), "InvalidError", f"{ANOTHER}, got an object"),
    "another service": (
        json.dumps({"Records": [{"eventSource": "aws:sqs"}]}),
        "InvalidError",
        f"{ANOTHER}, got an object",
    ),
    "another event of the bus": (
        json.dumps(ON_BUS | {"source": "aws.ec2"}),
        "InvalidError",
        f"{ANOTHER}, got an object",
    ),
    "a list": ("[1]", "InvalidError", f"{ANOTHER}, got a list"),
}


@pytest.mark.parametrize(("body", "kind", "detail"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_bodies(service: Service, body: object, kind: str, detail: str) -> None:
    """A body that is neither a payload nor a notification is a permanent failure, described."""
    made = bench(service, permanent="result")
    assert made.answer(record("a", "", body=body), record("b", ROWS)) == ALL_DONE
    error = made.send.sent["a"]["error"]
    assert (error["type"], error["detail"], error["retry"]) == (kind, detail, False)
    assert made.send.sent["b"] == ANSWER


@pytest.mark.parametrize("permanent", ["dead-letter", "result"])
def test_a_poison_message_and_its_neighbours(
    service: Service, permanent: str, log_lines: LogLines
) -> None:
    """A message that fails for good is reported, or answered by its error; others are done."""
    made = bench(service, permanent=permanent)
    log_lines()
    reply = made.answer(record("a", ROWS), record("b", POISON), record("c", ROWS))
    where, expected, got = "rows[0].sepal_length_cm", "a finite number", "null"
    error = {
        "type": "InputError",
        "status": 422,
        "detail": f"{where}: expected {expected}, got {got}",
        "problems": [{"where": where, "expected": expected, "got": got}],
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
def test_a_transient_failure_is_always_reported(
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


FAIR: dict[str, Any] = {"attributes": {"MessageGroupId": "a"}}
BATCHES: dict[str, tuple[list[Any], list[str], list[str | None]]] = {
    "no messages": ([], [], []),
    "an answer without an id": ([record(None, ROWS)], [], [None]),
    "a transient failure without an id keeps the batch": (
        [record("a", ROWS), record(None, BROKEN), record("b", BROKEN)],
        ["", "b"],
        ["a"],
    ),
    "an id twice is listed once, if either failed": (
        [record("a", POISON), record("a", ROWS), record("a", POISON)],
        ["a"],
        ["a"],
    ),
    **{
        f"a FIFO queue's group stops at a {kind} failure, others go on": (
            [
                record("a1", ROWS, group="a"),
                record("b1", ROWS, group="b"),
                record("a2", body, group="a"),
                record("b2", ROWS, group="b"),
                record("a3", ROWS, group="a"),
                record("b3", ROWS, group="b"),
                record("a4", ROWS, group="a"),
            ],
            ["a2", "a3", "a4"],
            ["a1", "b1", "b2", "b3"],
        )
        for kind, body in {"permanent": POISON, "transient": BROKEN}.items()
    },
    "a standard queue's groups have no order": (
        [record("a", POISON, **FAIR), record("b", ROWS, **FAIR)],
        ["a"],
        ["b"],
    ),
}


@pytest.mark.parametrize(("records", "again", "sent"), BATCHES.values(), ids=BATCHES)
def test_batches(
    service: Service, records: list[Any], again: list[str], sent: list[str | None]
) -> None:
    """Of a batch all is sent that can be answered, and all else is listed to come again."""
    made = bench(service)
    assert made.answer(*records) == failures(*again)
    assert list(made.send.sent) == sent


def test_an_error_as_result_does_not_stop_a_group(service: Service) -> None:
    """A failure that is answered is done: its group goes on."""
    made = bench(service, permanent="result")
    reply = made.answer(*(record(name, POISON, group="a") for name in "ab"))
    assert reply == ALL_DONE
    assert list(made.send.sent) == ["a", "b"]


def test_a_group_stops_at_a_result_that_is_not_taken(service: Service) -> None:
    """Results of a FIFO queue are sent one by one, so none overtakes one that was not taken."""
    made = bench(service, send=FakeSend("a2"))
    messages = [record(f"a{at}", ROWS, group="a") for at in range(1, 5)]
    assert made.answer(*messages, record("b1", ROWS, group="b")) == failures("a2", "a3", "a4")
    assert [[one.message_id for one in batch] for batch in made.send.batches] == [
        ["a1"], [], ["b1"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({"eventSourceARN": FIFO, "attributes": {"MessageGroupId": "g"}}, "g"),
        ({"attributes": {"MessageGroupId": "g", "SequenceNumber": "1"}}, "g"),
        ({"eventSourceARN": FIFO}, ""),
        ({"eventSourceARN": STANDARD, "attributes": {"MessageGroupId": "g"}}, None),
        ({"eventSourceARN": STANDARD}, None),
        ({}, None),
    ],
    ids=str,
)
def test_what_tells_a_fifo_queue(fields: dict[str, Any], group: str | None) -> None:
    """A FIFO queue is known by its name, or by the number that it gives each message."""
    assert Message.of(fields).group == group


@pytest.mark.parametrize(
    ("takes_ms", "grouped", "again"),
    [
        # 30 s less 2, 9 and 3: 16 s are enough for another 9; then 7 s are not.
        ([2_000, 9_000, 3_000, 9_000], False, "ef"),
        ([20_000], True, "bcdef"),
        ([29_100], False, "bcdef"),
    ],
)
def test_stops_before_the_deadline(
    service: Service, takes_ms: list[int], grouped: bool, again: str
) -> None:
    """No message is started that could take as long as the longest so far; the rest come again."""
    made = bench(service, takes_ms=takes_ms)
    groups = dict(zip("abcdef", "abcdef", strict=True)) if grouped else {}
    reply = made.answer(*(record(name, ROWS, group=groups.get(name)) for name in "abcdef"))
    assert reply == failures(*again)
    assert made.service.asked == len(made.send.sent) == 6 - len(again)


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


@pytest.mark.parametrize(
    ("permanent", "name", "errors", "fatal"),
    [
        ("dead-letter", "m", {"a": GONE}, False),
        ("dead-letter", "m", {"a": GONE, "b": BUSY}, False),
        ("result", "m", {"a": GONE, "b": BUSY}, False),
        ("dead-letter", None, {"a": GONE, "b": BUSY}, False),
        ("dead-letter", "m", {"a": GONE, "b": FATAL, "c": BUSY}, True),
    ],
)
def test_objects_that_fail(
    service: Service, permanent: str, name: str | None, errors: dict[str, Exception], fatal: bool
) -> None:
    """A message fails with its objects once all are tried, by the failure that counts most."""
    made = bench(service, permanent=permanent, errors=errors)
    with under_way(Invocation("id", "sqs", cold=False)) as invocation:
        assert made.answer(record(name, s3("a", "b", "c"))) == failures(name or "")
    assert made.objects.processed == ["a", "b", "c"]
    assert made.send.batches == []
    assert invocation.fatal is fatal


def test_an_object_that_fails_for_good_has_a_result(service: Service) -> None:
    """Where errors are results, an object's error is its result object, and the message is done."""
    made = bench(service, permanent="result", errors={"a": GONE})
    assert made.answer(record("m", s3("a", "b"))) == ALL_DONE
    error = {"source": "s3://pictures/a", "error": {"type": "GoneError"}}
    assert made.send.sent == {"m": {"objects": [error, *summaries("b")["objects"]]}}


def test_a_bucket_that_cannot_be_opened(service: Service) -> None:
    """Where there is no way to the bucket the message comes again."""

    def closed() -> Any:
        raise OSError("no credentials")

    payloads = Payloads(service, closed, max_body_bytes=1)
    door = SqsDoor(payloads, closed, send=FakeSend(), permanent="result")
    assert door.answer(event(record("m", s3("a"))), Clock()) == failures("m")


def test_failures_are_in_the_invocations_record(service: Service) -> None:
    """The line of the invocation names the last failure of its batch, and counts instances."""
    with under_way(invocation := Invocation("id", "sqs", cold=False)):
        bench(service).answer(record("a", ROWS), record("b", POISON), record("c", ROWS))
    assert invocation.error == "InputError"
    assert invocation.count == 3
