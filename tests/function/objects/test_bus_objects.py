"""What EventBridge tells of a bucket is read by its own rules, and never repeated in an error."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import MalformedError
from function.objects.bus_objects import is_of_object, objects_on_bus
from function.objects.source import ObjectRef, is_key
from tests.function.json_values import JSON


def event(detail: Any, kind: Any = "Object Created", source: Any = "aws.s3") -> dict[str, Any]:
    """Make an event of the bus."""
    return {"source": source, "detail-type": kind, "detail": detail}


def created(**changes: Any) -> dict[str, Any]:
    """Make the detail of a new object."""
    described = {"key": "in/digits/a+b.png", "size": 9, "etag": "e1", "sequencer": "0A"}
    return {"bucket": {"name": "pictures"}, "object": described | changes}


@pytest.mark.parametrize("kind", ["Object Created", "Object Restore Completed"])
def test_a_new_object(kind: str) -> None:
    """An object that can be read is named, its key taken as it stands."""
    versioned = event(created(**{"version-id": "v1"}), kind)
    found = ObjectRef("pictures", "in/digits/a+b.png", "v1", 9, "e1", "0A")
    assert objects_on_bus(versioned) == [found]


def test_odd_details() -> None:
    """What is not as S3 writes it counts as absent."""
    odd = created(**{"version-id": "", "size": True, "etag": 7, "sequencer": "\ud800"})
    assert objects_on_bus(event(odd)) == [ObjectRef("pictures", "in/digits/a+b.png")]


@pytest.mark.parametrize("kind", ["Object Deleted", "Object Tags Added", "Object ACL Updated"])
def test_other_changes(kind: str) -> None:
    """A removal, a tag and the like leave nothing to read."""
    assert is_of_object(event(created(), kind))
    assert objects_on_bus(event(created(), kind)) == []


@pytest.mark.parametrize(
    "other",
    [
        event({}, "AWS API Call via CloudTrail"),
        event({}, None),
        event({}, ["Object Created"]),
        event(created(), source="mine"),
        {},
    ],
)
def test_other_events(other: dict[str, Any]) -> None:
    """What else the bus brings is not of an object, even if S3 sent it."""
    assert not is_of_object(other)


ADDRESS = "detail: expected a bucket's name, and a key of 1 to 1024 bytes in UTF-8"


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        (None, "detail.bucket: expected an object, got null"),
        ({"bucket": {"name": "pictures"}}, "detail.object: expected an object, got null"),
        (
            {"bucket": {"name": 7}, "object": {}},
            "detail.bucket.name: expected a text, got a number",
        ),
        (created(key=None), "detail.object.key: expected a text, got null"),
        (created(key=""), f"{ADDRESS}, got something else"),
        (created(key="\ud800"), f"{ADDRESS}, got something else"),
        (created() | {"bucket": {"name": "../a"}}, f"{ADDRESS}, got something else"),
    ],
)
def test_broken_details(detail: Any, message: str) -> None:
    """A detail that names no object is refused by the place that is wrong."""
    with pytest.raises(MalformedError) as caught:
        objects_on_bus(event(detail))
    assert str(caught.value) == message


PARTS = st.sampled_from(["bucket", "object", "name", "key", "size", "etag", "sequencer"])


@given(JSON | st.dictionaries(PARTS, JSON | st.dictionaries(PARTS, JSON | st.just("pictures"))))
def test_any_detail(detail: Any) -> None:
    """Whatever the detail, it names one object that S3 could have, or is refused."""
    with contextlib.suppress(MalformedError):
        (found,) = objects_on_bus(event(detail))
        assert is_key(found.key)
