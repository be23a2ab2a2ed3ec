"""How long the function's init takes in its container, and how much memory, with the CPU share
that Lambda gives.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.containers import ContainerTool, confinement, cpu_share
from infra.image.errors import ImageError
from infra.local.phase_end import EndedBy, PhaseEnd
from infra.local.runtime.conversation import Conversation
from infra.local.sandbox.memory import PeakReader
from infra.settings import limits

MEMORIES_MB = (512, 1024, 1769)
_TIMES = 3
_PATIENCE_S = 60.0
_CHECK_S = 0.1  # how often a container is looked at, whether it still runs


@dataclass(frozen=True)
class Init:
    """One measurement: from the start of the container's process to its first request for work."""

    memory_mb: int
    cpus: float
    duration_s: float
    used_mb: float
    """The most resident memory until then; 0 if the process ended first."""

    @property
    def is_ready(self) -> bool:
        """Whether the function became ready."""
        return self.used_mb > 0

    @property
    def share_of_limit(self) -> float:
        """The part of Lambda's 10 s that it takes."""
        return self.duration_s / limits.INIT_LIMIT_S


def measure_inits(tool: ContainerTool, image: str) -> Iterator[Init]:
    """Measure at each memory setting: the best of three, since other load on the machine only adds.

    Raises:
        ImageError: the function did not become ready.
    """
    for memory_mb in MEMORIES_MB:
        found: list[Init] = []
        while len(found) < _TIMES and (not found or found[-1].is_ready):
            found.append(asyncio.run(_measure(tool, image, memory_mb)))
        yield min(found, key=lambda init: (not init.is_ready, init.duration_s))


async def _measure(tool: ContainerTool, image: str, memory_mb: int) -> Init:
    """Measure once.

    Raises:
        ImageError: the function did not become ready.
    """
    ready: asyncio.Future[tuple[PhaseEnd, float]] = asyncio.get_running_loop().create_future()

    def ended(end: PhaseEnd) -> None:
        if not ready.done():
            ready.set_result((end, time.clock_gettime(time.CLOCK_BOOTTIME)))

    conversation = Conversation(ended)
    address = await conversation.open()
    cpus = cpu_share(memory_mb)
    name = f"lambake-init-{secrets.token_hex(6)}"
    arguments = [
        *("create", "--name", name, "--network", "host"),
        *("--env", f"AWS_LAMBDA_RUNTIME_API={address}"),
        *confinement(tool, memory_mb=memory_mb, cpus=cpus),
        image,
    ]
    try:
        await asyncio.to_thread(tool.ask, *arguments)
        await asyncio.to_thread(tool.ask, "start", name)
        pid = await asyncio.to_thread(tool.ask, "inspect", "--format", "{{.State.Pid}}", name)
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            return Init(memory_mb, cpus, 0.0, 0.0)
        started = _started_at(int(pid))
        async with asyncio.timeout(_PATIENCE_S):
            while not (await asyncio.wait([ready], timeout=_CHECK_S))[0]:
                if not Path(f"/proc/{pid}").exists():
                    return Init(memory_mb, cpus, 0.0, 0.0)
        end, at = ready.result()
        used_mb = _peak_mb(int(pid))
    except TimeoutError as exc:
        said = await asyncio.to_thread(tool.ask, "logs", name)
        raise ImageError(f"expected {image} to get ready, got nothing: {said[-500:]}") from exc
    finally:
        conversation.close()
        await asyncio.to_thread(tool.remove, name)
    if end.by is not EndedBy.NEXT:
        said = end.payload.decode("utf-8", "replace")
        raise ImageError(f"expected {image} to get ready, got an init error: {said}")
    return Init(memory_mb, cpus, at - started, used_mb)


def _peak_mb(pid: int) -> float:
    reader = PeakReader(pid)
    with contextlib.closing(reader):
        return reader.peak_mb()


def _started_at(pid: int) -> float:
    """Return when a process was started, in seconds since boot, to a hundredth.

    Source: proc(5), /proc/PID/stat, field 22: starttime, in clock ticks after boot.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError as exc:
        raise ImageError("expected the container's process in /proc, got none: Linux only") from exc
    ticks = int(stat.rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")
