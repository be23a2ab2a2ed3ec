"""
An object in a bucket -> predictions -> a result object.

    names    which model, where the result goes       object_names.py
    opened   the bytes, or why there are none         stored_objects.py
    items    one instance after the other             object_items.py, object_formats.py
    answers  one an item, a batch at a time           object_batches.py
    result   in one piece or in parts                 result_objects.py
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Final

from function.deadline import Deadline
from function.errors import (
    DeadlineError,
    GoneError,
    InvalidError,
    MediaTypeError,
    ReplacedError,
    error_of,
    outcome_of,
)
from function.objects.batches import answers_to
from function.objects.formats import Item
from function.objects.items import ObjectReader
from function.objects.keys import Format, ObjectNames, format_of
from function.objects.result import KnownResult, ResultObject, metadata_of
from function.objects.source import ObjectRef, ref_of, require_address
from function.service import Served, Service
from function.telemetry.invocation import CURRENT, predict, request_id, write
from model.errors import Problem

__all__ = ["ObjectRef", "Objects"]

MAX_ROWS_BYTES: Final = 1024 * 1024
"""Of the rows of one batch as text; parsed they take some thirty times as much."""

_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class Objects:
    """What predicts objects: from where, to where, within which limits."""

    def __init__(
        self,
        service: Service,
        s3_client: Any,
        *,
        input_prefix: str,
        output_prefix: str,
        output_bucket: str | None = None,
        model: str | None = None,
        version: str | None = None,
        max_object_bytes: int,
        max_body_bytes: int,
    ) -> None:
        """
        Describe where objects come from and where their results go.

        Args:
            service: predicts.
            s3_client: boto3's.
            input_prefix: of the objects' keys; empty or with a slash at its end.
            output_prefix: of the results' keys, likewise.
            output_bucket: of the results; none: the object's own.
            model: of every object; none: the folder below the input prefix names it.
            version: of that model, or a label; none: the latest.
            max_object_bytes: the most that a table or a listing has.
            max_body_bytes: the most that a picture has, or anything that is answered inline.
        """
        self._service = service
        self._client = s3_client
        self._names = ObjectNames(input_prefix, output_prefix, output_bucket, model, version)
        self._reader = ObjectReader(s3_client, max_object_bytes, max_body_bytes)
        self._max_body_bytes = max_body_bytes

    def process(self, ref: ObjectRef, *, remaining_ms: Callable[[], int]) -> dict[str, Any]:
        """
        Read an object, predict it, write its result object.

        Args:
            ref: the object, as the event has it.
            remaining_ms: how long the invocation may still take.

        Returns:
            {"source", "result", "model", "version", "count", "failed"}: how many instances were
            answered, and how many of them with an error; or {"source", "skipped"} with the reason
            why there is nothing to do.

        Raises:
            RequestError, InputError: the object is at fault, and will be the next time.
            DeadlineError, StorageError, EngineError: ours; there is no result, nor half of one.
        """
        require_address(ref)
        reason = self._names.reason_to_skip(ref)
        if reason:
            return _skipped(ref, reason)
        deadline = Deadline(remaining_ms)
        if not deadline.allows_another():
            raise DeadlineError("expected time for an object, there is none")
        served = self._service.find(*self._names.model_of(ref))
        manifest = served.manifest
        result = self._names.result_of(ref)
        known = KnownResult.look_up(self._client, result)
        reason = known.reason_to_skip(ref, manifest)
        if reason:
            return _skipped(ref, reason)
        try:
            source = self._reader.opened(ref, manifest)
        except GoneError:
            return _skipped(ref, "gone since")
        except ReplacedError:
            return _skipped(ref, "replaced since, which has an event of its own")
        about = metadata_of(ref, manifest, source)
        with closing(source), ResultObject(self._client, result, known, metadata=about) as written:
            if format_of(ref.key) is Format.PICTURE:
                written.write(_json(predict(served, [source.whole()]).payload()))
                count, failed = 1, 0
            else:
                items = self._reader.items_of(ref, source, manifest)
                count, failed = self._write_lines(written, items, served, deadline)
        return {
            "source": ref.uri,
            "result": result.uri,
            "model": manifest.name,
            "version": manifest.version,
            "count": count,
            "failed": failed,
        }

    def settle(self, ref: ObjectRef, *, remaining_ms: Callable[[], int]) -> dict[str, Any]:
        """
        Process an object; if it is at fault itself, log that and write it in place of a result.

        Returns:
            What `process` or `report` returns.

        Raises:
            DeadlineError, StorageError, EngineError: ours; another time it may work.
        """
        try:
            return self.process(ref, remaining_ms=remaining_ms)
        except Exception as error:
            if outcome_of(error).retry:
                raise
            invocation = CURRENT.get()
            if invocation:
                invocation.record_error(error)
            return self.report(ref, error)

    def report(self, ref: ObjectRef, error: Exception) -> dict[str, Any]:
        """
        Write why an object has no predictions, in place of them.

        Returns:
            {"source", "result", "error"}, or {"source", "skipped"}: a newer result is there.

        Raises:
            MalformedError: no object can have this name.
            StorageError: the service failed.
        """
        require_address(ref)
        result = self._names.result_of(ref)
        known = KnownResult.look_up(self._client, result)
        reason = known.reason_to_skip(ref)
        if reason:
            return _skipped(ref, reason)
        told = {"error": error_of(error)}
        with ResultObject(self._client, result, known, metadata=metadata_of(ref)) as written:
            written.write(_json(told))
        return {"source": ref.uri, "result": result.uri, **told}

    def predictions_of(self, uri: Any, *, model: str, version: str | None = None) -> dict[str, Any]:
        """
        Predict an object and answer inline, within the limits of a request.

        Args:
            uri: s3://bucket/key, of any bucket that the function's role may read.
            model: which one.
            version: of the model, or a label; none: the latest.

        Returns:
            {"model", "version", "predictions"}.

        Raises:
            RequestError, ModelError: as over HTTP, and why the object cannot be had.
        """
        ref = ref_of(uri)
        served = self._service.find(model, version)
        manifest = served.manifest
        if format_of(ref.key) is Format.LISTING:
            raise MediaTypeError([Problem("s3", "a picture or a table", "a listing")])
        with closing(self._reader.opened(ref, manifest, max_bytes=self._max_body_bytes)) as source:
            items = self._reader.items_of(ref, source, manifest)
            instances = [_instance_of(item) for item in islice(items, manifest.max_instances + 1)]
        return predict(served, instances).payload()

    def _write_lines(
        self, written: ResultObject, items: Iterator[Item], served: Served, deadline: Deadline
    ) -> tuple[int, int]:
        first = next(items, None)
        if first is None:
            raise InvalidError([Problem("object", "at least one line", "none")])
        items = chain([first], items)
        limit = self._max_body_bytes if served.manifest.of_pictures else MAX_ROWS_BYTES
        count = failed = 0
        for answers in answers_to(items, served, max_bytes=limit, deadline=deadline):
            written.write(b"".join(map(_json, answers)))
            count += len(answers)
            failed += sum("error" in answer for answer in answers)
        return count, failed


def _instance_of(item: Item) -> Any:
    """Take an item's instance, or raise its error with the line where it stands."""
    if item.error is None:
        return item.instance
    line = f"line {item.place['line']}"
    raise type(item.error)(
        [
            replace(one, where=line if one.where == "line" else f"{line}.{one.where}")
            for one in item.error.problems
        ]
    )


def _json(value: Any) -> bytes:
    """Spell one line of JSON, in ASCII."""
    return _ENCODER.encode(value).encode() + b"\n"


def _skipped(ref: ObjectRef, reason: str) -> dict[str, Any]:
    """Say that nothing was to be done; the log has the reason without the key."""
    line = {"level": "WARN", "message": "object skipped", "reason": reason}
    write(json.dumps({**line, "request_id": request_id()}))
    return {"source": ref.uri, "skipped": reason}
