"""The direct door: a JSON payload from `Invoke`, the answer as a dictionary."""

from __future__ import annotations

from typing import Any

from function.deadline import Context
from function.payloads import Payloads


class InvokeDoor:
    """Answers payloads: the event is one."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    def answer(self, event: Any, _context: Context) -> dict[str, Any]:
        """Answer a payload as the native HTTP door does.

        Raises:
            RequestError, ModelError: as over HTTP; the invoker gets a function error.
        """
        return self._payloads.answer(event)
