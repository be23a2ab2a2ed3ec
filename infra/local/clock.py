"""Time as the emulator sees it; injected, so that tests need not wait."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A scheduled call that can be cancelled."""

    def cancel(self) -> None:
        """Cancel it; harmless if it has fired."""


class Clock(Protocol):
    """Tells the time and schedules calls."""

    def now(self) -> float:
        """Return the wall clock, in seconds since 1970."""

    def monotonic(self) -> float:
        """Return a clock that only goes forward, in seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` on the event loop after a delay."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall clock, in seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return a clock that only goes forward, in seconds."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` on the running event loop after a delay."""
        return asyncio.get_running_loop().call_later(delay_s, callback)


class Alarm:
    """One scheduled call that can be postponed repeatedly.

    A timer that fires early enough is kept: setting and cancelling one costs more than that.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: Timer | None = None
        self._fires = 0.0  # monotonic, as `_due`
        self._due = 0.0
        self._act: Callable[[], None] | None = None

    def set(self, due: float, act: Callable[[], None]) -> None:
        """Call `act`, in place of any earlier call, at a time of the monotonic clock."""
        self._due, self._act = due, act
        if self._timer is None or due < self._fires:
            self._arm()

    def clear(self) -> None:
        """Cancel the call."""
        self._act = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires = self._due
        left_s = max(0.0, self._due - self._clock.monotonic())
        self._timer = self._clock.call_later(left_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._due > self._fires:
            self._arm()
        elif self._act is not None:
            act, self._act = self._act, None
            act()


async def pause(
    clock: Clock, delay_s: float, early: deque[Callable[[], None]] | None = None
) -> None:
    """Sleep by a clock, or until its entry in `early` is called."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    timer = clock.call_later(delay_s, wake)
    if early is not None:
        early.append(wake)
    try:
        await done
    finally:
        timer.cancel()
        if early is not None and wake in early:
            early.remove(wake)
