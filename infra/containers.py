"""docker or podman: find the one that answers, and speak to it through its command line."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.image.errors import EngineFailed, NoEngine

KINDS = ("docker", "podman")
_ANSWER_S = 20
_MB_PER_VCPU = 1769


@dataclass(frozen=True)
class Engine:
    """Be one of the two."""

    kind: str
    program: str
    options: tuple[str, ...] = ()  # of the program itself, before its command

    def command(self, *arguments: str) -> list[str]:
        """Give a whole command line."""
        return [self.program, *self.options, *arguments]

    def ask(self, *arguments: str) -> str:
        """
        Run a command and give what it prints.

        Raises:
            EngineFailed: it failed.
        """
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode:
            raise EngineFailed([self.kind, *arguments], done.returncode, done.stderr)
        return done.stdout.strip()

    def remove(self, container: str) -> None:
        """
        Remove a container, running or not, without the ten seconds
        that it may take to end itself.
        """
        for command in (("kill", container), ("rm", "--force", container)):
            with contextlib.suppress(EngineFailed):
                self.ask(*command)

    def inspect(self, image: str) -> Mapping[str, Any] | None:
        """Give what is known of an image on this machine, or None if there is none of that name."""
        try:
            found: list[dict[str, Any]] = json.loads(self.ask("image", "inspect", image))
        except EngineFailed:
            return None
        return found[0]


def find_engine(kinds: Sequence[str] = KINDS) -> Engine:
    """
    Give the first that is installed and answers.

    Raises:
        NoEngine: none does.
    """
    tried = []
    for kind in kinds:
        program = shutil.which(kind)
        if program is None:
            tried.append(f"{kind} is not installed")
            continue
        engine = Engine(kind, program, _options(kind))
        if _answers(engine):
            return engine
        tried.append(f"{kind} does not answer")
    raise NoEngine(tried)


def _options(kind: str) -> tuple[str, ...]:
    """Name runc to podman where it is there: crun, its first choice, refuses hybrid cgroups."""
    return ("--runtime", "runc") if kind == "podman" and shutil.which("runc") else ()


def _answers(engine: Engine) -> bool:
    """Say whether images can be listed: docker's program is of no use without its daemon."""
    try:
        done = subprocess.run(
            engine.command("images", "--quiet"), capture_output=True, check=False, timeout=_ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def cpu_share(memory_mb: int) -> float:
    """
    Give the CPUs that a memory setting comes with on Lambda, at most those of this machine.

    Source: AWS Lambda developer guide, "At 1,769 MB, a function has the equivalent of one vCPU".
    """
    return round(min(memory_mb / _MB_PER_VCPU, float(os.cpu_count() or 1)), 3)


def confinement(engine: Engine, *, memory_mb: int, cpus: float, tmp_mb: int = 512) -> list[str]:
    """
    Give the options of `run` that make a container as narrow as Lambda's environment.

    Read-only root, /tmp of a size, no /dev/shm, no capability, the service's limits of files and
    processes.

    Source: docs/contract.md 1.4 and 6.3: /tmp 512 MB, RLIMIT_NOFILE 1024, about 1000 processes.
    """
    # Podman would add a writable /run and /var/tmp.
    podman = ["--read-only-tmpfs=false"] if engine.kind == "podman" else []
    tmp = f"/tmp:size={tmp_mb}m,mode=1777"  # noqa: S108 - the container's own
    return [
        *("--read-only", *podman, "--tmpfs", tmp, "--ipc", "none"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"),
        *("--memory", f"{memory_mb}m", "--cpus", f"{cpus:g}", "--pull", "never"),
    ]
