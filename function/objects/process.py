"""An object in a bucket to its predictions, and these to a result object.

events.py         which objects an event names
keys.py           which model an object is for, and where its result goes
bucket.py         the object's bytes, or why there are none
formats.py        one instance after the other
process.py        one answer an instance, some at a time
result_object.py  in one piece or in parts
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Final

from function.deadline import Deadline
from function.errors import (
    GoneError,
    InvalidError,
    MediaTypeError,
    ReplacedError,
    item_error_of,
    outcome_of,
)
from function.objects.bucket import ObjectRef, ref_of, require_address
from function.objects.formats import Format, ObjectReader, format_of
from function.objects.keys import KeyLayout
from function.objects.lines import Item
from function.objects.result_object import KnownResult, ResultObject, metadata_of
from function.service import Served, Service
from function.telemetry.invocation import current, log, predict
from function.telemetry.vitals import is_fatal
from model.errors import InputError, Problem
from model.tensors import NamedInputs

MAX_ROWS_BYTES: Final = 1024 * 1024
"""Of one batch, as text; parsed, rows take some thirty times as much."""

MAX_PICTURES: Final = 32
"""Of one batch: a listing's are fetched one by one, and the clock is read between batches."""

_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class Objects:
    """Predicts objects: from where, to where, within which limits."""

    def __init__(
        self,
        service: Service,
        client: Any,
        keys: KeyLayout,
        *,
        max_object_bytes: int,
        max_body_bytes: int,
    ) -> None:
        """Describe where objects come from and where their results go.

        Args:
            service: predicts.
            client: boto3's for S3.
            keys: of the objects and of their results.
            max_object_bytes: the most that a table or a listing has.
            max_body_bytes: the most that a picture has, or anything that is answered inline.
        """
        self._service = service
        self._client = client
        self._keys = keys
        self._max_body_bytes = max_body_bytes
        self._reader = ObjectReader(client, max_object_bytes, max_body_bytes)

    def at(self, **places: Any) -> Objects:
        """Return the same for other places, by the names that they have in KeyLayout."""
        other = copy(self)
        other._keys = replace(self._keys, **places)
        return other

    def predict_all(
        self, refs: Iterable[ObjectRef], *, remaining_ms: Callable[[], int], settle: bool = True
    ) -> list[dict[str, Any]]:
        """Predict objects in turn; the failure of one does not stop the others.

        Args:
            refs: the objects, as the event has them.
            remaining_ms: how long the invocation may still take.
            settle: whether to `settle` each object or to `process` it.

        Returns:
            A summary an object.

        Raises:
            FunctionError, ModelError: the failure that counts most, once all objects were tried: a
                fatal one, else a transient one.
        """
        predict = self.settle if settle else self.process
        summaries: list[dict[str, Any]] = []
        failures: list[Exception] = []
        for ref in refs:
            try:
                summaries.append(predict(ref, remaining_ms=remaining_ms))
            except Exception as error:  # noqa: BLE001 -- one object's failure is not its neighbours'
                failures.append(error)
        if failures:
            raise max(failures, key=lambda error: (is_fatal(error), outcome_of(error).retry))
        return summaries

    def process(self, ref: ObjectRef, *, remaining_ms: Callable[[], int]) -> dict[str, Any]:
        """Read an object, predict it, write its result object.

        Args:
            ref: the object, as the event has it.
            remaining_ms: how long the invocation may still take.

        Returns:
            {"source", "result", "model", "version", "count", "failed"}: how many instances were
            answered, and how many of them with an error; or {"source", "skipped"} with the reason
            why there is nothing to do.

        Raises:
            RequestError, InputError: the object is at fault, and will be again.
            DeadlineError, StorageError, EngineError: ours; there is no result, nor half of one.
        """
        require_address(ref)
        reason = self._keys.reason_to_skip(ref)
        if reason:
            return _skip(ref, reason)
        deadline = Deadline(remaining_ms)
        deadline.require("an object")
        served = self._service.find(*self._keys.model_of(ref))
        manifest = served.manifest
        result = self._keys.result_of(ref)
        known = KnownResult.look_up(self._client, result)
        reason = known.reason_to_skip(ref, manifest)
        if reason:
            return _skip(ref, reason)
        try:
            source = self._reader.open(ref, served)
        except GoneError:
            return _skip(ref, "gone since")
        except ReplacedError:
            return _skip(ref, "replaced since, which has an event of its own")
        about = metadata_of(ref, manifest, source)
        with closing(source), ResultObject(self._client, result, known, metadata=about) as written:
            if format_of(ref.key) is Format.PICTURE:
                written.write(_json(predict(served, [source.whole()]).payload()))
                count, failed = 1, 0
            else:
                items = self._reader.items_of(ref, source, served)
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
        """Process an object; if it is at fault itself, record that and write it as the result.

        Returns:
            What `process` or `report` returns.

        Raises:
            DeadlineError, StorageError, EngineError: ours; a retry may succeed.
        """
        try:
            return self.process(ref, remaining_ms=remaining_ms)
        except Exception as error:
            if outcome_of(error).retry:
                raise
            current().record_error(error)
            return self.report(ref, error)

    def report(self, ref: ObjectRef, error: Exception) -> dict[str, Any]:
        """Write why an object has no predictions, as its result.

        Returns:
            {"source", "result", "error"}, or {"source", "skipped"}: a newer result is there.

        Raises:
            MalformedError: no object can have this name.
            StorageError: the service failed.
        """
        require_address(ref)
        result = self._keys.result_of(ref)
        known = KnownResult.look_up(self._client, result)
        reason = known.reason_to_skip(ref)
        if reason:
            return _skip(ref, reason)
        told = {"error": item_error_of(error)}
        with ResultObject(self._client, result, known, metadata=metadata_of(ref)) as written:
            written.write(_json(told))
        return {"source": ref.uri, "result": result.uri, **told}

    def predictions_of(self, uri: Any, served: Served) -> dict[str, Any]:
        """Predict an object and answer inline, within the limits of a request.

        Args:
            uri: s3://bucket/key, of any bucket that the function's role may read.
            served: the model.

        Returns:
            {"model", "version", "predictions"}.

        Raises:
            RequestError, ModelError: as over HTTP, and why the object cannot be had.
        """
        ref, manifest = ref_of(uri), served.manifest
        if format_of(ref.key) is Format.LISTING:
            raise MediaTypeError([Problem("s3", "a picture or a table", "a listing")])
        with closing(self._reader.open(ref, served, max_bytes=self._max_body_bytes)) as source:
            items = self._reader.items_of(ref, source, served)
            instances = [_instance_of(item) for item in islice(items, manifest.max_instances + 1)]
        if not any(isinstance(one, NamedInputs) for one in instances):
            return predict(served, instances).payload()
        if len(instances) > manifest.max_instances:
            limit = f"1 to {manifest.max_instances} lines"
            raise InvalidError([Problem("object", limit, "more")])
        answers = [
            predict(served, one if isinstance(one, NamedInputs) else [one]) for one in instances
        ]
        predictions = [prediction for answer in answers for prediction in answer.predictions]
        return replace(answers[0], predictions=predictions).payload()

    def _write_lines(
        self, written: ResultObject, items: Iterator[Item], served: Served, deadline: Deadline
    ) -> tuple[int, int]:
        first = next(items, None)
        if first is None:
            raise InvalidError([Problem("object", "at least one line", "none")])
        items = chain([first], items)
        limit = MAX_ROWS_BYTES if served.recipe.takes == "row" else self._max_body_bytes
        count = failed = 0
        for answers in answers_to(items, served, max_bytes=limit, deadline=deadline):
            written.write(b"".join(map(_json, answers)))
            count += len(answers)
            failed += sum("error" in answer for answer in answers)
        return count, failed


def _instance_of(item: Item) -> Any:
    """Return an item's instance, or raise its error with the number of its line."""
    if item.error is None:
        return item.instance
    line = f"line {item.place['line']}"
    raise type(item.error)(
        [
            replace(one, where=line if one.where == "line" else f"{line}.{one.where}")
            for one in item.error.problems
        ]
    )


def answers_to(
    items: Iterable[Item],
    served: Served,
    *,
    max_bytes: int,
    deadline: Deadline,
) -> Iterator[list[dict[str, Any]]]:
    """Predict items batch by batch, in their order.

    Args:
        items: instances, or why one could not be read.
        served: the model; a batch has as many rows as its manifest allows.
        max_bytes: the most that the instances of a batch have together; a larger one goes alone.
        deadline: asked before each batch.

    Yields:
        A batch's answers, one an item: {"line": 7, "label", "confidence", "probabilities"}, or
        {"line": 7, "error": {"type", "status", "detail", "problems", "retry"}}.

    Raises:
        DeadlineError: there is no time for the next batch.
        EngineError: the engine failed.
    """
    manifest = served.manifest
    limit = manifest.max_instances
    max_count = min(limit, MAX_PICTURES) if served.recipe.takes == "image" else limit
    for batch in _batches_of(items, max_count, max_bytes):
        deadline.require("another batch")
        instances = [item.instance for item in batch if item.error is None]
        current().record_asked(manifest, len(batch))
        predicted = iter(_predict(instances, served))
        yield [
            item.place
            | (next(predicted) if item.error is None else {"error": item_error_of(item.error)})
            for item in batch
        ]


def _batches_of(items: Iterable[Item], max_count: int, max_bytes: int) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size_bytes = 0
    for item in items:
        # Inputs by name are whole requests, so each is a batch.
        alone = isinstance(item.instance, NamedInputs)
        full = len(batch) == max_count or size_bytes + item.size_bytes > max_bytes
        if batch and (full or alone):
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += item.size_bytes
        if alone:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _predict(instances: Sequence[Any], served: Served) -> list[dict[str, Any]]:
    """Predict instances together; if some are wrong, halve until those are alone."""
    if not instances:
        return []
    named = isinstance(instances[0], NamedInputs)
    try:
        answer = served.predict(instances[0] if named else instances)
    except InputError as error:
        if len(instances) == 1:
            return [{"error": item_error_of(error)}]
        middle = len(instances) // 2
        halves = (instances[:middle], instances[middle:])
        return [one for half in halves for one in _predict(half, served)]
    current().record_answer(answer)
    return answer.predictions


def _json(value: Any) -> bytes:
    """Return one line of JSON, in ASCII."""
    return _ENCODER.encode(value).encode() + b"\n"


def _skip(ref: ObjectRef, reason: str) -> dict[str, Any]:
    """Return the summary of an object that is left alone; the log has the reason, not the key."""
    log("WARN", "object skipped", reason=reason)
    return {"source": ref.uri, "skipped": reason}
