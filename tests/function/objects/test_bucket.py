"""An object's bytes come whole or not at all, and why not is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, IncompleteReadError, ReadTimeoutError

from function.errors import (
    ArchivedError,
    ForbiddenError,
    GoneError,
    MalformedError,
    ReplacedError,
    StorageError,
    TooLargeError,
)
from function.objects.bucket import ObjectRef, open_object, ref_of
from tests.function.objects.buckets import Failing, Stream, refused

REF = ObjectRef("pictures", "a")


def serving(*pieces: bytes, size: int, error: Exception | None = None) -> tuple[Any, Stream]:
    """Make a client that hands out one object."""
    stream = Stream(iter(pieces), error)
    reply = {"ContentLength": size, "ETag": '"e"', "Body": stream}
    return Failing(None, get_object=lambda _, **__: reply), stream


def asked(ref: ObjectRef) -> dict[str, Any]:
    """Open an object, and show what S3 was asked."""
    seen: dict[str, Any] = {}

    def get(_: Any, **parameters: Any) -> dict[str, Any]:
        seen.update(parameters)
        return {"ContentLength": 0, "ETag": '"e"', "Body": Stream(iter(()))}

    open_object(Failing(get, get_object=get), ref, max_bytes=1)
    return seen


def test_which_content_is_asked_for() -> None:
    """The version of the event, or else the content of its ETag, or else whatever is there."""
    where = {"Bucket": "b", "Key": "k"}
    assert asked(ObjectRef("b", "k", version_id="v", etag="e")) == where | {"VersionId": "v"}
    assert asked(ObjectRef("b", "k", etag="e")) == where | {"IfMatch": '"e"'}
    assert asked(ObjectRef("b", "k")) == where


def test_pieces_add_up() -> None:
    """The bytes are those that came, whatever pieces they came in."""
    client, stream = serving(b"ab", b"c" * 300_000, b"d", size=300_003)
    source = open_object(client, REF, max_bytes=300_003)
    assert source.whole() == b"ab" + b"c" * 300_000 + b"d"
    source.close()
    assert (source.etag, source.version_id, stream.closed) == ("e", None, True)


def test_too_large_by_the_event() -> None:
    """What the event says is too large is not even asked for."""
    client, _ = serving(size=11)
    with pytest.raises(
        TooLargeError, match=r"^object: expected at most 10 bytes, got 11: split the table"
    ):
        open_object(client, ObjectRef("b", "k", size_bytes=11), max_bytes=10)
    assert client.called == []


def test_too_large_by_the_reply() -> None:
    """What the reply says is too large is not read, and the connection is given back."""

    def unread() -> Iterator[bytes]:
        raise AssertionError
        yield b""

    client, stream = serving(size=11)
    stream._pieces = unread()
    with pytest.raises(
        TooLargeError, match=r"^object: expected at most 10 bytes, got 11: split the table"
    ):
        open_object(client, REF, max_bytes=10)
    assert stream.closed


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("NoSuchKey"), GoneError),
        (refused("NoSuchVersion"), GoneError),
        (refused("NoSuchBucket"), GoneError),
        (refused("MethodNotAllowed"), GoneError),
        (refused("PreconditionFailed"), ReplacedError),
        (refused("InvalidObjectState"), ArchivedError),
        (refused("AccessDenied"), ForbiddenError),
        (refused("KMS.DisabledException"), ForbiddenError),
        (refused("KMS.NotFoundException"), ForbiddenError),
        (refused("KMS.ThrottlingException"), StorageError),
        (refused("SlowDown"), StorageError),
        (refused("InternalError"), StorageError),
        (refused("ExpiredToken"), StorageError),
        (refused(""), StorageError),
        (ReadTimeoutError(endpoint_url="x"), StorageError),
        (EndpointConnectionError(endpoint_url="x"), StorageError),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refusals(error: Exception, kind: type[Exception]) -> None:
    """Each refusal of the service has its own meaning, and the unknown ones are transient."""
    with pytest.raises(kind) as caught:
        open_object(Failing(None, get_object=error), REF, max_bytes=1)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("pieces", "error", "message"),
    [
        ([b"abc"], None, "expected 5 bytes of an object, got 3"),
        ([b"abcdef"], None, "expected 5 bytes of an object, got 6"),
        ([b"abc"], ConnectionResetError(), "expected the whole object, the connection broke"),
        (
            [b"abc"],
            IncompleteReadError(actual_bytes=3, expected_bytes=5),
            "expected the whole object, the connection broke",
        ),
    ],
)
def test_bodies_that_break(pieces: list[bytes], error: Exception | None, message: str) -> None:
    """A body of another length than announced, or one that breaks off, is transient."""
    client, _ = serving(*pieces, size=5, error=error)
    with pytest.raises(StorageError, match=f"^{message}$"):
        open_object(client, REF, max_bytes=9).whole()


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://pictures/a/b.png", "pictures", "a/b.png"),
        ("s3://pictures/a+b%20c", "pictures", "a+b%20c"),
        ("s3://pictures//a", "pictures", "/a"),
        ("s3://pictures/../../etc", "pictures", "../../etc"),
        ("s3://a.b-c/s3://x", "a.b-c", "s3://x"),
    ],
)
def test_addresses(uri: str, bucket: str, key: str) -> None:
    """A key in an address is taken as it stands."""
    assert ref_of(uri) == ObjectRef(bucket, key)


@pytest.mark.parametrize("uri", ["", "pictures/a", "http://pictures/a", "S3://pictures/a", 7, None])
def test_what_is_no_address(uri: Any) -> None:
    """Another scheme or another type is refused."""
    with pytest.raises(MalformedError, match=r"^s3: expected s3://bucket/key, got something else$"):
        ref_of(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3://pictures",
        "s3://pictures/",
        "s3:///a",
        "s3://../a",
        "s3://a%62c/a",
        "s3://abc/\ud800",
    ],
)
def test_addresses_of_nothing(uri: str) -> None:
    """A bucket or a key that S3 would not take is refused before S3 is asked."""
    with pytest.raises(MalformedError) as caught:
        ref_of(uri)
    assert str(caught.value) == (
        "s3: expected a bucket's name, and a key of 1 to 1024 bytes in UTF-8, got something else"
    )
