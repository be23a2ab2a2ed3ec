"""Instances, however many, to answers: some at a time, so that memory holds no more than those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from function.deadline import Deadline
from function.errors import DeadlineError, error_of
from function.objects.formats import Item
from function.service import Served
from function.telemetry.invocation import CURRENT
from model.errors import InputError

MAX_PICTURES: Final = 32
"""Of a batch: a listing's are fetched one by one, and the clock is looked at between batches."""


def answers_to(
    items: Iterable[Item],
    served: Served,
    *,
    max_bytes: int,
    deadline: Deadline,
) -> Iterator[list[dict[str, Any]]]:
    """
    Predict items batch by batch, in their order.

    Args:
        items: instances, or why there are none.
        served: the model; a batch has as many rows as its manifest allows.
        max_bytes: the most that the instances of a batch have together, unless it is one.
        deadline: asked before each batch.

    Yields:
        A batch's answers, one an item: {"line": 7, "label", "confidence", "probabilities"}, or
        {"line": 7, "error": {"type", "status", "detail", "problems", "retry"}}.

    Raises:
        DeadlineError: there is no time for the next batch.
        EngineError: the engine failed.
    """
    manifest, invocation = served.manifest, CURRENT.get()
    limit = manifest.max_instances
    max_count = min(limit, MAX_PICTURES) if manifest.of_pictures else limit
    for batch in _batches_of(items, max_count, max_bytes):
        if not deadline.allows_another():
            raise DeadlineError("expected time for another batch, there is none")
        instances = [item.instance for item in batch if item.error is None]
        if invocation:
            invocation.record_asked(manifest, len(batch))
        predicted = iter(_predicted(instances, served))
        yield [
            item.place
            | (next(predicted) if item.error is None else {"error": error_of(item.error)})
            for item in batch
        ]


def _batches_of(items: Iterable[Item], max_count: int, max_bytes: int) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size_bytes = 0
    for item in items:
        if batch and (len(batch) == max_count or size_bytes + item.size_bytes > max_bytes):
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += item.size_bytes
    if batch:
        yield batch


def _predicted(instances: Sequence[Any], served: Served) -> list[dict[str, Any]]:
    """Predict instances together; where some are wrong, halve until those stand alone."""
    if not instances:
        return []
    try:
        answer = served.predict(instances)
    except InputError as error:
        if len(instances) == 1:
            return [{"error": error_of(error)}]
        middle = len(instances) // 2
        halves = (instances[:middle], instances[middle:])
        return [one for half in halves for one in _predicted(half, served)]
    invocation = CURRENT.get()
    if invocation:
        invocation.record_answer(answer)
    return answer.predictions
