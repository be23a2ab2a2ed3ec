"""Look at the processes that the emulators of these tests start."""

from __future__ import annotations

from pathlib import Path

import psutil

from infra.local.logs import LogLine
from infra.local.sandbox import memory
from infra.local.sandbox.isolation import missing_for_isolation
from tests.conftest import absent


def alive(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# The log streams of the emulators that this test run has started: by them its processes are told
# from those of another run on the same machine.
STREAMS: set[str] = set()


def note_stream(line: LogLine) -> None:
    """Remember the stream of a log line (LocalLambda.listen)."""
    STREAMS.add(line.stream)


def require_namespaces() -> None:
    """Skip the test where this machine isolates nothing, or fail it."""
    if missing := missing_for_isolation():
        absent(missing)


def sandboxed_processes(name: str = "tested") -> list[int]:
    """Return the processes of a function of this test run, by its name."""
    named = memory.pids_with_variable(f"AWS_LAMBDA_FUNCTION_NAME={name}".encode())
    return [pid for pid in named if _variable(pid, "AWS_LAMBDA_LOG_STREAM_NAME") in STREAMS]


def processes_of(root: Path) -> list[int]:
    """Return the processes of a function, by the folder of its code."""
    return memory.pids_with_variable(f"LAMBDA_TASK_ROOT={root}".encode())


def _variable(pid: int, name: str) -> str | None:
    try:
        return psutil.Process(pid).environ().get(name)
    except psutil.Error:
        return None
