"""Memory as the kernel counts it, and as psutil does where there is no /proc."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys

import pytest

from infra.local.sandbox import memory
from infra.local.sandbox.memory_watch import MemoryWatch
from tests.infra.local.fakes import FakeClock, FakeProcess

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
    with contextlib.closing(memory.PeakReader(os.getpid())) as reader:
        assert reader.peak_mb() > before + 40
    del block
    assert memory.resident_mb(NO_PID) == 0.0
    assert memory.PeakReader(NO_PID).peak_mb() == 0.0


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


class Watched:
    """A watch of a process, that notes when it calls."""

    def __init__(self, process: FakeProcess) -> None:
        self.clock, self.process = FakeClock(), process
        self.called: list[float] = []
        self.watch = MemoryWatch(
            self.clock, 128, lambda: self.called.append(self.clock.monotonic())
        )
        self.watch.watch(process)


def test_the_watch_calls_once_the_limit_is_passed() -> None:
    """And not before; the peak stays."""

    async def scene() -> None:
        one = Watched(FakeProcess(resident=100))
        await one.clock.advance(1)
        assert one.called == []
        one.process.resident = 129
        await one.clock.advance(0.1)
        assert len(one.called) == 1
        assert one.watch.peak_mb == 129
        assert one.clock.waiting == []
        one.watch.forget()
        assert one.watch.peak_mb == 0

    asyncio.run(scene())


def test_children_are_looked_at_seldom_and_counted() -> None:
    """Twice a second: it costs a look at every process."""

    async def scene() -> None:
        one = Watched(FakeProcess(resident=60, children=60))
        await one.clock.advance(2.0)
        assert one.process.done == ["children"] * 4
        assert one.watch.peak_mb == 120
        one.process.children = 70
        await one.clock.advance(0.6)
        assert len(one.called) == 1

    asyncio.run(scene())


def test_a_short_call_is_judged_by_the_kernels_peak() -> None:
    """Not looked at while it ran, but over the limit all the same."""
    one = Watched(FakeProcess(peak=128))
    one.watch.rest()
    assert not one.watch.exceeded(one.process)
    one.process.peak = 128.5
    assert one.watch.exceeded(one.process)
