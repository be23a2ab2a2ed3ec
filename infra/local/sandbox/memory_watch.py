"""Watch a process's memory against its limit, at a cost that a warm call does not feel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from infra.local.clock import Clock, Timer

# A call that is shorter than this is judged only by the peak that the kernel keeps.
_EVERY_S = 0.025
# The group's other members cost a look at every process of the machine: once in half a second.
_CHILDREN_EVERY = 20


class Measured(Protocol):
    """Be what can be measured."""

    def peak_mb(self) -> float:
        """Give the most memory its first process has had."""

    def resident_mb(self) -> float:
        """Give the memory of its first process now."""

    def children_mb(self) -> float:
        """Give the memory of the rest of the group now."""


class MemoryWatch:
    """Keep the peak of one environment, and call when the limit is passed."""

    def __init__(self, clock: Clock, limit_mb: int) -> None:
        self._clock = clock
        self._limit_mb = limit_mb
        # One timer for many short calls: to set and cancel one for each is dearer than to look.
        self._timer: Timer | None = None
        self._watched: tuple[Measured, Callable[[], None]] | None = None
        self._looks = 0
        self._children_mb = 0.0
        self.peak_mb = 0.0

    def watch(self, process: Measured, on_exceeded: Callable[[], None]) -> None:
        """Look at a busy process from time to time."""
        self._watched = (process, on_exceeded)
        if self._timer is None:
            self._timer = self._clock.call_later(_EVERY_S, self._look)

    def rest(self) -> None:
        """Look no more for now."""
        self._watched = None

    def _look(self) -> None:
        self._timer = None
        if self._watched is None:
            return
        process, on_exceeded = self._watched
        self._looks += 1
        if self._looks % _CHILDREN_EVERY == 0:
            self._children_mb = process.children_mb()
        self.peak_mb = max(self.peak_mb, process.resident_mb() + self._children_mb)
        if self.peak_mb > self._limit_mb:
            on_exceeded()
        else:
            self._timer = self._clock.call_later(_EVERY_S, self._look)

    def exceeded(self, process: Measured) -> bool:
        """
        Take the kernel's peak in, and say whether it was over the limit: such a process would not
        have lived to answer.
        """
        self.peak_mb = max(self.peak_mb, process.peak_mb())
        return self.peak_mb > self._limit_mb

    def forget(self) -> None:
        """Begin anew, for a new process."""
        self.rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._children_mb = 0.0
        self.peak_mb = 0.0
