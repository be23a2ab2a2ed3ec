"""docker or podman: find the one that answers, and call its command line.

ContainersError
├── NoContainerTool         neither docker nor podman answers
└── ContainerToolFailed     one of their commands failed; carries the end of its output
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.settings.errors import InfraError

KINDS = ("docker", "podman")
_ANSWER_S = 20
MB_PER_CPU = 1769


class ContainersError(InfraError):
    """The root of the errors of docker and podman."""


class NoContainerTool(ContainersError):
    """Neither docker nor podman answers."""

    def __init__(self, tried: Sequence[str]) -> None:
        reasons = "; ".join(tried)
        super().__init__(
            f"expected docker or podman to answer, got none ({reasons}):"
            " on Debian, apt install podman runc"
        )


class ContainerToolFailed(ContainersError):
    """A command failed; names it and shows the end of its output."""

    def __init__(self, command: Sequence[str], status: int, said: str) -> None:
        self.said = said
        lines = said.strip().splitlines()[-12:] or ["nothing"]
        listed = "\n  ".join(lines)
        super().__init__(
            f"expected {' '.join(command[:2])} to succeed, got status {status}:\n  {listed}"
        )


@dataclass(frozen=True)
class ContainerTool:
    """docker or podman, and how to call it."""

    kind: str
    program: str
    options: tuple[str, ...] = ()  # before the command's name

    def command(self, *arguments: str) -> list[str]:
        """Return a whole command line."""
        return [self.program, *self.options, *arguments]

    def ask(self, *arguments: str) -> str:
        """Run a command and return what it prints."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode:
            raise ContainerToolFailed([self.kind, *arguments], done.returncode, done.stderr)
        return done.stdout.strip()

    def remove(self, container: str) -> None:
        """Remove a container at once, running or not, without the ten seconds to end by itself."""
        for command in (("kill", container), ("rm", "--force", container)):
            with contextlib.suppress(ContainerToolFailed):
                self.ask(*command)

    def inspect(self, image: str) -> Mapping[str, Any] | None:
        """Return what the tool knows of an image on this machine; None if there is none."""
        try:
            found: list[dict[str, Any]] = json.loads(self.ask("image", "inspect", image))
        except ContainerToolFailed:
            return None
        return found[0]


def find_container_tool() -> ContainerTool:
    """Return the first tool that is installed and answers."""
    tried = []
    for kind in KINDS:
        program = shutil.which(kind)
        if program is None:
            tried.append(f"{kind} is not installed")
            continue
        tool = ContainerTool(kind, program, _options(kind))
        refusal = _refusal(tool)
        if not refusal:
            return tool
        tried.append(f"{kind}: {refusal}")
    raise NoContainerTool(tried)


def _options(kind: str) -> tuple[str, ...]:
    """Select runc for podman if it is installed: crun, its default, refuses hybrid cgroups."""
    return ("--runtime", "runc") if kind == "podman" and shutil.which("runc") else ()


def _refusal(tool: ContainerTool) -> str:
    """Ask for the version and return what stands against the tool: docker may lack its daemon.

    Neither waits for a lock on its images here, as it does in its other commands.
    """
    try:
        done = subprocess.run(
            tool.command("version"),
            capture_output=True,
            text=True,
            check=False,
            errors="replace",
            timeout=_ANSWER_S,
        )
    except OSError as exc:
        return str(exc)
    except subprocess.TimeoutExpired:
        return f"no answer within {_ANSWER_S} seconds"
    said = done.stderr.strip().splitlines()
    return (said[-1] if said else f"status {done.returncode}") if done.returncode else ""


def cpu_share(memory_mb: int) -> float:
    """Return the CPUs that a memory setting comes with on Lambda, at most those of this machine.

    Source: AWS Lambda developer guide, "At 1,769 MB, a function has the equivalent of one vCPU".
    """
    return round(min(memory_mb / MB_PER_CPU, float(os.cpu_count() or 1)), 3)


def confinement(
    tool: ContainerTool, *, memory_mb: int, cpus: float, tmp_mb: int = 512
) -> list[str]:
    """Return the options of `run` that confine a container like Lambda's environment.

    Source: docs/contract.md 1.4 and 6.3: /tmp 512 MB, RLIMIT_NOFILE 1024, about 1000 processes.
    """
    # Podman would add a writable /run and /var/tmp.
    podman = ["--read-only-tmpfs=false"] if tool.kind == "podman" else []
    tmp = f"/tmp:size={tmp_mb}m,mode=1777"  # noqa: S108 - the container's own
    return [
        *("--read-only", *podman, "--tmpfs", tmp, "--ipc", "none"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"),
        *("--memory", f"{memory_mb}m", "--cpus", f"{cpus:g}", "--pull", "never"),
    ]
