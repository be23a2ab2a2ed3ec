"""The event bus's door: new objects, payloads in `detail`, and schedules that keep the function
warm.

Lambda invokes asynchronously here, as for a bucket, so an object's permanent failure is written
into its result object. A payload has none: its failure goes to the invocation's destination or
dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from function.deadline import Context
from function.errors import UnsupportedSourceError
from function.objects.events import is_of_object, objects_on_bus
from function.payloads import FORM, Payloads

if TYPE_CHECKING:
    from function.objects.process import Objects

SCHEDULERS: Final = ("aws.events", "aws.scheduler")
"""A rule with a schedule, and EventBridge Scheduler; a payload set in either arrives unchanged."""


class EventBridgeDoor:
    """Answers the events of a bus."""

    def __init__(self, payloads: Payloads, objects: Callable[[], Objects]) -> None:
        self._payloads = payloads
        self._objects = objects

    def answer(self, event: dict[str, Any], context: Context) -> Mapping[str, Any]:
        """Answer one event.

        Args:
            event: with `source`, `detail-type` and `detail`.
            context: its clock is the deadline.

        Returns:
            For an object {"results": [...]} as from the bucket's door; for a payload, its answer;
            for a schedule {"warm": true}: the models are loaded and nothing is predicted.

        Raises:
            RequestError, ModelError: the payload in the detail cannot be answered.
            UnsupportedSourceError: an event of another kind.
        """
        source, kind, detail = event["source"], event["detail-type"], event.get("detail")
        if source in SCHEDULERS and kind == "Scheduled Event":
            return {"warm": True}
        if is_of_object(event):
            left_ms = context.get_remaining_time_in_millis
            refs = objects_on_bus(event)
            return {"results": [self._objects().settle(one, remaining_ms=left_ms) for one in refs]}
        if isinstance(detail, dict) and "model" in detail:
            return self._payloads.answer(detail)
        raise UnsupportedSourceError(
            "expected of EventBridge a schedule, an object's event of S3, or a detail of "
            f"{FORM}, got another event"
        )
