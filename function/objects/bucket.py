"""Objects as they lie in a bucket: which one, and its bytes, or why there are none.

The client is handed in, so nothing here knows boto3: its errors are told by their codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from function.errors import (
    ArchivedError,
    ForbiddenError,
    GoneError,
    MalformedError,
    ReplacedError,
    StorageError,
    TooLargeError,
)
from function.settings import BUCKET
from model.errors import Problem

CHUNK_BYTES: Final = 256 * 1024
"""How much of an object is read at a time."""

MAX_KEY_BYTES: Final = 1024

_GONE: Final = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed", "404"}
_FORBIDDEN: Final = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object, as much as is known of it; the sequencer orders the changes of one key."""

    bucket: str
    key: str
    version_id: str | None = None
    size_bytes: int | None = None
    etag: str | None = None
    sequencer: str | None = None

    @property
    def uri(self) -> str:
        """The object as `s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


def is_bucket(name: str) -> bool:
    """Whether a bucket may have this name."""
    return bool(re.fullmatch(BUCKET, name))


def is_key(key: str) -> bool:
    """Whether S3 takes a text for a key: any UTF-8 of 1 to 1,024 bytes."""
    try:
        return 1 <= len(key.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:  # a lone surrogate
        return False


def ref_of(uri: object, where: str = "s3") -> ObjectRef:
    """Read `s3://bucket/key`; the key is taken as it stands, nothing in it is decoded.

    Raises:
        MalformedError: no such address.
    """
    scheme, _, address = uri.partition("://") if isinstance(uri, str) else ("", "", "")
    bucket, _, key = address.partition("/")
    if scheme != "s3":
        raise MalformedError([Problem(where, "s3://bucket/key", "something else")])
    ref = ObjectRef(bucket, key)
    require_address(ref, where)
    return ref


def require_address(ref: ObjectRef, where: str = "object") -> None:
    """Check that S3 would take a bucket's name and a key, before it is asked.

    Raises:
        MalformedError: it would refuse one of them.
    """
    if not is_bucket(ref.bucket) or not is_key(ref.key):
        expected = "a bucket's name, and a key of 1 to 1024 bytes in UTF-8"
        raise MalformedError([Problem(where, expected, "something else")])


class OpenObject:
    """An object that is open for reading, once."""

    def __init__(self, reply: Any, max_bytes: int) -> None:
        self.etag = str(reply.get("ETag", "")).strip('"')
        self.version_id: str | None = reply.get("VersionId")
        self.size_bytes = int(reply["ContentLength"])
        self._body = reply["Body"]
        if self.size_bytes > max_bytes:
            self.close()
            raise too_large(self.size_bytes, max_bytes)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, in pieces of CHUNK_BYTES at the most.

        Raises:
            StorageError: the connection broke, or another number of bytes came than announced.
        """
        got = 0
        while True:
            try:
                chunk: bytes = self._body.read(CHUNK_BYTES)
            except Exception as exc:
                raise StorageError("expected the whole object, the connection broke") from exc
            got += len(chunk)
            if got > self.size_bytes or (not chunk and got < self.size_bytes):
                raise StorageError(f"expected {self.size_bytes} bytes of an object, got {got}")
            if not chunk:
                return
            yield chunk

    def whole(self) -> bytes:
        """Read all of it."""
        return b"".join(self.chunks())

    def close(self) -> None:
        """Release the connection, however much was read."""
        self._body.close()


def too_large(size_bytes: int, max_bytes: int) -> TooLargeError:
    """Return the error for an object beyond a limit: the limit, and what to do."""
    got = f"{size_bytes}: split the table, or resize the picture"
    return TooLargeError([Problem("object", f"at most {max_bytes} bytes", got)])


def open_object(client: Any, ref: ObjectRef, *, max_bytes: int) -> OpenObject:
    """Open an object: the version that is named, or the very content that the ETag stands for.

    Raises:
        TooLargeError: more bytes than allowed; none of them was read.
        GoneError, ReplacedError, ForbiddenError, ArchivedError: it cannot be had.
        StorageError: the service failed or is busy; a retry may succeed.
    """
    if ref.size_bytes is not None and ref.size_bytes > max_bytes:
        raise too_large(ref.size_bytes, max_bytes)
    which = {}
    if ref.version_id is not None:
        which["VersionId"] = ref.version_id
    elif ref.etag is not None:
        which["IfMatch"] = f'"{ref.etag}"'
    try:
        reply = client.get_object(Bucket=ref.bucket, Key=ref.key, **which)
    except Exception as exc:
        raise meaning_of(exc) from exc
    return OpenObject(reply, max_bytes)


def code_of(error: Exception) -> str:
    """Return the code of the service's error; empty if there was no reply at all."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def meaning_of(error: Exception) -> Exception:
    """Return what the service's refusal to hand out an object means, as an error of ours.

    Source: the error codes of Amazon S3's API reference; KMS's own come as `KMS.` and their name.
    """
    code = code_of(error)
    if code in _GONE:
        return GoneError([Problem("object", "an object that exists", "none")])
    if code == "PreconditionFailed":
        return ReplacedError([Problem("object", "the content of the event", "a newer one")])
    if code == "InvalidObjectState":
        return ArchivedError([Problem("object", "one that is not archived", "an archived one")])
    if code in _FORBIDDEN or (code.startswith("KMS.") and "Throttl" not in code):
        expected = "one that the function's role may read and decrypt"
        return ForbiddenError([Problem("object", expected, "no permission")])
    return StorageError(f"expected an object of the bucket, got {code or type(error).__name__}")
