"""The bucket's door: each object of a notification gets a result object.

Lambda invokes asynchronously here and retries a failed invocation up to twice. So a permanent
failure, such as a file that is not a picture, is written into the result object and does not fail
the invocation. A transient one, such as a busy bucket, does, once the other objects are done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from function.deadline import Context
from function.objects.events import objects_in

if TYPE_CHECKING:
    from function.objects.process import Objects


class S3Door:
    """Answers the events of buckets."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def answer(self, event: Any, context: Context) -> dict[str, Any]:
        """Predict the objects of a notification, in their order.

        Returns:
            {"results": [...]}, one summary per object: none for a test event or a removal.

        Raises:
            MalformedError: the event is not a notification; nothing was done.
            FunctionError, ModelError: a transient failure, once all other objects are done: a fatal
                one if there is any, else the first.
        """
        remaining_ms = context.get_remaining_time_in_millis
        return {"results": self._objects.predict_all(objects_in(event), remaining_ms=remaining_ms)}
