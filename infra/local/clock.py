"""Time, as the emulator sees it. Injected, so that tests need not wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Be something that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has fired."""


class Clock(Protocol):
    """Tell the time, and call back later."""

    def now(self) -> float:
        """Give the wall clock, in seconds since 1970."""

    def monotonic(self) -> float:
        """Give a clock that only goes forward, in seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop after a delay."""


class SystemClock:
    """Be the machine's own clock."""

    def now(self) -> float:
        """Give the wall clock, in seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Give a clock that only goes forward, in seconds."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running event loop after a delay."""
        return asyncio.get_running_loop().call_later(delay_s, callback)


async def pause(clock: Clock, delay_s: float) -> None:
    """Wait on a clock."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    timer = clock.call_later(delay_s, wake)
    try:
        await done
    finally:
        timer.cancel()
