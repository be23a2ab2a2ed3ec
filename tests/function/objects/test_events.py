"""A notification, however it is wrapped and whatever is in it, is objects or a plain refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import MalformedError
from function.objects.events import is_older, newest, objects_in
from function.objects.source import ObjectRef
from infra.local.trigger_events import Change, StoredObject, s3_event
from tests.function.json_values import JSON
from tests.function.objects.buckets import event, record

DETAILS = {"size": 3, "eTag": "d41d8", "versionId": "v.1", "sequencer": "0A"}
TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "pictures"}
MARK = "zqMARKERqz"


def sns(value: Any) -> dict[str, Any]:
    """Wrap a notification as SNS does on its way to a queue."""
    return {"Type": "Notification", "MessageId": "1", "Message": json.dumps(value)}


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


@pytest.mark.parametrize("name", ["ObjectCreated:Copy", "ObjectRestore:Completed"])
def test_changes_with_something_to_read(name: str) -> None:
    """Each way of writing an object counts, and so does the end of its restore."""
    assert len(objects_in(event(record("pictures", "a") | {"eventName": name}))) == 1


@pytest.mark.parametrize("wrap", [lambda value: value, sns], ids=["bare", "sns"])
def test_wrapped(wrap: Any) -> None:
    """SNS's envelope makes no difference, and a test event is nothing to do."""
    assert len(objects_in(wrap(event(record("pictures", "a"))))) == 1
    assert objects_in(wrap(TEST_EVENT)) == []


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


def _without(name: str) -> dict[str, Any]:
    one = record("pictures", "a")
    del one[name]
    return one


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (7, "Records[0]: expected a record of aws:s3, got another"),
        (_without("eventSource"), "Records[0]: expected a record of aws:s3, got another"),
        (
            record("pictures", "a") | {"eventVersion": "3.0"},
            "Records[0].eventVersion: expected 2.0 or a later minor version, got another",
        ),
        (
            _without("eventVersion"),
            "Records[0].eventVersion: expected 2.0 or a later minor version, got another",
        ),
        (_without("eventName"), "Records[0].eventName: expected a text, got null"),
        (_without("s3"), "Records[0].s3: expected an object, got null"),
        (
            record("..", "a"),
            "Records[0].s3.bucket.name: expected a bucket's name, got something else",
        ),
        (
            record("pictures", ""),
            "Records[0].s3.object.key: expected a key of 1 to 1024 bytes in UTF-8, "
            "encoded as in a form, got something else",
        ),
        (
            record("pictures", "a" * 1025),
            "Records[0].s3.object.key: expected a key of 1 to 1024 bytes in UTF-8, "
            "encoded as in a form, got something else",
        ),
        (
            record("pictures", "a", size=-1),
            "Records[0].s3.object.size: expected a number of bytes, got a number",
        ),
        (
            record("pictures", "a", sequencer="xyz"),
            "Records[0].s3.object.sequencer: expected one as S3 writes it, got something else",
        ),
        (
            record("pictures", "a", eTag="a\r\nb: c"),
            "Records[0].s3.object.eTag: expected one as S3 writes it, got something else",
        ),
    ],
)
def test_malformed_records(one: Any, message: str) -> None:
    """What is wrong with a record is said, without what stands in it."""
    with pytest.raises(MalformedError) as caught:
        objects_in(event(one))
    assert str(caught.value) == message


def test_a_key_that_is_no_utf8() -> None:
    """A key whose bytes are no UTF-8 is refused."""
    one = record("pictures", "x")
    one["s3"]["object"]["key"] = "%ff"
    with pytest.raises(MalformedError, match="key of 1 to 1024 bytes in UTF-8"):
        objects_in(event(one))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "event: expected a bucket's notification, got null"),
        ({}, "event: expected a bucket's notification, got an object"),
        ({"Records": {}}, "event: expected a bucket's notification, got an object"),
        ({"Type": "Notification"}, "Message: expected JSON in a text, got null"),
        (
            {"Type": "Notification", "Message": MARK},
            "Message: expected JSON, got a text that is not JSON",
        ),
        (
            {"Type": "Notification", "Message": "[" * 100_000},
            "Message: expected JSON, got a text that is not JSON",
        ),
        (sns(sns(TEST_EVENT)), "event: expected a bucket's notification, got an object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_malformed_notifications(value: Any, message: str) -> None:
    """What is no notification is refused, and one SNS in another is none."""
    with pytest.raises(MalformedError) as caught:
        objects_in(value)
    assert str(caught.value) == message


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "eventSource": st.just("aws:s3") | JSON,
        "eventVersion": st.just("2.1") | JSON,
        "eventName": st.just("ObjectCreated:Put") | JSON,
        "s3": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "bucket": JSON | st.just({"name": "pictures"}),
                "object": JSON
                | st.dictionaries(st.sampled_from(["key", *DETAILS]), st.just(MARK) | JSON),
            },
        ),
    },
)


@given(value=JSON | st.builds(lambda records: {"Records": records}, st.lists(RECORDS)))
def test_anything(value: Any) -> None:
    """Whatever comes, it is objects that S3 could have, or a refusal that does not repeat it."""
    for wrapped in (value, sns(value)):
        refusal = ""
        try:
            refs = objects_in(wrapped)
        except MalformedError as error:
            refs, refusal = [], str(error)
        assert MARK not in refusal
        assert all(1 <= len(ref.key.encode()) <= 1024 for ref in refs)
