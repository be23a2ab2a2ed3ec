"""A running process group with its output pipe: drain, freeze and thaw, measure, kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from infra.local.sandbox import memory

_CHUNK_BYTES = 256 * 1024
# The most that is read before END is written: a process that floods its pipe must not delay the
# answer.
_DRAIN_BYTES = 4 * 1024 * 1024
# A killed process needs a moment to release its memory; one hung in the kernel needs longer.
_GONE_S = 5.0


def output_pipe() -> tuple[int, int]:
    """Return a pipe whose reading end never blocks: (to read, to write).

    One pipe for stdout and stderr: the service merges them too, and their order is kept.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    return reader, writer


class ProcessGroup:
    """One group, named by its first process's id, on the running event loop."""

    def __init__(self, pid: int, pipe: int, on_output: Callable[[bytes], None]) -> None:
        self.pid = pid
        self._pipe: int | None = pipe
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._frozen = False
        self._closed = False
        self._gone = asyncio.Event()
        self._status: memory.PeakReader | None = None
        self._loop.add_reader(pipe, self._read)

    def freeze(self) -> None:
        """Stop every process of the group until thawed."""
        if not self._frozen and not self._closed:
            self._frozen = True
            self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the group."""
        if self._frozen:
            self._frozen = False
            self.signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask the group to end."""
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Signal the group; harmless if it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def drain(self) -> None:
        """Read what the group has written so far, without waiting."""
        read = 0
        while self._pipe is not None and read < _DRAIN_BYTES:
            size = self._read()
            if not size:
                return
            read += size

    def peak_mb(self) -> float:
        """Return the peak memory of the group's first process, in MiB."""
        if self._status is None:
            self._status = memory.PeakReader(self.pid)
        return self._status.peak_mb()

    def resident_mb(self) -> float:
        """Return the current memory of the group's first process, in MiB."""
        return memory.resident_mb(self.pid)

    def children_mb(self) -> float:
        """Return the current memory of the rest of the group, in MiB. Looks at every process."""
        return memory.group_resident_mb(self.pid, besides=self.pid)

    def kill(self) -> None:
        """Kill the group and every process that left it, and read the last of the output."""
        if self._closed:
            return
        self._closed = True
        self.signal(signal.SIGKILL)
        self.sweep()
        self.drain()
        self._close_pipe()
        if self._status is not None:
            self._status.close()
            self._status = None

    def ended(self) -> None:
        """Note that the first process of the group has ended."""
        self._gone.set()

    async def gone(self) -> None:
        """Wait until a killed group's first process and those that left the group have ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GONE_S):
                await self._gone.wait()
                while self.sweep():
                    await asyncio.sleep(0.01)

    def sweep(self) -> int:
        """Kill the processes that left the group, if they can be found.

        Returns:
            How many processes were killed.
        """
        return 0

    def _read(self) -> int:
        if self._pipe is None:
            return 0
        try:
            data = os.read(self._pipe, _CHUNK_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self._close_pipe()
            return 0
        self._on_output(data)
        return len(data)

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = None


def kill_marked(marker: str, *, besides: int) -> int:
    """Kill every process that was started with a variable (NAME=value), except one.

    A daemon that forked twice and has a session of its own still has the variables it inherited.

    Returns:
        How many processes were killed.
    """
    found = memory.pids_with_variable(marker.encode())
    escaped = [pid for pid in found if pid not in (besides, os.getpid())]
    for pid in escaped:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(escaped)
