"""The direct door: a JSON payload from `Invoke`, the answer as a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from function.payloads import answer, require_size
from function.service import Service

if TYPE_CHECKING:
    from function.objects.process import Objects


class InvokeDoor:
    """A service behind the Invoke API."""

    def __init__(
        self, service: Service, *, objects: Callable[[], Objects], max_body_bytes: int
    ) -> None:
        self._service = service
        self._objects = objects
        self._max_body_bytes = max_body_bytes

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """
        Answer `{"model": …, "version"?: …, "rows" | "image" | "images" | "s3": …}`.

        Args:
            event: left as it is, since an invoker's retry sends it again.
            context: not needed.

        Returns:
            {"model", "version", "predictions"}, as the native HTTP door answers.

        Raises:
            RequestError, ModelError: as over HTTP; the invoker sees a function error.
        """
        require_size(event, self._max_body_bytes)
        return answer(event, self._service, self._objects)
