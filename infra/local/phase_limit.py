"""What ends a phase from outside: its deadline, and the memory setting."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.clock import Clock, Timer
from infra.local.outcome import Ended, PhaseEnd
from infra.local.sandbox.memory_watch import Measured, MemoryWatch


class PhaseLimit:
    """Hold one environment to its limits, phase by phase."""

    def __init__(self, clock: Clock, memory_mb: int, on_end: Callable[[PhaseEnd], None]) -> None:
        self._clock = clock
        self._on_end = on_end
        self._timer: Timer | None = None
        self.memory = MemoryWatch(clock, memory_mb)
        self.deadline = 0.0  # monotonic

    def set(self, deadline: float, process: Measured | None) -> None:
        """Let the phase end at a time, or when a process takes too much memory."""
        self.clear()
        self.deadline = deadline
        left_s = max(0.0, deadline - self._clock.monotonic())
        self._timer = self._clock.call_later(left_s, self._times_out)
        if process is not None:
            self.memory.watch(process, self._runs_out_of_memory)

    def clear(self) -> None:
        """Let it go on for as long as it likes."""
        self.memory.rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """Begin anew, for a new process."""
        self.clear()
        self.memory.forget()

    def _times_out(self) -> None:
        self._on_end(PhaseEnd(Ended.TIMEOUT))

    def _runs_out_of_memory(self) -> None:
        self._on_end(PhaseEnd(Ended.OUT_OF_MEMORY))
