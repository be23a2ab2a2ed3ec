"""An object becomes a result object, whatever it holds; nothing is lost and nothing half done."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from function.errors import (
    ArchivedError,
    ForbiddenError,
    InvalidError,
    MalformedError,
    MediaTypeError,
    StorageError,
    TooLargeError,
    UnknownModelError,
    UnknownVersionError,
)
from function.objects.bucket import ObjectRef
from function.service import Answer, Served, Service
from model.errors import FormatError
from tests.function.http.form_bodies import sample
from tests.function.objects.buckets import (
    HEADER,
    MEBIBYTE,
    PREDICTION,
    ROW,
    Failing,
    an_hour,
    keys,
    made,
    objects_by,
    read,
    refused,
)
from tests.infra.cloud.clouds import bucket

COLUMNS = "sepal_length_cm, sepal_width_cm, petal_length_cm, petal_width_cm"


def failed(kind: str, status: int, detail: str) -> dict[str, Any]:
    """Spell an error of one problem in a result."""
    where, _, rest = detail.partition(": expected ")
    expected, _, got = rest.rpartition(", got ")
    problems = [{"where": where, "expected": expected, "got": got}]
    return {"error": {"type": kind, "status": status, "detail": detail, "problems": problems,
                      "retry": False}}  # fmt: skip


def test_a_picture(s3: Any, service: Service, pictures: str) -> None:
    """A picture's result is the answer that HTTP gives, under a name that is always the same."""
    ref = made(s3, pictures, "in/digits/a b/7.png", sample(7))
    assert objects_by(service, s3).process(ref, remaining_ms=an_hour) == {
        "source": f"s3://{pictures}/in/digits/a b/7.png",
        "result": f"s3://{pictures}/out/digits/a b/7.png.json",
        "model": "digits",
        "version": "1",
        "count": 1,
        "failed": 0,
    }
    answer = service.find("digits").predict([sample(7)]).payload()
    assert read(s3, pictures, "out/digits/a b/7.png.json") == answer
    assert answer["predictions"][0]["label"] == "7"
    about = s3.head_object(Bucket=pictures, Key="out/digits/a b/7.png.json")["Metadata"]
    assert (about["model"], about["source-etag"], about["source-sequencer"]) == (
        "digits", ref.etag, "01",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../../7.png", "a\nb", "ц +%2F&?#.png", "versions/latest/7", "/"])
def test_any_key(s3: Any, service: Service, pictures: str, name: str) -> None:
    """Whatever a key is called, it is one object and one result, and no file's name."""
    ref = made(s3, pictures, f"in/digits/{name}x", sample(7))
    objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert sorted(keys(s3, pictures)) == [f"in/digits/{name}x", f"out/digits/{name}x.json"]


@pytest.mark.parametrize("header", [b"", HEADER], ids=["plain", "header"])
def test_a_table(s3: Any, service: Service, pictures: str, header: bytes) -> None:
    """A table's result has a line for each row, its errors included, by the line's number."""
    body = header + ROW + b"\n5.1,oops,1.4,0.2\n1,2\n" + ROW
    ref = made(s3, pictures, "in/iris/rows.csv", body)
    summary = objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert (summary["count"], summary["failed"]) == (4, 2)
    first = 2 if header else 1
    assert read(s3, pictures, "out/iris/rows.csv.jsonl") == [
        {"line": first} | PREDICTION,
        {"line": first + 2}
        | failed(
            "InputError",
            422,
            "rows[0].sepal_width_cm: expected a finite number, got a string",
        ),
        {"line": first + 3}
        | failed("InputError", 422, f"rows[0]: expected 4 numbers ({COLUMNS}), got 2 numbers"),
        {"line": first + 4} | PREDICTION,
    ]


def test_json_lines_of_rows(s3: Any, service: Service, pictures: str) -> None:
    """JSON lines hold rows as lists and as objects by column name."""
    row = dict(zip(HEADER.decode().strip().split(","), [5.1, 3.5, 1.4, 0.2], strict=True))
    body = b"[5.1,3.5,1.4,0.2]\r\n" + json.dumps(row).encode() + b"\n{broken\n7"
    ref = made(s3, pictures, "in/iris/rows.jsonl", body)
    objects_by(service, s3).process(ref, remaining_ms=an_hour)
    expected = "a list of numbers or an object by column name"
    assert read(s3, pictures, "out/iris/rows.jsonl.jsonl") == [
        {"line": 1} | PREDICTION,
        {"line": 2} | PREDICTION,
        {"line": 3} | failed("MalformedError", 400, "line: expected JSON, got something else"),
        {"line": 4} | failed("InputError", 422, f"rows[0]: expected {expected}, got a number"),
    ]


def test_json_lines_of_pictures(s3: Any, service: Service, pictures: str) -> None:
    """JSON lines hold pictures in base64 for a model of pictures."""
    lines = [json.dumps({"image": b64encode(data).decode()}) for data in (sample(7), b"no", b"")]
    ref = made(s3, pictures, "in/digits/some.ndjson", "\n".join([*lines, "{}"]).encode())
    summary = objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert (summary["count"], summary["failed"]) == (4, 3)
    first, *others = read(s3, pictures, "out/digits/some.ndjson.jsonl")
    assert (first["line"], first["label"]) == (1, "7")
    assert [other["error"]["type"] for other in others] == ["FormatError"] * 2 + ["InvalidError"]


def test_a_listing_of_pictures(s3: Any, service: Service, pictures: str) -> None:
    """A listing's result has a line for each object that it names, failures included."""
    other = bucket(s3)
    s3.put_object(Bucket=pictures, Key="any where/7.png", Body=sample(7))
    s3.put_object(Bucket=other, Key="0.png", Body=sample(0))
    s3.put_object(Bucket=pictures, Key="none.png", Body=b"none")
    s3.put_object(Bucket=pictures, Key="cold.png", Body=b"", StorageClass="GLACIER")
    s3.put_object(Bucket=pictures, Key="large.png", Body=b"x" * (MEBIBYTE + 1))
    names = [
        "any where/7.png", "", f"s3://{other}/0.png", "none.png", "gone.png", "cold.png",
        "large.png", "rows.csv", "in/digits/all.keys", "s3://", "a" * 1025,
    ]  # fmt: skip
    ref = made(s3, pictures, "in/digits/all.keys", "\r\n".join(names).encode())
    summary = objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert (summary["count"], summary["failed"]) == (10, 8)
    lines = read(s3, pictures, "out/digits/all.keys.jsonl")
    assert [line["object"] for line in lines] == [1, *range(3, 12)]
    assert [line.get("label", line.get("error", {}).get("type")) for line in lines] == [
        "7", "0", "FormatError", "GoneError", "ArchivedError", "TooLargeError", "MediaTypeError",
        "MediaTypeError", "MalformedError", "MalformedError",
    ]  # fmt: skip


def test_a_listing_of_tables(s3: Any, service: Service, pictures: str) -> None:
    """Of tables in a listing each row has its line, and a broken table has one."""
    s3.put_object(Bucket=pictures, Key="a.csv", Body=HEADER + ROW + ROW)
    s3.put_object(Bucket=pictures, Key="b.jsonl", Body=b"[5.1,3.5,1.4,0.2]")
    s3.put_object(Bucket=pictures, Key="c.csv", Body=b"other,names\n" + ROW)
    ref = made(s3, pictures, "in/iris/all.keys", b"a.csv\nb.jsonl\nc.csv\nd.png")
    objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert read(s3, pictures, "out/iris/all.keys.jsonl") == [
        {"object": 1, "line": 2} | PREDICTION,
        {"object": 1, "line": 3} | PREDICTION,
        {"object": 2, "line": 1} | PREDICTION,
        {"object": 3}
        | failed(
            "InvalidError",
            422,
            f"first line: expected values, or the columns {COLUMNS} in any order, got other names",
        ),
        {"object": 4}
        | failed(
            "MediaTypeError",
            415,
            "object: expected a key that ends in .csv, .jsonl, .ndjson or .keys, got another",
        ),
    ]


def test_batches_are_as_large_as_allowed(
    s3: Any, service: Service, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are predicted together, and a wrong one costs its batch some halvings, no more."""
    asked: list[int] = []

    def counted(self: Served, instances: Sequence[Any]) -> Answer:
        asked.append(len(instances))
        return predict(self, instances)

    predict = Served.predict
    monkeypatch.setattr(Served, "predict", counted)
    rows = [ROW] * 2500
    rows[1234] = b"1,2,3,x\n"
    ref = made(s3, pictures, "in/iris/rows.csv", b"".join(rows))
    summary = objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert (summary["count"], summary["failed"]) == (2500, 1)
    assert [size for size in asked if size >= 500] == [1000, 1000, 500, 500, 500]
    assert len(asked) < 26
    lines = read(s3, pictures, "out/iris/rows.csv.jsonl")
    assert [line["line"] for line in lines] == list(range(1, 2501))
    assert [line["line"] for line in lines if "error" in line] == [1235]


def test_pictures_are_fetched_some_at_a_time(s3: Any, service: Service, pictures: str) -> None:
    """The clock is looked at after each 32 pictures of a listing, and each is answered."""
    looks: list[int] = []
    s3.put_object(Bucket=pictures, Key="7.png", Body=sample(7))
    ref = made(s3, pictures, "in/digits/all.keys", b"7.png\n" * 70)
    left = iter(range(100_000, 0, -1000))

    def remaining_ms() -> int:
        looks.append(next(left))
        return looks[-1]

    summary = objects_by(service, s3).process(ref, remaining_ms=remaining_ms)
    assert (summary["count"], summary["failed"]) == (70, 0)
    assert len(looks) == 2 + 3


def test_versions(s3: Any, service: Service, pictures: str) -> None:
    """The version that the event names is read, though a newer one is there."""
    s3.put_bucket_versioning(Bucket=pictures, VersioningConfiguration={"Status": "Enabled"})
    ref = made(s3, pictures, "in/digits/7.png", sample(7))
    made(s3, pictures, "in/digits/7.png", sample(0))
    objects_by(service, s3).process(ref, remaining_ms=an_hour)
    answer = read(s3, pictures, "out/digits/7.png.json")
    assert answer["predictions"][0]["label"] == "7"
    about = s3.head_object(Bucket=pictures, Key="out/digits/7.png.json")["Metadata"]
    assert about["source-version-id"] == ref.version_id


def _delete(s3: Any, name: str, key: str) -> None:
    s3.delete_object(Bucket=name, Key=key)


def _replace(s3: Any, name: str, key: str) -> None:
    s3.put_object(Bucket=name, Key=key, Body=sample(0))


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_delete, "gone since"),
        (_replace, "replaced since, which has an event of its own"),
    ],
)
@pytest.mark.parametrize("versions", [False, True])
def test_what_happened_since_the_event(
    s3: Any,
    service: Service,
    pictures: str,
    happens: Callable[..., None],
    reason: str,
    versions: bool,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """An object that is gone or replaced is nothing to do; the log says so without its key."""
    if versions:
        s3.put_bucket_versioning(Bucket=pictures, VersioningConfiguration={"Status": "Enabled"})
    ref = made(s3, pictures, "in/digits/7.png", sample(7))
    happens(s3, pictures, ref.key)
    unversioned = ObjectRef(ref.bucket, ref.key, None, ref.size_bytes, ref.etag, ref.sequencer)
    summary = objects_by(service, s3).process(unversioned, remaining_ms=an_hour)
    assert summary == {"source": ref.uri, "skipped": reason}
    assert "out/digits/7.png.json" not in keys(s3, pictures)
    assert log_lines() == [
        {"level": "WARN", "message": "object skipped", "reason": reason, "request_id": ""}
    ]


@pytest.mark.parametrize("key", ["out/digits/7.png.json", "digits/7.png", "in/7.png", "in/digits/"])
def test_keys_that_are_none_of_ours(service: Service, key: str) -> None:
    """What is outside of the input, or our own result, is not even asked for."""
    client = Failing(None)
    summary = objects_by(service, client).process(ObjectRef("pictures", key), remaining_ms=an_hour)
    assert summary.keys() == {"source", "skipped"}
    assert client.called == []


def test_events_out_of_order_and_twice(s3: Any, service: Service, pictures: str) -> None:
    """The newest event's result stays, and an event that comes again costs no prediction."""
    objects = objects_by(service, s3)
    old = made(s3, pictures, "in/digits/7.png", sample(7), "0A")
    new = made(s3, pictures, "in/digits/7.png", sample(0), "0B")
    assert objects.process(new, remaining_ms=an_hour)["count"] == 1
    again = objects.process(new, remaining_ms=an_hour)
    assert again["skipped"] == "answered already"
    assert objects.process(old, remaining_ms=an_hour)["skipped"] == "older than its result"
    assert objects.report(old, InvalidError([]))["skipped"] == "older than its result"
    answer = read(s3, pictures, "out/digits/7.png.json")
    assert answer["predictions"][0]["label"] == "0"


def test_a_failure_and_its_repair(s3: Any, service: Service, pictures: str) -> None:
    """An object's failure stands where its result would, until a good one replaces it."""
    objects = objects_by(service, s3)
    ref = made(s3, pictures, "in/digits/7.png", b"none", "0A")
    with pytest.raises(FormatError) as caught:
        objects.process(ref, remaining_ms=an_hour)
    message = "image: expected a PNG, JPEG, WEBP, GIF or BMP picture, got 4 bytes of another kind"
    told = failed("FormatError", 415, message)
    result = f"s3://{pictures}/out/digits/7.png.json"
    assert objects.report(ref, caught.value) == {"source": ref.uri, "result": result} | told
    assert read(s3, pictures, "out/digits/7.png.json") == told
    about = s3.head_object(Bucket=pictures, Key="out/digits/7.png.json")["Metadata"]
    assert (about["outcome"], about["source-sequencer"]) == ("failed", "0A")
    good = made(s3, pictures, "in/digits/7.png", sample(7), "0B")
    assert objects.process(good, remaining_ms=an_hour)["count"] == 1


@pytest.mark.parametrize(
    ("key", "body", "kind", "message"),
    [
        ("in/cats/7.png", b"", UnknownModelError,
         "model: expected one of digits, iris, progression, got another name"),
        ("in/digits/versions/9/7.png", b"", UnknownVersionError,
         "version: expected one of 1, latest, got another name"),
        ("in/digits/a.csv", ROW, MediaTypeError,
         "object: expected a picture, .jsonl or .keys, got a .csv"),
        ("in/iris/7.png", b"", MediaTypeError,
         "object: expected a key that ends in .csv, .jsonl, .ndjson or .keys, got another"),
        ("in/digits/7.png", b"x" * (MEBIBYTE + 1), TooLargeError,
         "object: expected at most 1048576 bytes, got 1048577: split the table, or resize the "
         "picture"),
        ("in/digits/7.png", b"", FormatError,
         "image: expected a PNG, JPEG, WEBP, GIF or BMP picture, got nothing"),
        ("in/iris/a.csv", b"", InvalidError, "object: expected at least one line, got none"),
        ("in/iris/a.csv", HEADER + b"\n\n", InvalidError,
         "object: expected at least one line, got none"),
        ("in/digits/a.keys", b"\n", InvalidError, "object: expected at least one line, got none"),
        ("in/iris/a.csv", sample(7), MalformedError,
         "line: expected text in UTF-8, got other bytes"),
    ],
)  # fmt: skip
def test_objects_at_fault(
    s3: Any, service: Service, pictures: str, key: str, body: bytes, kind: type, message: str
) -> None:
    """An object that can never be predicted says why, and leaves nothing half done."""
    ref = made(s3, pictures, key, body)
    with pytest.raises(kind) as caught:
        objects_by(service, s3).process(ref, remaining_ms=an_hour)
    assert str(caught.value) == message
    assert keys(s3, pictures) == [key]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", ForbiddenError),
        ("KMS.DisabledException", ForbiddenError),
        ("InvalidObjectState", ArchivedError),
        ("SlowDown", StorageError),
    ],
)
def test_objects_that_cannot_be_had(
    s3: Any, service: Service, pictures: str, code: str, kind: type[Exception]
) -> None:
    """A refusal to read is told apart: no permission, archived, busy."""
    ref = made(s3, pictures, "in/digits/7.png", sample(7))
    with pytest.raises(kind):
        objects_by(service, Failing(s3, get_object=refused(code))).process(
            ref, remaining_ms=an_hour
        )


@pytest.mark.parametrize(
    ("bucket_name", "key"), [("no bucket", "in/digits/7.png"), ("pictures", "\ud800")]
)
def test_addresses_of_nothing(service: Service, bucket_name: str, key: str) -> None:
    """A reference that S3 would not take is refused before S3 is asked."""
    client = Failing(None)
    with pytest.raises(MalformedError):
        objects_by(service, client).settle(ObjectRef(bucket_name, key), remaining_ms=an_hour)
    assert client.called == []
