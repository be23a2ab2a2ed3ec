"""The event bus's door answers payloads and schedules, and says what else came."""

from __future__ import annotations

from typing import Any

import pytest

from function.doors.eventbridge import EventBridgeDoor
from function.errors import (
    InvalidError,
    MalformedError,
    StorageError,
    TooLargeError,
    UnsupportedSourceError,
)
from function.payloads import FORM, Payloads
from function.service import Service
from function.telemetry.invocation import Invocation, under_way
from tests.function.conftest import CONTEXT
from tests.function.http.form_bodies import sample
from tests.function.objects.buckets import Failing, keys, no_objects, objects_by, read, refused
from tests.function.test_payloads import FakeObjects

ROW = [5.1, 3.5, 1.4, 0.2]
LIMIT = 1000


@pytest.fixture
def door(versions: Service) -> EventBridgeDoor:
    """Build the door, with buckets that answer with what they were asked."""
    objects: Any = FakeObjects
    return EventBridgeDoor(Payloads(versions, objects, max_body_bytes=LIMIT), objects)


def event(detail: Any, source: Any = "my.shop", kind: Any = "Iris Measured") -> dict[str, Any]:
    """Make an event of the bus."""
    return {"version": "0", "id": "1", "detail-type": kind, "source": source, "detail": detail}


def test_a_payload_in_the_detail(door: EventBridgeDoor) -> None:
    """A detail that is a payload gets its answer, for the destination of the invocation."""
    payload = {"model": "iris", "version": "stable", "rows": [ROW]}
    answer = door.answer(event(payload), CONTEXT)
    assert (answer["model"], answer["version"]) == ("iris", "2")
    assert [prediction["label"] for prediction in answer["predictions"]] == ["setosa"]


def test_an_object_in_the_detail(door: EventBridgeDoor) -> None:
    """A payload may name an object here as well."""
    answer = door.answer(event({"model": "iris", "s3": "s3://bucket/key"}), CONTEXT)
    assert answer == {"uri": "s3://bucket/key", "version": "10"}


def test_a_wrong_payload(door: EventBridgeDoor) -> None:
    """What is wrong in the detail is raised, and so is a detail beyond the body's limit."""
    with pytest.raises(InvalidError, match=r"^model: expected a model's name, got null$"):
        door.answer(event({"model": None}), CONTEXT)
    with pytest.raises(TooLargeError, match=r"^body: expected at most 1000 bytes, got more:"):
        door.answer(event({"model": "iris", "rows": ["x" * LIMIT]}), CONTEXT)


@pytest.mark.parametrize(
    ("source", "detail"), [("aws.events", {}), ("aws.scheduler", "{}"), ("aws.events", None)]
)
def test_a_schedule(door: EventBridgeDoor, source: str, detail: Any) -> None:
    """A schedule without a payload keeps the environment warm, and nothing is predicted."""
    assert door.answer(event(detail, source, "Scheduled Event"), CONTEXT) == {"warm": True}


@pytest.mark.parametrize(
    "other",
    [
        event({}),
        event(None),
        event("text"),
        event([{"model": "iris"}]),
        event({"state": "running"}, "aws.ec2", "EC2 Instance State-change Notification"),
        event({}, "my.shop", "Scheduled Event"),
        event({}, "aws.events", "another"),
        event({}, ["aws.events"], {"a": 1}),
        event({"eventName": "PutObject"}, "aws.s3", "AWS API Call via CloudTrail"),
        event({}, "aws.s3", None),
        {"detail-type": "x", "source": "y"},
    ],
)
def test_other_events(door: EventBridgeDoor, other: dict[str, Any]) -> None:
    """Whatever else the bus brings is refused in a sentence that says what is taken."""
    with pytest.raises(UnsupportedSourceError) as caught:
        door.answer(other, CONTEXT)
    assert str(caught.value) == (
        "expected of EventBridge a schedule, an object's event of S3, or a detail of "
        f"{FORM}, got another event"
    )


def bus(service: Service, client: Any) -> EventBridgeDoor:
    """Build the door of a bucket."""
    payloads = Payloads(service, no_objects, max_body_bytes=LIMIT)
    return EventBridgeDoor(payloads, lambda: objects_by(service, client))


def object_event(bucket: str, body: bytes | None, client: Any = None) -> dict[str, Any]:
    """Write an object, and make the event of it; without a body that of its removal."""
    key = "in/digits/7.png"
    if body is not None:
        client.put_object(Bucket=bucket, Key=key, Body=body)
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return event(detail, "aws.s3", "Object Deleted" if body is None else "Object Created")


def test_a_new_object(service: Service, s3: Any, pictures: str) -> None:
    """A new object gets its result object, as by the bucket's own door."""
    answer = bus(service, s3).answer(object_event(pictures, sample(7), s3), CONTEXT)
    (result,) = answer["results"]
    assert result["result"] == f"s3://{pictures}/out/digits/7.png.json"
    assert read(s3, pictures, "out/digits/7.png.json")["predictions"][0]["label"] == "7"


def test_an_object_that_fails_for_good(service: Service, s3: Any, pictures: str) -> None:
    """What would fail again is the result, so that Lambda does not repeat it."""
    with under_way(Invocation("id-1", "eventbridge", cold=False)) as invocation:
        answer = bus(service, s3).answer(object_event(pictures, b"no picture", s3), CONTEXT)
    (result,) = answer["results"]
    assert result["error"]["type"] == invocation.error == "FormatError"
    assert read(s3, pictures, "out/digits/7.png.json") == {"error": result["error"]}


def test_an_object_that_may_come_later(service: Service, s3: Any, pictures: str) -> None:
    """A transient failure is raised, so that Lambda repeats it, and nothing is written."""
    client = Failing(s3, get_object=refused("SlowDown", 503))
    with pytest.raises(StorageError):
        bus(service, client).answer(object_event(pictures, sample(7), s3), CONTEXT)
    assert keys(s3, pictures) == ["in/digits/7.png"]


def test_a_removal(door: EventBridgeDoor) -> None:
    """A removal leaves nothing to read."""
    assert door.answer(object_event("pictures", None), CONTEXT) == {"results": []}


def test_a_broken_detail(door: EventBridgeDoor) -> None:
    """An event that names no object is refused, by the place that is wrong."""
    with pytest.raises(MalformedError) as caught:
        door.answer(event({"bucket": {}}, "aws.s3", "Object Created"), CONTEXT)
    assert str(caught.value) == "detail.object: expected an object, got null"
