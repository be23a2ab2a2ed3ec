"""The door of Step Functions' distributed map: a batch of items in, one result per item out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypedDict

from function.deadline import Context, Deadline
from function.errors import InvalidError, ItemError, item_error_of
from function.payloads import Payloads
from function.telemetry.invocation import current
from model.errors import Problem, counted, kind_of

if TYPE_CHECKING:
    from function.objects.bucket import ObjectRef
    from function.objects.process import Objects

EVENT_FORM: Final = '{"Items": […], "BatchInput"?: {…}}'
OUTPUT: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.{0,900}))?"
)
BATCH_KEYS: Final = ("bucket", "model", "output", "version")
MAX_ITEMS: Final = 10_000
"""A result takes a few hundred bytes, and an answer at most 6 MB."""


class MapAnswer(TypedDict):
    """One result per item, in order: an answer, or {"error": ItemError}."""

    results: list[Mapping[str, Any]]


class MapDoor:
    """Answers batches of a distributed map."""

    def __init__(self, payloads: Payloads, objects: Callable[[], Objects]) -> None:
        self._payloads = payloads
        self._objects = objects

    def answer(self, event: dict[str, Any], context: Context) -> MapAnswer:
        """Answer every item of a batch, whatever is wrong with the others.

        Args:
            event: {"Items", "BatchInput"?}. An item is either a payload, for which BatchInput may
                hold "model" and "version"; or an object as ItemReader lists it, for which
                BatchInput holds "bucket" too, and "output" (s3://bucket/prefix) if the results
                belong elsewhere.
            context: its clock is the deadline. Items left without time get an error that may be
                retried.

        Raises:
            InvalidError: the event itself is wrong.
        """
        items, batch = _parts_of(event)
        deadline = Deadline(context.get_remaining_time_in_millis)
        objects = cache(lambda: self._objects().at(**batch.places))
        results: list[Mapping[str, Any]] = []
        for item in items:
            try:
                deadline.require("another item")
                if isinstance(item, dict) and "Key" in item:
                    results.append(_object_result(item, batch, objects, deadline))
                else:
                    results.append(self._payloads.answer(batch.payload_of(item)))
            except Exception as error:  # noqa: BLE001 -- an item's failure is its result
                results.append({"error": _record(error)})
        return {"results": results}


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the items of one event share."""

    bucket: Any
    defaults: dict[str, Any]
    places: dict[str, Any]

    @classmethod
    def of(cls, given: dict[str, Any]) -> _Batch:
        """Read an event's BatchInput."""
        defaults: dict[str, Any] = {
            key: value for key, value in given.items() if key in ("model", "version")
        }
        places = _output_in(given)
        if "model" in given:
            places |= defaults | {"input_prefix": ""}  # every object, wherever it lies
        return cls(given.get("bucket"), defaults, places)

    def payload_of(self, item: Any) -> dict[str, Any]:
        """Complete an item to a payload; one that names a model is complete."""
        if not isinstance(item, dict):
            raise InvalidError([Problem("item", 'a payload or {"Key": …}', kind_of(item))])
        return item if "model" in item else self.defaults | item

    def ref_in(self, item: dict[str, Any]) -> ObjectRef:
        """Read which object of the bucket an item names."""
        from function.objects.bucket import ObjectRef, require_address

        key, size = item["Key"], item.get("Size")
        if not isinstance(self.bucket, str):
            got = kind_of(self.bucket)
            raise InvalidError([Problem("BatchInput.bucket", "a bucket's name", got)])
        if not isinstance(key, str):
            raise InvalidError([Problem("item.Key", "a key", kind_of(key))])
        etag = item.get("Etag", item.get("ETag"))
        ref = ObjectRef(
            bucket=self.bucket,
            key=key,
            size_bytes=size if type(size) is int else None,
            etag=etag.strip('"') if isinstance(etag, str) else None,
        )
        require_address(ref)  # before any message names it
        return ref


def _object_result(
    item: dict[str, Any], batch: _Batch, objects: Callable[[], Objects], deadline: Deadline
) -> Mapping[str, Any]:
    """Write an object's result and summarise it; a failure carries the object's name."""
    ref = batch.ref_in(item)
    opened = objects()
    try:
        return opened.settle(ref, remaining_ms=deadline.remaining_ms)
    except Exception as error:  # noqa: BLE001 -- an item's failure is its result
        return {"source": ref.uri, "error": _record(error)}


def _record(error: Exception) -> ItemError:
    """Record an item's error, and return it as the item's result."""
    current().record_error(error)
    return item_error_of(error)


def _parts_of(event: dict[str, Any]) -> tuple[list[Any], _Batch]:
    items, given = event["Items"], event.get("BatchInput", {})
    others = len(event.keys() - {"Items", "BatchInput"})
    if others:
        got = f"{counted(others, 'other key')} beside it"
        raise InvalidError([Problem("body", EVENT_FORM, got)])
    if len(items) > MAX_ITEMS:
        raise InvalidError([Problem("Items", f"at most {MAX_ITEMS} items", str(len(items)))])
    if not isinstance(given, dict):
        raise InvalidError([Problem("BatchInput", "an object", kind_of(given))])
    unknown = len(given.keys() - set(BATCH_KEYS))
    if unknown:
        got = counted(unknown, "other key")
        raise InvalidError([Problem("BatchInput", f"only {', '.join(BATCH_KEYS)}", got)])
    return items, _Batch.of(given)


def _output_in(batch: dict[str, Any]) -> dict[str, Any]:
    """Read where the results of objects go, if not where the settings say."""
    output = batch.get("output")
    if output is None:
        return {}
    found = OUTPUT.fullmatch(output) if isinstance(output, str) else None
    if not found:
        raise InvalidError([Problem("BatchInput.output", "s3://bucket/prefix", kind_of(output))])
    prefix = (found["prefix"] or "").rstrip("/")
    if not prefix and found["bucket"] == batch.get("bucket"):
        expected = "a prefix, since the bucket is that of the objects"
        raise InvalidError([Problem("BatchInput.output", expected, "none")])
    return {"output_bucket": found["bucket"], "output_prefix": prefix + "/" if prefix else ""}
