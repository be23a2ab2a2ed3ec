"""The door of Step Functions' distributed map: a batch of items in, one result an item out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypedDict

from function.deadline import Deadline
from function.errors import InvalidError, ItemError, item_error_of
from function.payloads import answer, require_size
from function.service import Service
from function.telemetry.invocation import current
from model.errors import Problem, kind_of

if TYPE_CHECKING:
    from function.objects.bucket import ObjectRef
    from function.objects.process import Objects

EVENT_FORM: Final = '{"Items": […], "BatchInput"?: {…}}'
OUTPUT: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.{0,900}))?"
)
BATCH_KEYS: Final = ("bucket", "model", "output", "version")
MAX_ITEMS: Final = 10_000
"""A result takes a few hundred bytes, and an answer 6 MB at the most."""


class MapAnswer(TypedDict):
    """One result an item, in the order of the items: an answer, or {"error": ItemError}."""

    results: list[Mapping[str, Any]]


class MapDoor:
    """A service and its buckets behind a distributed map."""

    def __init__(
        self, service: Service, *, objects: Callable[..., Objects], max_body_bytes: int
    ) -> None:
        self._service = service
        self._objects = objects
        self._max_body_bytes = max_body_bytes

    def answer(self, event: dict[str, Any], context: Any) -> MapAnswer:
        """
        Answer every item of a batch, whatever is the matter with its neighbours.

        Args:
            event: {"Items", "BatchInput"?}. An item is a payload, for which BatchInput may hold
                "model" and "version"; or an object, as ItemReader lists it, for which BatchInput
                holds "bucket" as well, and, where results belong elsewhere, "output":
                s3://bucket/prefix.
            context: awslambdaric's; its clock is the deadline. Items for which there is no time
                are returned with an error that may be tried again.

        Raises:
            InvalidError: the event itself is wrong.
        """
        items, batch = _parts_of(event)
        deadline = Deadline(context.get_remaining_time_in_millis)
        group = _Group(batch, self._service, self._objects, deadline)
        results: list[Mapping[str, Any]] = []
        for item in items:
            try:
                deadline.require("another item")
                require_size(item, self._max_body_bytes)
                results.append(group.result_of(item))
            except Exception as error:  # noqa: BLE001 -- an item's failure is its result
                results.append({"error": _recorded(error)})
        return {"results": results}


class _Group:
    """What the items of one event have in common."""

    def __init__(
        self,
        batch: dict[str, Any],
        service: Service,
        objects: Callable[..., Objects],
        deadline: Deadline,
    ) -> None:
        self._service = service
        self._deadline = deadline
        self._bucket = batch.get("bucket")
        self._defaults = {key: batch[key] for key in ("model", "version") if key in batch}
        places = _output_in(batch)
        if "model" in batch:
            places |= self._defaults | {"input_prefix": ""}  # every object, wherever it lies
        self._objects = cache(lambda: objects(**places))
        self._payload_objects = objects

    def result_of(self, item: Any) -> Mapping[str, Any]:
        """Answer a payload, or write an object's result and sum it up."""
        if not isinstance(item, dict):
            raise InvalidError([Problem("item", 'a payload or {"Key": …}', kind_of(item))])
        if "Key" not in item:
            defaults = {} if "model" in item else self._defaults
            return answer(defaults | item, self._service, self._payload_objects)
        reference = self._reference_in(item)
        objects = self._objects()
        try:
            return objects.settle(reference, remaining_ms=self._deadline.remaining_ms)
        except Exception as error:  # noqa: BLE001 -- told with the object's name
            return {"source": reference.uri, "error": _recorded(error)}

    def _reference_in(self, item: dict[str, Any]) -> ObjectRef:
        from function.objects.bucket import ObjectRef, require_address

        key, size = item["Key"], item.get("Size")
        if not isinstance(self._bucket, str):
            got = kind_of(self._bucket)
            raise InvalidError([Problem("BatchInput.bucket", "a bucket's name", got)])
        if not isinstance(key, str):
            raise InvalidError([Problem("item.Key", "a key", kind_of(key))])
        etag = item.get("Etag", item.get("ETag"))
        reference = ObjectRef(
            bucket=self._bucket,
            key=key,
            size_bytes=size if type(size) is int else None,
            etag=etag.strip('"') if isinstance(etag, str) else None,
        )
        require_address(reference)  # before anything names it
        return reference


def _recorded(error: Exception) -> ItemError:
    """Record an item's error, and spell it as the item's result."""
    current().record_error(error)
    return item_error_of(error)


def _parts_of(event: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    items, batch = event["Items"], event.get("BatchInput", {})
    others = len(event.keys() - {"Items", "BatchInput"})
    if others:
        plural = "s" if others > 1 else ""
        raise InvalidError([Problem("body", EVENT_FORM, f"{others} other key{plural} beside it")])
    if len(items) > MAX_ITEMS:
        raise InvalidError([Problem("Items", f"at most {MAX_ITEMS} items", str(len(items)))])
    if not isinstance(batch, dict):
        raise InvalidError([Problem("BatchInput", "an object", kind_of(batch))])
    unknown = len(batch.keys() - set(BATCH_KEYS))
    if unknown:
        got = f"{unknown} other key{'s' if unknown > 1 else ''}"
        raise InvalidError([Problem("BatchInput", f"only {', '.join(BATCH_KEYS)}", got)])
    return items, batch


def _output_in(batch: dict[str, Any]) -> dict[str, Any]:
    """Read where the results of objects belong, if it is elsewhere than the settings say."""
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
