"""The interface that an environment needs of its processes, and of their launchers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.local.clock import Clock
from infra.settings.function import FunctionConfig


class Process(Protocol):
    """A running process group (process_group.ProcessGroup)."""

    def freeze(self) -> None:
        """Stop it until thawed."""

    def thaw(self) -> None:
        """Resume it."""

    def drain(self) -> None:
        """Read its output so far, without waiting."""

    def peak_mb(self) -> float:
        """Return the peak memory of its first process, in MiB."""

    def resident_mb(self) -> float:
        """Return the current memory of its first process, in MiB."""

    def children_mb(self) -> float:
        """Return the current memory of the rest of the group, in MiB."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it and everything it started, and read the last of its output."""

    async def gone(self) -> None:
        """Wait until it has really ended."""


@dataclass(frozen=True)
class Spawn:
    """What a launcher needs to start a process."""

    runtime_api: str
    log_stream: str
    tmp: Path
    initialization_type: str
    on_output: Callable[[bytes], None]
    on_exit: Callable[[int], None]


class Launcher(Protocol):
    """Starts the processes of one environment, one after the other."""

    async def spawn(self, spawn: Spawn) -> Process:
        """Start a process."""

    def close(self) -> None:
        """Release what outlives a process."""


@dataclass(frozen=True)
class Surroundings:
    """What every environment of one emulator shares."""

    config: FunctionConfig
    clock: Clock
    runtime: str  # python:3.11.v7
    runtime_arn: str

    @property
    def execution_env(self) -> str:
        """AWS_EXECUTION_ENV as a zip runtime of this interpreter sets it: AWS_Lambda_python3.11."""
        return "AWS_Lambda_" + self.runtime.rpartition(".")[0].replace(":", "")
