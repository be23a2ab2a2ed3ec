"""Fakes for the emulator's tests: a clock that a test moves, and environments without processes."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from infra.local import contract
from infra.local.clock import SystemClock, Timer
from infra.local.environment import Environment
from infra.local.invocation import Invocation, InvokeResult


class FakeTimer:
    """A timer of FakeClock."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Call it off."""
        self.callback = None


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float = 1_780_000_000.0) -> None:
        self._now = now
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def now(self) -> float:
        """Return the wall clock."""
        return self._now + self._elapsed

    def monotonic(self) -> float:
        """Return the seconds the test has let pass."""
        return self._elapsed

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        """Remember a callback."""
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (self._elapsed + delay_s, next(self._order), timer))
        return timer

    @property
    def waiting(self) -> list[float]:
        """Return the delays, in seconds from now, that somebody waits for."""
        return sorted(
            due - self._elapsed for due, _, timer in self._timers if timer.callback is not None
        )

    async def advance(self, seconds: float) -> None:
        """Let time pass: fire what is due, in order, and let everybody react."""
        end = self._elapsed + seconds
        await settled()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, due)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
                await settled()
        self._elapsed = end
        await settled()


class HastyClock(SystemClock):
    """The machine's clock, but an event's waits before its retries are noted and take no time."""

    def __init__(self) -> None:
        self.skipped: list[float] = []

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back, at once if it is a retry."""
        if delay_s in contract.EVENT_RETRY_DELAYS_S:
            self.skipped.append(delay_s)
            delay_s = 0
        return super().call_later(delay_s, callback)


async def settled() -> None:
    """Let every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


class FakeProcess:
    """A process that uses the memory that a test says, and notes what is done to it."""

    def __init__(self, *, peak: float = 0, resident: float = 0, children: float = 0) -> None:
        self.peak, self.resident, self.children = peak, resident, children
        self.done: list[str] = []

    def freeze(self) -> None:
        """Note it."""
        self.done.append("freeze")

    def thaw(self) -> None:
        """Note it."""
        self.done.append("thaw")

    def drain(self) -> None:
        """Do nothing."""

    def peak_mb(self) -> float:
        """Return the peak."""
        return self.peak

    def resident_mb(self) -> float:
        """Return the memory now."""
        return self.resident

    def children_mb(self) -> float:
        """Return the children's memory, and note that it was asked for."""
        self.done.append("children")
        return self.children

    def terminate(self) -> None:
        """Note it."""
        self.done.append("terminate")

    def kill(self) -> None:
        """Note it."""
        self.done.append("kill")

    async def gone(self) -> None:
        """Do nothing."""


class FakeEnvironment(Environment):
    """An environment without a process, that answers when the test says so."""

    def __init__(self) -> None:
        self.running: Invocation | None = None
        self.answer: asyncio.Future[InvokeResult] | None = None
        self.ready: asyncio.Future[None] | None = None
        self.settles_at_once = True
        self.served: list[str] = []
        self.closed = False
        self.provisioned = False

    async def initialise(self, *, provisioned: bool = False) -> None:
        """Note it."""
        self.provisioned = provisioned

    def run(self, invocation: Invocation) -> asyncio.Future[InvokeResult]:
        """Wait for the test's word."""
        self.running = invocation
        self.served.append(invocation.request_id)
        self.answer = asyncio.get_running_loop().create_future()
        return self.answer

    async def settle(self) -> None:
        """Ask for more, at once or when the test says so."""
        if not self.settles_at_once:
            self.ready = asyncio.get_running_loop().create_future()
            await self.ready

    async def close(self) -> None:
        """Note it."""
        self.closed = True

    async def reply(self, payload: bytes = b"null", error: str | None = None) -> None:
        """Answer the running invocation."""
        if self.answer is None or self.running is None:
            raise AssertionError("expected a running invocation")
        self.answer.set_result(
            InvokeResult(self.running.request_id, payload, error, "$LATEST", b"")
        )
        await settled()
