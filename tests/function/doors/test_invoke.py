"""The direct door answers a payload with a dictionary."""

from __future__ import annotations

from typing import Any

import pytest

from function.doors.invoke import InvokeDoor
from function.errors import InvalidError, TooLargeError
from function.service import Service
from tests.function.conftest import CONTEXT
from tests.function.test_payloads import FakeObjects

ROW = [5.1, 3.5, 1.4, 0.2]
LIMIT = 1000


@pytest.fixture
def door(versions: Service) -> InvokeDoor:
    """Build the door, with buckets that answer with what they were asked."""
    objects: Any = FakeObjects
    return InvokeDoor(versions, objects=objects, max_body_bytes=LIMIT)


def test_a_payload(door: InvokeDoor) -> None:
    """A payload is answered, by the version that it names."""
    answer = door.answer({"model": "iris", "version": "stable", "rows": [ROW]}, CONTEXT)
    assert (answer["model"], answer["version"]) == ("iris", "2")
    assert [prediction["label"] for prediction in answer["predictions"]] == ["setosa"]


def test_an_object(door: InvokeDoor) -> None:
    """An object of a bucket is answered inline."""
    answer: Any = door.answer({"model": "iris", "s3": "s3://bucket/key"}, CONTEXT)
    assert answer == {"uri": "s3://bucket/key", "model": "iris", "version": None}


def test_a_wrong_payload(door: InvokeDoor) -> None:
    """What is wrong is raised: the invoker sees a function error."""
    with pytest.raises(InvalidError, match=r'^body: expected {"rows": …}, got an empty object$'):
        door.answer({"model": "iris"}, CONTEXT)


def test_the_body_limit(door: InvokeDoor) -> None:
    """An event is held against the limit of an HTTP body, before anything else."""
    with pytest.raises(TooLargeError, match=r"^body: expected at most 1000 bytes, got more$"):
        door.answer({"model": "nosuch", "rows": ["x" * LIMIT]}, CONTEXT)
