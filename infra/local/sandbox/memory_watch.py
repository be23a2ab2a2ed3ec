"""Watch a process's memory against its limit, too cheaply for a warm call to notice."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.clock import Clock, Timer
from infra.local.sandbox.process import Process

# A shorter call is judged only by the peak that the kernel keeps.
_EVERY_S = 0.025
# Measuring the group's other members looks at every process: so only every half second.
_CHILDREN_EVERY = 20


class MemoryWatch:
    """One environment's peak, and a callback when the limit is passed."""

    def __init__(self, clock: Clock, limit_mb: int, on_exceeded: Callable[[], None]) -> None:
        self._clock = clock
        self._limit_mb = limit_mb
        self._on_exceeded = on_exceeded
        # One timer for many short calls: setting and cancelling one for each costs more than
        # looking.
        self._timer: Timer | None = None
        self._watched: Process | None = None
        self._looks = 0
        self._children_mb = 0.0
        self.peak_mb = 0.0

    def watch(self, process: Process) -> None:
        """Look at a busy process from time to time."""
        self._watched = process
        if self._timer is None:
            self._timer = self._clock.call_later(_EVERY_S, self._look)

    def rest(self) -> None:
        """Stop looking for now."""
        self._watched = None

    def _look(self) -> None:
        self._timer = None
        process = self._watched
        if process is None:
            return
        self._looks += 1
        if self._looks % _CHILDREN_EVERY == 0:
            self._children_mb = process.children_mb()
        self.peak_mb = max(self.peak_mb, process.resident_mb() + self._children_mb)
        if self.peak_mb > self._limit_mb:
            self._on_exceeded()
        else:
            self._timer = self._clock.call_later(_EVERY_S, self._look)

    def exceeded(self, process: Process) -> bool:
        """Read the kernel's peak, and return whether it was over the limit.

        On the service such a process would not have lived to answer.
        """
        self.peak_mb = max(self.peak_mb, process.peak_mb())
        return self.peak_mb > self._limit_mb

    def forget(self) -> None:
        """Start again, for a new process."""
        self.rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._children_mb = 0.0
        self.peak_mb = 0.0
