"""The memory that a process uses, read directly from the kernel if there is a /proc."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "statm").exists()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MB = 1024 * 1024


def resident_mb(pid: int) -> float:
    """Return a process's resident memory now, in MiB; 0 if there is no such process."""
    if _HAS_PROC:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * _PAGE_BYTES / _MB
        except (OSError, IndexError):
            return 0.0
    return _resident_by_psutil(pid)


class PeakReader:
    """Reads one process's peak repeatedly, through a file that stays open."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._file: int | None = None
        if _HAS_PROC:
            with contextlib.suppress(OSError):
                self._file = os.open(f"/proc/{pid}/status", os.O_RDONLY)

    def peak_mb(self) -> float:
        """Return the process's peak resident memory so far, in MiB.

        If the kernel keeps no peak, its current memory; 0 if there is no such process.
        """
        if not _HAS_PROC:
            return _resident_by_psutil(self._pid)
        if self._file is None:
            return 0.0
        try:
            status = os.pread(self._file, 4096, 0)
            start = status.index(b"VmHWM:") + 6
            return int(status[start : status.index(b"kB", start)]) / 1024
        except (OSError, ValueError):
            return 0.0

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def group_resident_mb(group: int, *, besides: int) -> float:
    """Return the resident memory of a process group without one of its members, in MiB.

    Looks at every process of the machine: not for the path of a warm call. Memory that members
    share is counted once for each.
    """
    total = 0.0
    for pid in group_members(group):
        if pid != besides:
            total += resident_mb(pid)
    return total


def group_members(group: int) -> list[int]:
    """Return the ids of a process group's members."""
    if _HAS_PROC:
        return [pid for pid in _all_pids() if _group_of(pid) == group]
    return [pid for pid in psutil.pids() if _group_of(pid) == group]


def pids_with_variable(assignment: bytes) -> list[int]:
    """Return the ids of the processes that were started with a variable (NAME=value).

    This finds daemons that left their process group: they keep the environment they were started
    with.
    """
    if not _HAS_PROC:
        return _with_variable_by_psutil(assignment.decode())
    found = []
    for pid in _all_pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if assignment in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue
    return found


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir(_PROC) if name.isdigit()]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _resident_by_psutil(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / _MB
    except psutil.Error:
        return 0.0


def _with_variable_by_psutil(assignment: str) -> list[int]:
    name, _, value = assignment.partition("=")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
