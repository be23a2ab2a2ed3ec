"""What S3 tells, itself or by EventBridge, is objects to read or a plain refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import MalformedError
from function.objects.bucket import ObjectRef, is_key
from function.objects.events import is_of_object, is_older, newest, objects_in, objects_on_bus
from infra.local.trigger_events import Change, StoredObject, s3_event
from tests.function.json_values import JSON
from tests.function.objects.buckets import event, record

DETAILS = {"size": 3, "eTag": "d41d8", "versionId": "v.1", "sequencer": "0A"}
MARK = "zqMARKERqz"


def test_all_that_a_record_says() -> None:
    """Bucket, key, version, size, ETag and sequencer are taken over."""
    (ref,) = objects_in(event(record("pictures", "in/digits/7.png", **DETAILS)))
    assert ref == ObjectRef("pictures", "in/digits/7.png", "v.1", 3, "d41d8", "0A")
    assert ref.uri == "s3://pictures/in/digits/7.png"


def test_a_record_may_say_little() -> None:
    """Only the bucket and the key are needed."""
    assert objects_in(event(record("pictures", "a"))) == [ObjectRef("pictures", "a")]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("red+flower.jpg", "red flower.jpg"),
        ("a%40b", "a@b"),
        ("a%2Bb", "a+b"),
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("a%0Ab", "a\nb"),
        ("%D1%86.png", "ц.png"),
        ("%2525", "%25"),
        ("a/b", "a/b"),
    ],
)
def test_keys_are_decoded_once(encoded: str, key: str) -> None:
    """A key is form-url-encoded, whatever characters it has."""
    one = record("pictures", "x")
    one["s3"]["object"]["key"] = encoded
    assert [ref.key for ref in objects_in(event(one))] == [key]


def test_the_emulators_own_events() -> None:
    """What the local notifier sends is read, and its removals are nothing to do."""
    change = Change("ObjectCreated:Put", 0.0, "01", "r")
    stored = StoredObject("in/digits/a b.png", 3, "d41d8", "v1")
    sent = s3_event(stored, change, bucket="pictures", region="x", configuration_id="c")
    assert objects_in(sent) == [ObjectRef("pictures", "in/digits/a b.png", "v1", 3, "d41d8", "01")]
    removed = Change("ObjectRemoved:Delete", 0.0, "02", "r")
    sent = s3_event(stored, removed, bucket="pictures", region="x", configuration_id="c")
    assert objects_in(sent) == []


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "LifecycleExpiration:Delete",
        "ObjectRestore:Post",
        "Replication:OperationMissedThreshold",
        "SomethingNew:Here",
    ],
)
def test_changes_without_something_to_read(name: str) -> None:
    """A removal, a tag, and what S3 may invent are nothing to do."""
    one = record("pictures", "a") | {"eventName": name}
    del one["s3"]["object"]
    assert objects_in(event(one)) == []


def test_a_test_event() -> None:
    """What S3 sends when a notification is set up names no object."""
    assert objects_in({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "pictures"}) == []


@pytest.mark.parametrize("name", ["ObjectCreated:Copy", "ObjectRestore:Completed"])
def test_changes_with_something_to_read(name: str) -> None:
    """Each way of writing an object counts, and so does the end of its restore."""
    assert len(objects_in(event(record("pictures", "a") | {"eventName": name}))) == 1


@pytest.mark.parametrize(
    ("sequencer", "than", "older"),
    [
        ("0A", "0B", True),
        ("0B", "0A", False),
        ("0A", "0A", False),
        ("0A", "0A00", False),
        ("0A", "0A01", True),
        ("0B", "0A01", False),
        ("0a", "0B", True),
        (None, "0A", False),
        ("0A", None, False),
    ],
)
def test_sequencers(sequencer: str | None, than: str | None, older: bool) -> None:
    """The shorter one is padded at its right; an unknown one is not older."""
    assert is_older(sequencer, than=than) == older


def test_only_the_newest_of_a_key() -> None:
    """Of several changes of one key the newest is kept, in whatever order they come."""
    refs = [
        ObjectRef("b", "x", sequencer="02"),
        ObjectRef("b", "y", sequencer="09"),
        ObjectRef("b", "x", sequencer="03"),
        ObjectRef("b", "x", sequencer="01"),
        ObjectRef("c", "x", sequencer="01"),
    ]
    assert newest(refs) == [refs[2], refs[1], refs[4]]


def told(detail: Any, kind: Any = "Object Created", source: Any = "aws.s3") -> dict[str, Any]:
    """Make an event of the bus."""
    return {"source": source, "detail-type": kind, "detail": detail}


def created(**changes: Any) -> dict[str, Any]:
    """Make the detail of a new object."""
    described = {"key": "in/digits/a+b.png", "size": 9, "etag": "e1", "sequencer": "0A"}
    return {"bucket": {"name": "pictures"}, "object": described | changes}


@pytest.mark.parametrize("kind", ["Object Created", "Object Restore Completed"])
def test_a_new_object_on_the_bus(kind: str) -> None:
    """An object that can be read is named, its key taken as it stands."""
    versioned = told(created(**{"version-id": "v1"}), kind)
    found = ObjectRef("pictures", "in/digits/a+b.png", "v1", 9, "e1", "0A")
    assert objects_on_bus(versioned) == [found]


def test_odd_details() -> None:
    """What is not as S3 writes it counts as absent."""
    odd = created(**{"version-id": "", "size": True, "etag": 7, "sequencer": "\ud800"})
    assert objects_on_bus(told(odd)) == [ObjectRef("pictures", "in/digits/a+b.png")]


@pytest.mark.parametrize("kind", ["Object Deleted", "Object Tags Added", "Object ACL Updated"])
def test_other_changes_on_the_bus(kind: str) -> None:
    """A removal, a tag and the like leave nothing to read."""
    assert is_of_object(told(created(), kind))
    assert objects_on_bus(told(created(), kind)) == []


@pytest.mark.parametrize(
    "other",
    [
        told({}, "AWS API Call via CloudTrail"),
        told({}, None),
        told({}, ["Object Created"]),
        told(created(), source="mine"),
        {},
    ],
)
def test_other_events_of_the_bus(other: dict[str, Any]) -> None:
    """What else the bus brings is not of an object, even if S3 sent it."""
    assert not is_of_object(other)


def records_of(changes: dict[str, Any], **described: Any) -> dict[str, Any]:
    """Make a notification of one record with something else in it."""
    return event(record("pictures", "a", **described) | changes)


KEY = "a key of 1 to 1024 bytes in UTF-8"
NO_UTF8 = record("pictures", "x")
NO_UTF8["s3"]["object"]["key"] = "%ff"
MINOR = "expected 2.0 or a later minor version, got another"
MALFORMED: list[tuple[Callable[[Any], object], Any, str]] = [
    (objects_in, None, "event: expected a bucket's notification, got null"),
    (objects_in, {}, "event: expected a bucket's notification, got an object"),
    (objects_in, {"Records": {}}, "event: expected a bucket's notification, got an object"),
    (objects_in, event(7), "Records[0]: expected a record of aws:s3, got another"),
    (
        objects_in,
        records_of({"eventSource": None}),
        "Records[0]: expected a record of aws:s3, got another",
    ),
    (objects_in, records_of({"eventVersion": "3.0"}), f"Records[0].eventVersion: {MINOR}"),
    (objects_in, records_of({"eventVersion": None}), f"Records[0].eventVersion: {MINOR}"),
    (
        objects_in,
        records_of({"eventName": None}),
        "Records[0].eventName: expected a text, got null",
    ),
    (objects_in, records_of({"s3": None}), "Records[0].s3: expected an object, got null"),
    (
        objects_in,
        event(record("..", "a")),
        "Records[0].s3.bucket.name: expected a bucket's name, got something else",
    ),
    *(
        (
            objects_in,
            event(one),
            f"Records[0].s3.object.key: expected {KEY}, encoded as in a form, got something else",
        )
        for one in (record("pictures", ""), record("pictures", "a" * 1025), NO_UTF8)
    ),
    (
        objects_in,
        records_of({}, size=-1),
        "Records[0].s3.object.size: expected a number of bytes, got a number",
    ),
    (
        objects_in,
        records_of({}, sequencer="xyz"),
        "Records[0].s3.object.sequencer: expected one as S3 writes it, got something else",
    ),
    (
        objects_in,
        records_of({}, eTag="a\r\nb: c"),
        "Records[0].s3.object.eTag: expected one as S3 writes it, got something else",
    ),
    (objects_on_bus, told(None), "detail.bucket: expected an object, got null"),
    (
        objects_on_bus,
        told({"bucket": {"name": "pictures"}}),
        "detail.object: expected an object, got null",
    ),
    (
        objects_on_bus,
        told({"bucket": {"name": 7}, "object": {}}),
        "detail.bucket.name: expected a text, got a number",
    ),
    (
        objects_on_bus,
        told(created(key=None)),
        "detail.object.key: expected a text, got null",
    ),
    *(
        (
            objects_on_bus,
            told(detail),
            f"detail: expected a bucket's name, and {KEY}, got something else",
        )
        for detail in (
            created(key=""),
            created(key="\ud800"),
            created() | {"bucket": {"name": "../a"}},
        )
    ),
]


@pytest.mark.parametrize(("read", "value", "message"), MALFORMED)
def test_malformed_events(read: Callable[[Any], object], value: Any, message: str) -> None:
    """What is wrong with an event is said by its place, without what stands in it."""
    with pytest.raises(MalformedError) as caught:
        read(value)
    assert str(caught.value) == message


DESCRIBED = st.dictionaries(
    st.sampled_from(["key", "version-id", "etag", *DETAILS]), st.just(MARK) | JSON
)
BUCKETS = JSON | st.just({"name": "pictures"})
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "eventSource": st.just("aws:s3") | JSON,
        "eventVersion": st.just("2.1") | JSON,
        "eventName": st.just("ObjectCreated:Put") | JSON,
        "s3": JSON
        | st.fixed_dictionaries({}, optional={"bucket": BUCKETS, "object": JSON | DESCRIBED}),
    },
)
DETAIL = JSON | st.fixed_dictionaries({}, optional={"bucket": BUCKETS, "object": JSON | DESCRIBED})


@given(notification=JSON | st.builds(lambda records: {"Records": records}, st.lists(RECORDS)))
def test_any_notification(notification: Any) -> None:
    """Whatever comes, it is objects that S3 could have, or a refusal that does not repeat it."""
    assert MARK not in refusal_of(objects_in, notification)


@given(detail=DETAIL)
def test_any_detail(detail: Any) -> None:
    """Whatever the detail of an event on the bus, the same holds."""
    assert MARK not in refusal_of(objects_on_bus, told(detail))


def refusal_of(read: Callable[[Any], list[ObjectRef]], value: Any) -> str:
    """Read an event: the text of its refusal; empty where its objects are such as S3 could have."""
    try:
        refs = read(value)
    except MalformedError as error:
        return str(error)
    assert all(is_key(ref.key) for ref in refs)
    return ""
