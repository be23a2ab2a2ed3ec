"""Whatever a queue's event holds, each message is done or listed, and nothing of it is logged."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.doors.sqs import MESSAGE_ID
from function.service import Service
from tests.function.conftest import CONTEXT
from tests.function.doors.queues import (
    BROKEN,
    FIFO,
    POISON,
    ROWS,
    STANDARD,
    FakeSend,
    bench,
    failures,
    s3,
    sns,
)
from tests.function.json_values import JSON
from tests.function.objects.buckets import event

MARK = "zqMARKERqz"
NAMES = ("a", "b", "c")

MARKED = st.just(MARK) | JSON | st.dictionaries(st.just(MARK) | st.text(max_size=3), JSON)
PAYLOADS = (
    st.sampled_from([ROWS, POISON, {"Event": "s3:TestEvent", "Bucket": MARK}])
    | MARKED
    | st.fixed_dictionaries({"model": st.just("iris") | MARKED, "rows": st.lists(MARKED)})
    | st.fixed_dictionaries({"Records": st.lists(st.just({"eventSource": "aws:s3"}) | MARKED)})
)
WITH_OBJECTS = PAYLOADS | st.sampled_from([BROKEN, s3("in/7.png", MARK)])


def records_with(payloads: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make records, each part of which may be absent, right, or anything."""
    message = st.fixed_dictionaries({"Type": st.just("Notification"), "Message": MARKED})
    bodies = (payloads | payloads.map(sns) | message).map(json.dumps)
    attributes = st.fixed_dictionaries(
        {}, optional={"MessageGroupId": st.sampled_from("xy") | JSON, "SequenceNumber": JSON}
    )
    parts = {
        "messageId": st.sampled_from(NAMES) | JSON,
        "body": bodies | st.just(MARK) | JSON,
        "attributes": attributes | JSON,
        "messageAttributes": JSON,
        "eventSourceARN": st.sampled_from([STANDARD, FIFO]) | JSON,
        MARK: JSON,
    }
    return st.fixed_dictionaries({}, optional=parts) | JSON


def breaches(records: list[Any], reply: Any, done: list[str | None]) -> list[str]:
    """Find what a reply gets wrong.

    Args:
        records: of the event.
        reply: to it.
        done: the id of each message whose result was taken.
    """
    shape = {"batchItemFailures": [{"itemIdentifier": ""} for _ in reply["batchItemFailures"]]}
    listed = [item["itemIdentifier"] for item in reply["batchItemFailures"]]
    blank = {"batchItemFailures": [{**one, "itemIdentifier": ""} for one in _items(reply)]}
    found = [] if {**reply, **blank} == shape else ["another shape"]
    if len(set(listed)) < len(listed):
        found.append("an id twice")
    given_ids = Counter(_id_of(record) for record in records)
    taken = Counter(one or "" for one in done)
    found += [f"lost {name!r}" for name in given_ids - taken if name not in listed]
    return found + [f"listed {name!r}" for name in listed if not (given_ids - taken)[name]]


def _items(reply: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = reply["batchItemFailures"]
    return items


def _id_of(record: Any) -> str:
    name = record.get("messageId") if isinstance(record, dict) else None
    return name if isinstance(name, str) and MESSAGE_ID.fullmatch(name) else ""


@given(
    records=st.lists(records_with(WITH_OBJECTS), max_size=8),
    permanent=st.sampled_from(["dead-letter", "result"]),
    refused=st.sets(st.sampled_from([*NAMES, None])),
    takes_ms=st.lists(st.integers(0, 20_000), max_size=8),
)
def test_any_batch(
    service: Service,
    records: list[Any],
    permanent: str,
    refused: set[str | None],
    takes_ms: list[int],
) -> None:
    """A batch of anything never raises; who is not done is listed, and nobody else."""
    errors: dict[str, Exception] = {MARK: OSError(MARK)} if "a" in refused else {}
    made = bench(
        service, permanent=permanent, takes_ms=takes_ms, send=FakeSend(*refused), errors=errors
    )
    before = json.dumps(records)
    with redirect_stdout(io.StringIO()) as log:
        reply = made.answer(*records)
    done = [one.message_id for batch in made.send.batches for one in batch]
    assert breaches(records, reply, done) == []
    assert json.dumps(records) == before
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    for line in lines:
        line.pop("trace", None)  # of our own faults, the OSError above among them
    assert MARK not in json.dumps(lines)


@pytest.mark.parametrize(
    ("reply", "done", "found"),
    [
        (failures("b"), ["a"], []),
        (failures(), ["a", "b"], []),
        (failures(), ["a"], ["lost 'b'"]),
        (failures("b", "b"), ["a"], ["an id twice"]),
        (failures("a", "b"), ["a"], ["listed 'a'"]),
        (failures("b", "x"), ["a"], ["listed 'x'"]),
        (failures("b") | {"more": 1}, ["a"], ["another shape"]),
        (
            {"batchItemFailures": [{"itemIdentifier": "b", "more": 1}]},
            ["a"],
            ["another shape"],
        ),
    ],
    ids=str,
)
def test_a_wrong_reply_is_found(reply: Any, done: list[str | None], found: list[str]) -> None:
    """The check of replies can fail, for each of its reasons."""
    assert breaches([{"messageId": "a"}, {"messageId": "b"}], reply, done) == found


def test_a_lost_message_of_no_id_is_found() -> None:
    """Nor does the check overlook a message that has no id."""
    assert breaches([{}], failures(), []) == ["lost ''"]
    assert breaches([{}], failures(""), []) == []


@given(records=st.lists(records_with(PAYLOADS), max_size=4))
def test_any_batch_through_the_handler(
    handler: Callable[[Any, Any], dict[str, Any]], records: list[Any]
) -> None:
    """Through the handler, results to the log, a batch gets a reply that SQS can read."""
    first = {"messageId": "first", "body": json.dumps(ROWS), "eventSource": "aws:sqs"}
    with redirect_stdout(io.StringIO()) as log:
        reply = handler(event(first, *records), CONTEXT)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    done = [line["message_id"] for line in lines if line["message"] == "result"]
    assert breaches([first, *records], reply, done) == []
    assert MARK not in log.getvalue()
    assert lines[-1]["source"] == "sqs"
