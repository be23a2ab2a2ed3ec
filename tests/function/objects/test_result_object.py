"""A result is there as a whole or not at all, and never an older one over a newer one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from function.errors import InvalidError, StorageError
from function.objects.bucket import ObjectRef
from function.objects.result_object import PART_BYTES, KnownResult, ResultObject, metadata_of
from function.service import Service
from model.bundle.manifest import Manifest
from tests.function.objects.buckets import Failing, keys, read, refused
from tests.infra.cloud.clouds import bucket

REF = ObjectRef("pictures", "in/iris/a.csv", None, 3, "e1", "0B")


@pytest.fixture
def result(s3: Any) -> ObjectRef:
    """Name a result in a new bucket."""
    return ObjectRef(bucket(s3), "out/iris/a.csv.jsonl")


@pytest.fixture
def iris(service: Service) -> Manifest:
    """Read what the iris model says of itself."""
    return service.find("iris").manifest


def written(client: Any, result: ObjectRef, pieces: Iterable[bytes], **metadata: str) -> None:
    """Write a result, piece by piece."""
    known = KnownResult.look_up(client, result)
    with ResultObject(client, result, known, metadata=metadata) as out:
        for piece in pieces:
            out.write(piece)


def uploads(client: Any, result: ObjectRef) -> list[Any]:
    """List the uploads that nobody ended."""
    return list(client.list_multipart_uploads(Bucket=result.bucket).get("Uploads", []))


def test_a_small_result(s3: Any, result: ObjectRef) -> None:
    """What fits into one part is put at once, with its type and what it is of."""
    client = Failing(s3)
    written(client, result, [b"1\n", b"2\n"], model="iris")
    assert client.called == ["head_object", "put_object"]
    reply = s3.get_object(Bucket=result.bucket, Key=result.key)
    assert (reply["ContentType"], reply["Metadata"]) == ("application/x-ndjson", {"model": "iris"})
    assert reply["Body"].read() == b"1\n2\n"


def test_a_document(s3: Any, result: ObjectRef) -> None:
    """A result that is one document has the type of one."""
    one = ObjectRef(result.bucket, "out/digits/7.png.json")
    written(s3, one, [b"{}"])
    assert s3.head_object(Bucket=one.bucket, Key=one.key)["ContentType"] == "application/json"


@pytest.mark.parametrize("more", [0, 1])
def test_a_large_result(s3: Any, result: ObjectRef, more: int) -> None:
    """A large one goes in parts, in their order, and is the same in the end."""
    client = Failing(s3)
    pieces = [bytes([65 + number]) * (PART_BYTES // 2) for number in range(4)] + [b"Z"] * more
    written(client, result, pieces, model="iris")
    assert client.called.count("upload_part") == 2 + more
    reply = s3.get_object(Bucket=result.bucket, Key=result.key)
    assert reply["Body"].read() == b"".join(pieces)
    assert (reply["ContentType"], reply["Metadata"]) == ("application/x-ndjson", {"model": "iris"})


@pytest.mark.parametrize("size", [1, PART_BYTES])
def test_what_fails_inside_leaves_nothing(s3: Any, result: ObjectRef, size: int) -> None:
    """An error while a result is written leaves neither an object nor parts of one."""

    def pieces() -> Iterator[bytes]:
        yield b"1" * size
        raise InvalidError([])

    client = Failing(s3)
    with pytest.raises(InvalidError):
        written(client, result, pieces())
    assert ("abort_multipart_upload" in client.called) == (size == PART_BYTES)
    assert (keys(s3, result.bucket), uploads(s3, result)) == ([], [])


@pytest.mark.parametrize(
    "operation", ["create_multipart_upload", "upload_part", "complete_multipart_upload"]
)
def test_a_bucket_that_fails(s3: Any, result: ObjectRef, operation: str) -> None:
    """A bucket that refuses any step leaves nothing behind."""
    client = Failing(s3, **{operation: refused("SlowDown", 503)})
    with pytest.raises(
        StorageError, match=r"^expected a bucket that takes the result, got SlowDown$"
    ):
        written(client, result, [b"1" * PART_BYTES, b"2"])
    assert (keys(s3, result.bucket), uploads(s3, result)) == ([], [])


def test_a_bucket_that_fails_to_abort(s3: Any, result: ObjectRef) -> None:
    """What went wrong first is what is told."""
    failures = {"upload_part": refused("SlowDown"), "abort_multipart_upload": refused("Other")}
    with pytest.raises(StorageError, match="SlowDown"):
        written(Failing(s3, **failures), result, [b"1" * PART_BYTES])
    assert len(uploads(s3, result)) == 1


def test_a_put_that_fails(s3: Any, result: ObjectRef) -> None:
    """A connection that breaks is told by its kind."""
    with pytest.raises(StorageError, match="got ConnectionResetError"):
        written(Failing(s3, put_object=ConnectionResetError()), result, [b"1"])


@pytest.mark.parametrize(("before", "size"), [(False, 1), (True, 1), (False, PART_BYTES)])
def test_somebody_else_was_faster(s3: Any, result: ObjectRef, before: bool, size: int) -> None:
    """A result that came, or changed, since one looked is not overwritten."""
    if before:
        s3.put_object(Bucket=result.bucket, Key=result.key, Body=b"0\n")
    known = KnownResult.look_up(s3, result)
    s3.put_object(Bucket=result.bucket, Key=result.key, Body=b"9\n")
    with pytest.raises(StorageError), ResultObject(s3, result, known, metadata={}) as out:
        out.write(b"1" * size)
    assert read(s3, result.bucket, result.key) == [9]
    assert uploads(s3, result) == []


def test_parts_are_put_together_on_a_condition(s3: Any, result: ObjectRef) -> None:
    """A large result asks for what was there as well; moto does not look at that one."""
    etag = s3.put_object(Bucket=result.bucket, Key=result.key, Body=b"0\n")["ETag"]
    asked: dict[str, Any] = {}

    def complete(real: Any, **parameters: Any) -> Any:
        asked.update(parameters)
        return real(**parameters)

    client = Failing(s3, complete_multipart_upload=complete)
    written(client, result, [b"1" * PART_BYTES])
    assert asked["IfMatch"] == etag


def test_a_result_is_replaced(s3: Any, result: ObjectRef) -> None:
    """Without anybody else the next result replaces the one before."""
    written(s3, result, [b"1\n"])
    written(s3, result, [b"2\n"])
    assert read(s3, result.bucket, result.key) == [2]


def test_without_permission_to_look(s3: Any, result: ObjectRef) -> None:
    """Where S3 does not say whether there is one, a result is written without a condition."""
    client = Failing(s3, head_object=refused("403", 403))
    assert KnownResult.look_up(client, result) == KnownResult({}, {})
    written(client, result, [b"1\n"])
    written(client, result, [b"2\n"])
    assert read(s3, result.bucket, result.key) == [2]


def test_a_bucket_that_fails_to_look(s3: Any, result: ObjectRef) -> None:
    """A bucket that is busy may have a newer result: nothing is written."""
    with pytest.raises(StorageError, match="got 503"):
        KnownResult.look_up(Failing(s3, head_object=refused("503", 503)), result)


def test_metadata(iris: Manifest) -> None:
    """A result says which content of which object it is of, and by which model."""
    assert metadata_of(REF, iris) == {
        "outcome": "done",
        "model": "iris",
        "model-version": "1",
        "source-bucket": "pictures",
        "source-etag": "e1",
        "source-sequencer": "0B",
    }
    assert metadata_of(ObjectRef("pictures", "a", "v\r\nx: y", None, "ц")) == {
        "outcome": "failed",
        "source-bucket": "pictures",
    }


@pytest.mark.parametrize(
    ("sequencer", "etag", "reason"),
    [
        ("0A", "e0", "older than its result"),
        ("0B", "e1", "answered already"),
        ("0B", "e2", None),
        ("0C", "e2", None),
        (None, "e1", None),
    ],
)
def test_which_results_are_needed(
    s3: Any, result: ObjectRef, iris: Manifest, sequencer: str | None, etag: str, reason: str | None
) -> None:
    """An event that is older than the result is dropped, one that it answers too; none else."""
    written(s3, result, [b"1\n"], **metadata_of(REF, iris))
    ref = ObjectRef("pictures", "in/iris/a.csv", None, 3, etag, sequencer)
    assert KnownResult.look_up(s3, result).reason_to_skip(ref, iris) == reason


@pytest.mark.parametrize(
    "other",
    [{"model-version": "0"}, {"outcome": "failed"}, {"model": "digits"}],
    ids=lambda other: next(iter(other)),
)
def test_what_another_model_answered(
    s3: Any, result: ObjectRef, iris: Manifest, other: dict[str, str]
) -> None:
    """A failure, or another model's result, is answered again by the same event."""
    written(s3, result, [b"1\n"], **(metadata_of(REF, iris) | other))
    assert KnownResult.look_up(s3, result).reason_to_skip(REF, iris) is None


def test_results_of_another_bucket(s3: Any, result: ObjectRef, iris: Manifest) -> None:
    """Sequencers of two buckets say nothing of each other."""
    written(s3, result, [b"1\n"], **metadata_of(REF, iris))
    known = KnownResult.look_up(s3, result)
    assert known.reason_to_skip(ObjectRef("others", "k", sequencer="0A"), iris) is None
    assert known.reason_to_skip(ObjectRef("pictures", "k", sequencer="0A")) is not None
