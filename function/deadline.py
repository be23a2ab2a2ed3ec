"""The time that is left for the current invocation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from function.errors import DeadlineError

RESERVE_MS: Final = 1_000
"""Reserved for sending the reply and for clock skew."""


class Context(Protocol):
    """The part of awslambdaric's context that the doors read."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left before the function's timeout, in milliseconds."""


class Deadline:
    """Decides whether there is time for one more item, judged by the slowest so far.

    A timeout fails the whole event, finished items included; returning the rest undone is better.
    """

    def __init__(self, remaining_ms: Callable[[], int]) -> None:
        self.remaining_ms = remaining_ms
        self._started_ms = self.remaining_ms()
        self._longest_ms = 0

    def allows_another(self) -> bool:
        """Measure the item that has just ended, and compare the slowest with the time left."""
        now_ms = self.remaining_ms()
        self._longest_ms = max(self._longest_ms, self._started_ms - now_ms)
        self._started_ms = now_ms
        return now_ms > RESERVE_MS + self._longest_ms

    def require(self, what: str) -> None:
        """Raise unless there is time for one more.

        Raises:
            DeadlineError: there is no time left for `what`.
        """
        if not self.allows_another():
            raise DeadlineError(f"expected time for {what}, none was left")
