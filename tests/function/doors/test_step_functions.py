"""The map's door gives each item its result, whatever is the matter with its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from function.doors.step_functions import MAX_ITEMS, MapDoor
from function.errors import InvalidError
from function.objects.process import Objects
from function.payloads import Payloads
from function.service import Served, Service
from function.telemetry.invocation import Invocation, under_way
from tests.function.conftest import CONTEXT
from tests.function.http.form_bodies import sample
from tests.function.objects.buckets import Failing, keys, objects_by, read, refused

ROW = [5.1, 3.5, 1.4, 0.2]
LIMIT = 10_000
GOOD = {"rows": [ROW]}
IRIS = {"model": "iris"}
HERE = {"bucket": "pictures", "model": "digits"}


@pytest.fixture
def s3() -> Iterator[Any]:
    """A bucket with a picture, a table, and what is neither."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("pictures", "results"):
            client.create_bucket(Bucket=bucket)
        client.put_object(Bucket="pictures", Key="a/7.png", Body=sample(7))
        client.put_object(Bucket="pictures", Key="a/broken.png", Body=b"no picture")
        client.put_object(Bucket="pictures", Key="rows.csv", Body=b"5.1,3.5,1.4,0.2\n" * 2)
        yield client


def door_of(service: Service, client: Any = None) -> MapDoor:
    """Build the door."""

    def objects() -> Objects:
        return objects_by(service, client)

    return MapDoor(Payloads(service, objects, max_body_bytes=LIMIT), objects)


def results(door: MapDoor, items: list[Any], batch: Any = None, context: Any = CONTEXT) -> Any:
    """Answer a batch of items."""
    event = {"Items": items} | ({} if batch is None else {"BatchInput": batch})
    return door.answer(event, context)["results"]


def kinds(found: list[Any]) -> list[str]:
    """Name each result by its error, or by what it predicted."""
    return [
        one["error"]["type"] if "error" in one else one["predictions"][0]["label"] for one in found
    ]


def test_payloads(versions: Service) -> None:
    """Each item is a payload of its own, and the answers stand in the items' order."""
    items = [
        {"model": "iris", "version": "2", "rows": [ROW]},
        {"model": "iris", "rows": [[6.3, 3.3, 6.0, 2.5], ROW]},
    ]
    first, second = results(door_of(versions), items)
    assert (first["version"], second["version"]) == ("2", "10")
    assert [one["label"] for one in second["predictions"]] == ["virginica", "setosa"]


def test_what_items_have_in_common(versions: Service) -> None:
    """The batch may name model and version; an item that names a model stands by itself."""
    items = [GOOD, GOOD | {"version": "9"}, GOOD | {"model": "iris"}, GOOD | {"model": "nosuch"}]
    found = results(door_of(versions), items, {"model": "iris", "version": "stable"})
    assert [one.get("version") for one in found] == ["2", "9", "10", None]
    assert kinds(found[3:]) == ["UnknownModelError"]


def test_failures_among_successes(service: Service) -> None:
    """An item that fails says how, and its neighbours are answered."""
    items = [GOOD, {"rows": [[None, 3.5, 1.4, 0.2]]}, {}, 7, None, GOOD]
    found = results(door_of(service), items, IRIS)
    wrong = ["InputError", "InvalidError", "InvalidError", "InvalidError"]
    assert kinds(found) == ["setosa", *wrong, "setosa"]
    assert found[1] == {
        "error": {
            "type": "InputError",
            "status": 422,
            "detail": "rows[0].sepal_length_cm: expected a finite number, got null",
            "problems": [
                {
                    "where": "rows[0].sepal_length_cm",
                    "expected": "a finite number",
                    "got": "null",
                }
            ],
            "retry": False,
        }
    }
    assert found[3]["error"]["detail"] == 'item: expected a payload or {"Key": …}, got a number'


def test_no_items(service: Service) -> None:
    """No item, no result."""
    assert results(door_of(service), []) == []


def test_the_body_limit(service: Service) -> None:
    """Each item is held against the limit of an HTTP body by itself."""
    rows = {"rows": [ROW] * 300}
    found = results(door_of(service), [rows, {"rows": [ROW] * 600}, rows], IRIS)
    assert kinds(found) == ["setosa", "TooLargeError", "setosa"]


@dataclass
class Waning:
    """A context whose time runs out while items are answered."""

    left_ms: list[int]

    def get_remaining_time_in_millis(self) -> int:
        """Say what is left, less each time."""
        return self.left_ms.pop(0) if len(self.left_ms) > 1 else self.left_ms[0]


def test_the_deadline(service: Service) -> None:
    """Items for which there is no time are returned as such, to be tried again: none is lost."""
    context = Waning([10_000, 10_000, 6_000, 4_999])
    found = results(door_of(service), [GOOD] * 4, IRIS, context)
    assert kinds(found) == ["setosa", "setosa", "DeadlineError", "DeadlineError"]
    assert found[2] == found[3]
    assert found[2]["error"] == {
        "type": "DeadlineError",
        "status": 503,
        "detail": "expected time for another item, none was left",
        "problems": [],
        "retry": True,
    }


def test_an_unexpected_failure(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one item keeps its text to itself and spares the others."""
    predict = Served.predict

    def failing(self: Served, instances: list[Any]) -> Any:
        if len(instances) == 2:
            raise ValueError("secret")
        return predict(self, instances)

    monkeypatch.setattr(Served, "predict", failing)
    found = results(door_of(service), [GOOD, {"rows": [ROW, ROW]}, GOOD], IRIS)
    assert kinds(found) == ["setosa", "InternalError", "setosa"]
    assert "secret" not in str(found)
    assert found[1]["error"]["retry"]


def test_the_log_learns_of_failures(service: Service) -> None:
    """The invocation under way knows that an item failed."""
    invocation = Invocation("id-1", "step-functions-map", cold=False)
    with under_way(invocation):
        results(door_of(service), [GOOD, {}], IRIS)
        assert invocation.error == "InvalidError"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            {"Items": [], "model": "iris"},
            'body: expected {"Items": […], "BatchInput"?: {…}}, got 1 other key beside it',
        ),
        ({"Items": [], "BatchInput": None}, "BatchInput: expected an object, got null"),
        (
            {"Items": [], "BatchInput": {"model": "iris", "modle": 1, "x": 2}},
            "BatchInput: expected only bucket, model, output, version, got 2 other keys",
        ),
        ({"Items": [0] * (MAX_ITEMS + 1)}, "Items: expected at most 10000 items, got 10001"),
        (
            {"Items": [], "BatchInput": HERE | {"output": "out/"}},
            "BatchInput.output: expected s3://bucket/prefix, got a string",
        ),
        (
            {"Items": [], "BatchInput": HERE | {"output": 7}},
            "BatchInput.output: expected s3://bucket/prefix, got a number",
        ),
        (
            {"Items": [], "BatchInput": HERE | {"output": "s3://pictures/"}},
            "BatchInput.output: expected a prefix, since the bucket is that of the objects, "
            "got none",
        ),
    ],
)
def test_wrong_batches(service: Service, event: dict[str, Any], message: str) -> None:
    """What is wrong with the whole batch fails it as a whole, before any item is begun."""
    with pytest.raises(InvalidError) as caught:
        door_of(service).answer(event, CONTEXT)
    assert str(caught.value) == message


def listed(key: str, **more: Any) -> dict[str, Any]:
    """Make an item as a listing of the bucket gives it."""
    return {"Etag": '"0f"', "Key": key, "LastModified": 1795341600.0, "Size": 9} | more


def test_objects(service: Service, s3: Any) -> None:
    """An object's result is written where the batch says, and summed up in the item's."""
    batch = HERE | {"output": "s3://results/run-1"}
    tag = s3.head_object(Bucket="pictures", Key="a/7.png")["ETag"]
    (found,) = results(door_of(service, s3), [listed("a/7.png", Etag=tag)], batch)
    assert found == {
        "source": "s3://pictures/a/7.png",
        "result": "s3://results/run-1/a/7.png.json",
        "model": "digits",
        "version": "1",
        "count": 1,
        "failed": 0,
    }
    assert read(s3, "results", "run-1/a/7.png.json")["predictions"][0]["label"] == "7"


def test_where_results_go(service: Service, s3: Any) -> None:
    """A bucket alone takes the results at its top; without an output the settings' prefix does."""
    items = [{"Key": "a/7.png"}]
    (found,) = results(door_of(service, s3), items, HERE | {"output": "s3://results"})
    assert found["result"] == "s3://results/a/7.png.json"
    (found,) = results(door_of(service, s3), items, HERE)
    assert found["result"] == "s3://pictures/out/a/7.png.json"


def test_a_version_for_objects(versions: Service, s3: Any) -> None:
    """The batch's version predicts every object."""
    batch = {"bucket": "pictures", "model": "iris", "version": "stable"}
    (found,) = results(door_of(versions, s3), [{"Key": "rows.csv"}], batch)
    assert (found["version"], found["count"]) == ("2", 2)


def test_objects_that_fail(service: Service, s3: Any) -> None:
    """What will fail again is written as the result; each failure names its object."""
    items = [{"Key": "a/broken.png"}, {"Key": "nowhere.png"}, {"Key": "a/7.png"}]
    broken, gone, good = results(door_of(service, s3), items, HERE)
    assert broken["source"] == "s3://pictures/a/broken.png"
    assert (broken["error"]["type"], broken["error"]["retry"]) == ("FormatError", False)
    assert read(s3, "pictures", "out/a/broken.png.json") == {"error": broken["error"]}
    assert gone == {"source": "s3://pictures/nowhere.png", "skipped": "gone since"}
    assert good["count"] == 1


@pytest.mark.parametrize(
    ("code", "status", "kind", "retry"),
    [("SlowDown", 503, "StorageError", True), ("AccessDenied", 403, "ForbiddenError", False)],
)
def test_a_busy_bucket(
    service: Service, s3: Any, code: str, status: int, kind: str, retry: bool
) -> None:
    """A transient failure is told as such and not written down: the state machine tries again."""
    client = Failing(s3, get_object=refused(code, status))
    (found,) = results(door_of(service, client), [{"Key": "a/7.png"}], HERE)
    assert found["source"] == "s3://pictures/a/7.png"
    assert (found["error"]["type"], found["error"]["retry"]) == (kind, retry)
    assert ("out/a/7.png.json" in keys(s3, "pictures")) is not retry


ADDRESS = (
    "object: expected a bucket's name, and a key of 1 to 1024 bytes in UTF-8, got something else"
)


@pytest.mark.parametrize(
    ("key", "batch", "detail"),
    [
        (7, HERE, "item.Key: expected a key, got a number"),
        (None, HERE, "item.Key: expected a key, got null"),
        ("a", IRIS, "BatchInput.bucket: expected a bucket's name, got null"),
        ("", HERE, ADDRESS),
        ("\ud800", HERE, ADDRESS),
        ("a", HERE | {"bucket": "../a"}, ADDRESS),
    ],
)
def test_items_that_are_no_objects(
    service: Service, key: Any, batch: dict[str, Any], detail: str
) -> None:
    """A key and a bucket are held against S3's rules before it is asked."""
    (found,) = results(door_of(service), [{"Key": key}], batch)
    assert found["error"]["detail"] == detail


def test_objects_are_opened_late(service: Service) -> None:
    """A batch of payloads never opens a bucket, and one of objects opens it once."""
    opened: list[dict[str, Any]] = []

    class Opened:
        def at(self, **places: Any) -> Opened:
            opened.append(places)
            return self

        def settle(self, _ref: Any, **_: Any) -> dict[str, Any]:
            return {"count": 1}

    objects: Any = Opened
    door = MapDoor(Payloads(service, objects, max_body_bytes=LIMIT), objects)
    results(door, [GOOD] * 3, IRIS)
    assert opened == []
    found = results(door, [{"Key": "a"}] * 3, HERE | {"output": "s3://results/x/"})
    assert found == [{"count": 1}] * 3
    places = {"output_bucket": "results", "output_prefix": "x/", "input_prefix": ""}
    assert opened == [places | {"model": "digits"}]
