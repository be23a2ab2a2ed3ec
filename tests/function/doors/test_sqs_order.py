"""The queue's door keeps the order of a FIFO queue, which is that of a message group."""

from __future__ import annotations

from typing import Any

import pytest

from function.doors.sqs import Message
from function.service import Service
from tests.function.doors.queues import (
    ALL_DONE,
    ANSWER,
    BROKEN,
    FIFO,
    POISON,
    ROWS,
    STANDARD,
    FakeSend,
    bench,
    failures,
    record,
)


@pytest.mark.parametrize("fails", [POISON, BROKEN], ids=["permanent", "passing"])
def test_a_group_stops_at_its_first_failure(service: Service, fails: Any) -> None:
    """Of a FIFO queue's group nothing is done after a failure; other groups go on."""
    made = bench(service)
    reply = made.answer(
        record("a1", ROWS, group="a"),
        record("b1", ROWS, group="b"),
        record("a2", fails, group="a"),
        record("b2", ROWS, group="b"),
        record("a3", ROWS, group="a"),
        record("b3", ROWS, group="b"),
        record("a4", ROWS, group="a"),
    )
    assert reply == failures("a2", "a3", "a4")
    assert list(made.send.sent) == ["a1", "b1", "b2", "b3"]


def test_a_group_stops_at_a_result_that_is_not_taken(service: Service) -> None:
    """Results of a FIFO queue are sent one by one, so none overtakes one that was not taken."""
    made = bench(service, send=FakeSend("a2"))
    messages = [record(f"a{at}", ROWS, group="a") for at in range(1, 5)]
    assert made.answer(*messages, record("b1", ROWS, group="b")) == failures("a2", "a3", "a4")
    assert [[one.message_id for one in batch] for batch in made.send.batches] == [
        ["a1"], [], ["b1"],
    ]  # fmt: skip


def test_an_error_as_result_does_not_stop_a_group(service: Service) -> None:
    """A failure that is answered is done: its group goes on."""
    made = bench(service, permanent="result")
    reply = made.answer(*(record(name, POISON, group="a") for name in "ab"))
    assert reply == ALL_DONE
    assert list(made.send.sent) == ["a", "b"]


def test_the_deadline_keeps_a_fifo_queues_order(service: Service) -> None:
    """What a FIFO queue's batch has no time for comes again, of every group."""
    made = bench(service, takes_ms=[20_000])
    reply = made.answer(*(record(name, ROWS, group=name) for name in "abc"))
    assert reply == failures("b", "c")


def test_groups_of_a_standard_queue_have_no_order(service: Service) -> None:
    """A standard queue's groups share it fairly, and do not wait for each other's failures."""
    made = bench(service)
    fair: dict[str, Any] = {"attributes": {"MessageGroupId": "a"}}
    reply = made.answer(record("a", POISON, **fair), record("b", ROWS, **fair))
    assert reply == failures("a")
    assert made.send.sent == {"b": ANSWER}


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
