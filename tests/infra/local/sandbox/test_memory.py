"""Memory as the kernel counts it, and as psutil does where there is no /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from infra.local.sandbox import memory
from infra.local.sandbox.memory_watch import MemoryWatch
from tests.infra.local.fakes import FakeClock

NO_PID = 2**22 + 1


@pytest.fixture(params=[True, False], ids=["proc", "psutil"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Measure in both ways."""
    if request.param and not memory._HAS_PROC:
        pytest.skip("this machine has no /proc")
    monkeypatch.setattr(memory, "_HAS_PROC", request.param)
    return bool(request.param)


def test_what_a_process_uses(way: bool) -> None:
    """Something plausible, and more after more was used; of no process, nothing."""
    before = memory.resident_mb(os.getpid())
    block = bytearray(b"x" * 50 * 1024 * 1024)
    assert memory.resident_mb(os.getpid()) > before + 40
    assert memory.peak_mb(os.getpid()) > before + 40
    del block
    for measure in (memory.resident_mb, memory.peak_mb):
        assert measure(NO_PID) == 0.0


def test_a_groups_members(way: bool) -> None:
    """A child in its own group is found there, and its memory is not counted twice."""
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={"LAMBAKE_MARK": "here"},
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert memory.group_members(child.pid) == [child.pid]
        assert memory.group_resident_mb(child.pid, besides=child.pid) == 0.0
        assert memory.group_resident_mb(child.pid, besides=0) > 1
        assert memory.pids_with_variable(b"LAMBAKE_MARK=here") == [child.pid]
        assert memory.pids_with_variable(b"LAMBAKE_MARK=her") == []
    finally:
        child.kill()
        child.communicate()


class FakeProcess:
    """Use the memory that the test says."""

    def __init__(self, *, peak: float = 0, resident: float = 0, children: float = 0) -> None:
        self.peak, self.resident, self.children = peak, resident, children
        self.looks_at_children = 0

    def peak_mb(self) -> float:
        """Give the peak."""
        return self.peak

    def resident_mb(self) -> float:
        """Give the memory now."""
        return self.resident

    def children_mb(self) -> float:
        """Give the children's memory, and count how often it was asked for."""
        self.looks_at_children += 1
        return self.children


def watched(scene: Callable[[FakeClock, MemoryWatch], object], limit_mb: int = 128) -> None:
    """Run a scene with a watch."""
    import asyncio

    async def run() -> None:
        clock = FakeClock()
        result = scene(clock, MemoryWatch(clock, limit_mb))
        if asyncio.iscoroutine(result):
            await result

    asyncio.run(run())


def test_the_watch_calls_once_the_limit_is_passed() -> None:
    """And not before; the peak stays."""

    async def scene(clock: FakeClock, watch: MemoryWatch) -> None:
        called: list[float] = []
        process = FakeProcess(resident=100)
        watch.watch(process, lambda: called.append(clock.monotonic()))
        await clock.advance(1)
        assert called == []
        process.resident = 129
        await clock.advance(0.1)
        assert len(called) == 1
        assert watch.peak_mb == 129
        assert clock.waiting == []
        watch.forget()
        assert watch.peak_mb == 0

    watched(scene)


def test_children_are_looked_at_seldom_and_counted() -> None:
    """Twice a second: it costs a look at every process."""

    async def scene(clock: FakeClock, watch: MemoryWatch) -> None:
        called: list[float] = []
        process = FakeProcess(resident=60, children=60)
        watch.watch(process, lambda: called.append(clock.monotonic()))
        await clock.advance(2.0)
        assert process.looks_at_children == 4
        assert watch.peak_mb == 120
        process.children = 70
        await clock.advance(0.6)
        assert len(called) == 1

    watched(scene)


def test_a_short_call_is_judged_by_the_kernels_peak() -> None:
    """Not looked at while it ran, but over the limit all the same."""

    def scene(clock: FakeClock, watch: MemoryWatch) -> None:
        process = FakeProcess(peak=128)
        watch.watch(process, lambda: None)
        watch.rest()
        assert not watch.exceeded(process)
        process.peak = 128.5
        assert watch.exceeded(process)

    watched(scene)
