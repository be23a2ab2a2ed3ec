"""What an environment needs of its processes, and of what starts them."""

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
        """Let it go on."""

    def drain(self) -> None:
        """Read its output so far, without waiting."""

    def peak_mb(self) -> float:
        """Return the most memory its first process has had, in MiB."""

    def resident_mb(self) -> float:
        """Return the memory of its first process now, in MiB."""

    def children_mb(self) -> float:
        """Return the memory of the rest of the group now, in MiB."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it and all it started, and read the last of its output."""

    async def gone(self) -> None:
        """Wait until it has really ended."""


@dataclass(frozen=True)
class Spawn:
    """What an environment needs started."""

    runtime_api: str
    log_stream: str
    tmp: Path
    initialization_type: str
    on_output: Callable[[bytes], None]
    on_exit: Callable[[int], None]


class Launcher(Protocol):
    """What starts the processes of one environment, one after the other."""

    async def spawn(self, spawn: Spawn) -> Process:
        """Start one."""

    def close(self) -> None:
        """Let go what outlives a process."""


@dataclass(frozen=True)
class Surroundings:
    """What every environment of one emulator shares."""

    config: FunctionConfig
    clock: Clock
    runtime: str  # python:3.11
    runtime_arn: str
