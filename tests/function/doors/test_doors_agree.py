"""Whatever door a payload comes through, it gets the same predictions or the same problems.

Each door is spelt as a function from a payload to what the caller learns in the end: the answer, or
the status with the problems.
"""

from __future__ import annotations

import io
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from PIL import Image

from function.doors.eventbridge import EventBridgeDoor
from function.doors.invoke import InvokeDoor
from function.doors.results_queue import Result
from function.doors.sqs import SqsDoor
from function.doors.step_functions import MapDoor
from function.errors import body_too_large, item_error_of
from function.payloads import Payloads
from function.service import Service
from tests.function.conftest import CONTEXT, MAX_BODY_BYTES, Answer
from tests.function.doors.fronts import json_of, post
from tests.function.doors.queues import record
from tests.function.http.form_bodies import sample
from tests.function.json_values import JSON
from tests.function.objects.buckets import event as sqs_event
from tests.function.objects.buckets import no_objects, objects_by

ROW = [5.1, 3.5, 1.4, 0.2]
COLUMNS = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
SEVEN = b64encode(sample(7)).decode()
NAN = float("nan")
SMALL = {"model": "iris", "rows": [ROW]}

Payload = dict[str, Any]
Door = Callable[[Payload], Any]


def large_picture() -> str:
    """Draw a small file of too many pixels."""
    file = io.BytesIO()
    Image.new("1", (5000, 5000)).save(file, "PNG")
    return b64encode(file.getvalue()).decode()


def learnt(answer: Callable[[], Any]) -> Any:
    """Spell what is raised as a result."""
    try:
        return answer()
    except Exception as error:  # noqa: BLE001 -- what the door raises is what is compared
        return {"error": item_error_of(error)}


class Inbox:
    """A queue of results."""

    max_bytes = 10_000_000

    def __init__(self) -> None:
        self.results: list[Result] = []

    def __call__(self, results: Any) -> set[int]:
        """Take them all."""
        self.results += results
        return set()


@pytest.fixture(scope="module")
def doors(service: Service) -> dict[str, Door]:
    """Spell every door but HTTP's."""
    return doors_of(service, max_body_bytes=MAX_BODY_BYTES)


def doors_of(service: Service, *, max_body_bytes: int) -> dict[str, Door]:
    """Spell the doors with a limit of a payload."""
    payloads = Payloads(service, no_objects, max_body_bytes=max_body_bytes)
    invoke, mapped = InvokeDoor(payloads), MapDoor(payloads, no_objects)
    bus = EventBridgeDoor(payloads, no_objects)

    def by_map(payload: Payload) -> Any:
        event = {"Items": [SMALL, payload, SMALL]}
        first, result, last = mapped.answer(event, CONTEXT)["results"]
        assert "predictions" in first
        assert "predictions" in last
        return result

    def by_queue(payload: Payload) -> Any:
        inbox = Inbox()
        door = SqsDoor(payloads, no_objects, send=inbox, permanent="result")
        reply = door.answer(sqs_event(record("1", payload)), CONTEXT)
        assert reply == {"batchItemFailures": []}
        (result,) = inbox.results
        return result.answer

    def by_bus(payload: Payload) -> Any:
        return bus.answer({"source": "mine", "detail-type": "x", "detail": payload}, CONTEXT)

    return {
        "direct": lambda payload: learnt(lambda: invoke.answer(payload, CONTEXT)),
        "map": by_map,
        "queue": by_queue,
        "bus": lambda payload: learnt(lambda: by_bus(payload)),
    }


@pytest.fixture(scope="module")
def over_http(answer: Answer) -> Door:
    """Spell HTTP's door: model and version stand in the path."""

    def by_http(payload: Payload) -> Any:
        rest = {key: value for key, value in payload.items() if key not in ("model", "version")}
        version = f"/versions/{payload['version']}" if "version" in payload else ""
        path = f"/models/{payload['model']}{version}/predict"
        content: Any = json_of(answer(post(path, json.dumps(rest).encode(), "application/json")))
        return content

    return by_http


def told(result: Any) -> Any:
    """Take what every door tells: the answer, or the status and the problems."""
    error = result.get("error", result)
    if "problems" not in error:
        return result
    return {"status": error["status"], "problems": error["problems"], "detail": error["detail"]}


GOOD: dict[str, Payload] = {
    "a row": {"model": "iris", "rows": [ROW]},
    "a row by names": {"model": "iris", "rows": [dict(zip(COLUMNS, ROW, strict=True))]},
    "a version": {"model": "iris", "version": "1", "rows": [ROW]},
    "a label": {"model": "iris", "version": "latest", "rows": [ROW]},
    "as many rows as allowed": {"model": "iris", "rows": [ROW] * 1000},
    "a picture": {"model": "digits", "image": SEVEN},
    "pictures": {"model": "digits", "images": [SEVEN, b64encode(sample(0)).decode()]},
    "tensors of rows": {"model": "iris", "inputs": {"rows": [ROW, ROW]}},
    "a data url": {"model": "digits", "image": f"data:image/png;base64,{SEVEN}"},
}
BAD: dict[str, tuple[int, int, Payload]] = {
    "no such model": (404, 1, {"model": "nosuch", "rows": [ROW]}),
    "no such version": (404, 1, {"model": "iris", "version": "7", "rows": [ROW]}),
    "no rows": (422, 1, {"model": "iris"}),
    "no row": (422, 1, {"model": "iris", "rows": []}),
    "rows that are none": (422, 1, {"model": "iris", "rows": 7}),
    "too many rows": (422, 1, {"model": "iris", "rows": [ROW] * 1001}),
    "another key": (422, 1, {"model": "iris", "rows": [ROW], "a": 1}),
    "pictures for rows": (422, 1, {"model": "iris", "image": SEVEN}),
    "a short row": (422, 1, {"model": "iris", "rows": [ROW, ROW[:3]]}),
    "nan": (422, 1, {"model": "iris", "rows": [[NAN, *ROW[1:]]]}),
    "infinity": (422, 1, {"model": "iris", "rows": [[-1e400, *ROW[1:]]]}),
    "a huge number": (422, 1, {"model": "iris", "rows": [[10**400, *ROW[1:]]]}),
    "true": (422, 1, {"model": "iris", "rows": [[True, *ROW[1:]]]}),
    "twelve wrong rows": (422, 10, {"model": "iris", "rows": [[None, *ROW[1:]]] * 12}),
    "an unknown column": (422, 5, {"model": "iris", "rows": [dict.fromkeys("abcd", 1)]}),
    "tensors of another name": (422, 2, {"model": "iris", "inputs": {"x": [ROW]}}),
    "tensors of another shape": (422, 1, {"model": "iris", "inputs": {"rows": [ROW[:3]]}}),
    "tensors of texts": (422, 1, {"model": "iris", "inputs": {"rows": [["a", "b", "c", "d"]]}}),
    "too many tensors": (422, 1, {"model": "iris", "inputs": {"rows": [ROW] * 1001}}),
    "no object of tensors": (422, 1, {"model": "iris", "inputs": [ROW]}),
    "no base64": (422, 1, {"model": "digits", "image": "7!"}),
    "twelve times no base64": (422, 10, {"model": "digits", "images": ["!"] * 12}),
    "a number for a picture": (422, 1, {"model": "digits", "image": 7}),
    "no picture": (415, 1, {"model": "digits", "image": "e30="}),
    "nothing": (415, 1, {"model": "digits", "image": ""}),
    "half a picture": (
        422,
        1,
        {"model": "digits", "image": b64encode(sample(7)[: len(sample(7)) // 2]).decode()},
    ),
    "too many pixels": (413, 1, {"model": "digits", "image": large_picture()}),
    "too many pictures": (422, 1, {"model": "digits", "images": [""] * 257}),
    "image and images": (422, 1, {"model": "digits", "image": SEVEN, "images": [SEVEN]}),
}


@pytest.mark.parametrize("by", ["direct", "map", "queue", "bus"])
@pytest.mark.parametrize("name", GOOD)
def test_good_payloads(doors: dict[str, Door], over_http: Door, by: str, name: str) -> None:
    """A good payload gets the predictions that HTTP gives."""
    answer = doors[by](GOOD[name])
    assert answer == over_http(GOOD[name])
    assert answer["predictions"]


@pytest.mark.parametrize("by", ["direct", "map", "queue", "bus"])
@pytest.mark.parametrize("name", BAD)
def test_bad_payloads(doors: dict[str, Door], over_http: Door, by: str, name: str) -> None:
    """A bad payload gets the status and the problems that HTTP gives, ten at the most."""
    status, count, payload = BAD[name]
    problem = told(doors[by](payload))
    assert problem == told(over_http(payload))
    assert (problem["status"], len(problem["problems"])) == (status, count)


KEYS = st.sampled_from(["rows", "image", "images", "inputs", "x"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    model=st.sampled_from(["iris", "digits"]),
    payload=st.dictionaries(KEYS, JSON | st.lists(st.lists(st.floats(), max_size=5)), max_size=2),
)
def test_any_payload(doors: dict[str, Door], model: str, payload: Payload) -> None:
    """Whatever a payload holds, all doors say the same, and it is no fault of ours."""
    whole = {"model": model} | payload
    expected = told(doors["direct"](whole))
    assert expected.get("status", 200) < 500
    for name, door in doors.items():
        assert told(door(whole)) == expected, name


@pytest.mark.parametrize("by", ["direct", "map", "queue", "bus"])
def test_the_body_limit(service: Service, by: str) -> None:
    """The limit of an HTTP body is a payload's limit at every door, to the byte."""
    payload = {"model": "iris", "rows": [], "x": "é" * 100}
    size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    fits = told(doors_of(service, max_body_bytes=size)[by](payload))
    assert fits["detail"] == (
        'body: expected {"rows": …} or {"inputs": …}, got 1 other key beside it'
    )
    beyond = told(doors_of(service, max_body_bytes=size - 1)[by](payload))
    assert beyond["status"] == 413
    assert beyond["detail"] == str(body_too_large(size - 1))


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A cloud with one bucket."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="inputs")
        yield client


BAD_PICTURES = ["no picture", "nothing", "half a picture", "too many pixels"]


@pytest.mark.parametrize("name", ["a picture", *BAD_PICTURES])
def test_pictures_in_a_bucket(service: Service, s3: Any, doors: dict[str, Door], name: str) -> None:
    """A picture in a bucket gets what it gets inline."""
    payload = GOOD[name] if name in GOOD else BAD[name][2]
    s3.put_object(Bucket="inputs", Key="picture", Body=b64decode(payload["image"]))
    payloads = Payloads(service, lambda: objects_by(service, s3), max_body_bytes=MAX_BODY_BYTES)
    event = {"model": "digits", "s3": "s3://inputs/picture"}
    found, expected = learnt(lambda: payloads.answer(event)), doors["direct"](payload)
    assert found.get("predictions") == expected.get("predictions")
    assert kind_of(found) == kind_of(expected)


@pytest.mark.parametrize(
    "name", ["a row", "a row by names", "a short row", "true", "a huge number"]
)
def test_rows_in_a_bucket(service: Service, s3: Any, doors: dict[str, Door], name: str) -> None:
    """Rows in a bucket get what they get inline; what is wrong is of the same kind."""
    payload = GOOD[name] if name in GOOD else BAD[name][2]
    lines = "\n".join(json.dumps(row) for row in payload["rows"])
    s3.put_object(Bucket="inputs", Key="rows.jsonl", Body=lines.encode())
    payloads = Payloads(service, lambda: objects_by(service, s3), max_body_bytes=MAX_BODY_BYTES)
    event = {"model": "iris", "s3": "s3://inputs/rows.jsonl"}
    found, expected = learnt(lambda: payloads.answer(event)), doors["direct"](payload)
    assert found.get("predictions") == expected.get("predictions")
    assert kind_of(found) == kind_of(expected)


def kind_of(result: Any) -> str | None:
    """Name a result's error."""
    kind: str | None = result.get("error", {}).get("type")
    return kind
