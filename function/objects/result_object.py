"""Write a result object: small ones in one piece, large ones in parts, and never half of one.

A write names what was there before, and S3 refuses it if that has changed: of two invocations at
the same time neither puts an older result over a newer one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from function.errors import StorageError
from function.objects.bucket import ObjectRef, OpenObject, code_of
from function.objects.events import is_older
from model.bundle.manifest import Manifest

PART_BYTES: Final = 8 * 1024 * 1024
"""S3 takes parts of 5 MiB and more, and 10,000 of them: results of up to 80 GB."""

DONE, FAILED = "done", "failed"
_HEADER: Final = re.compile(r"[!-~]{1,1024}")


def metadata_of(
    ref: ObjectRef, manifest: Manifest | None = None, source: OpenObject | None = None
) -> dict[str, str]:
    """Return the metadata of a result: the object's content and the model that it comes from.

    Args:
        ref: the object, as the event has it.
        manifest: of the model; none: the object failed.
        source: the object as it was read.
    """
    found = {
        "outcome": DONE if manifest else FAILED,
        "model": manifest and manifest.name,
        "model-version": manifest and manifest.version,
        "source-bucket": ref.bucket,
        "source-etag": source.etag if source else ref.etag,
        "source-version-id": source.version_id if source else ref.version_id,
        "source-sequencer": ref.sequencer,
    }
    return {key: value for key, value in found.items() if value and _HEADER.fullmatch(value)}


@dataclass(frozen=True, slots=True)
class KnownResult:
    """What lies under a result's key: its metadata, and the condition to replace it."""

    metadata: Mapping[str, str]
    condition: Mapping[str, str]

    @classmethod
    def look_up(cls, client: Any, result: ObjectRef) -> KnownResult:
        """Look up what lies under a key.

        Raises:
            StorageError: the service failed.
        """
        try:
            reply = client.head_object(Bucket=result.bucket, Key=result.key)
        except Exception as exc:
            if code_of(exc) == "404":
                return cls({}, {"IfNoneMatch": "*"})
            if code_of(exc) == "403":  # S3's answer for a missing key, without s3:ListBucket
                return cls({}, {})
            raise _failed(exc) from exc
        return cls(reply["Metadata"], {"IfMatch": reply["ETag"]})

    def reason_to_skip(self, ref: ObjectRef, manifest: Manifest | None = None) -> str | None:
        """Return why an object needs no new result; None if it does.

        Args:
            ref: the object, as the event has it.
            manifest: of the model that would predict it; none: its failure would be written.
        """
        known = self.metadata.get("source-sequencer")
        if known is None or self.metadata.get("source-bucket") != ref.bucket:
            return None
        if is_older(ref.sequencer, than=known):
            return "older than its result"
        if ref.sequencer is None or is_older(known, than=ref.sequencer):
            return None
        of_this_model = manifest and metadata_of(ref, manifest).items() <= self.metadata.items()
        return "answered already" if of_this_model else None


class ResultObject:
    """A result object that is being written; a failure inside its `with` leaves nothing behind."""

    def __init__(
        self, client: Any, result: ObjectRef, known: KnownResult, *, metadata: Mapping[str, str]
    ) -> None:
        self._client = client
        self._where = {"Bucket": result.bucket, "Key": result.key}
        json_lines = result.key.endswith(".jsonl")
        self._about = {
            "ContentType": "application/x-ndjson" if json_lines else "application/json",
            "Metadata": dict(metadata),
        }
        self._condition = known.condition
        self._buffer = bytearray()
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        """Add to the result; a part is sent once it is large enough.

        Raises:
            StorageError: the service failed.
        """
        self._buffer += data
        if len(self._buffer) >= PART_BYTES:
            self._send_part()

    def __enter__(self) -> ResultObject:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
        except StorageError as failed:
            error = failed
            raise
        finally:
            if error is not None:
                self._abort()

    def _send_part(self) -> None:
        try:
            if not self._upload:
                reply = self._client.create_multipart_upload(**self._where, **self._about)
                self._upload = {**self._where, "UploadId": reply["UploadId"]}
            number = len(self._parts) + 1
            reply = self._client.upload_part(
                **self._upload, PartNumber=number, Body=bytes(self._buffer)
            )
        except Exception as exc:
            raise _failed(exc) from exc
        self._parts.append({"ETag": reply["ETag"], "PartNumber": number})
        self._buffer.clear()

    def _finish(self) -> None:
        """Make the object appear, as a whole and at once."""
        if self._upload and self._buffer:
            self._send_part()
        try:
            if self._upload:
                self._client.complete_multipart_upload(
                    **self._upload, **self._condition, MultipartUpload={"Parts": self._parts}
                )
            else:
                self._client.put_object(
                    **self._where, **self._about, **self._condition, Body=bytes(self._buffer)
                )
        except Exception as exc:
            raise _failed(exc) from exc

    def _abort(self) -> None:
        """Drop the parts; if that fails, the bucket's lifecycle rule removes them."""
        if self._upload:
            with suppress(Exception):  # the first failure is the one to raise
                self._client.abort_multipart_upload(**self._upload)


def _failed(error: Exception) -> StorageError:
    got = code_of(error) or type(error).__name__
    return StorageError(f"expected a bucket that takes the result, got {got}")
