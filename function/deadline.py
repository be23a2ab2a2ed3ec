"""How long the invocation under way may still take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from function.errors import DeadlineError

RESERVE_MS: Final = 1_000
"""What is kept for the reply, and for differences between clocks."""


class Context(Protocol):
    """What awslambdaric hands over with an event, as much of it as the doors read."""

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the function's timeout, in milliseconds."""


class Deadline:
    """
    Tells whether there is time for one more item, judged by the longest so far.

    A time-out fails the whole event, good items included: better to return the rest undone.
    """

    def __init__(self, remaining_ms: Callable[[], int]) -> None:
        self.remaining_ms = remaining_ms
        self._started_ms = self.remaining_ms()
        self._longest_ms = 0

    def allows_another(self) -> bool:
        """Measure the item that has just ended, and compare the longest with the time left."""
        now_ms = self.remaining_ms()
        self._longest_ms = max(self._longest_ms, self._started_ms - now_ms)
        self._started_ms = now_ms
        return now_ms > RESERVE_MS + self._longest_ms

    def require(self, what: str) -> None:
        """
        Go on only if there is time.

        Raises:
            DeadlineError: there is none left for what comes next.
        """
        if not self.allows_another():
            raise DeadlineError(f"expected time for {what}, none was left")
