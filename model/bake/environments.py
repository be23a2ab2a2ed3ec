"""The environments in which models are converted: one for TensorFlow's formats, one for trees.

What converts a model is large, and of no use to who brings ONNX. So each environment is made on
first use, below `build/converters`, from a lock file with hashes, and made again when that changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from model.bake.errors import BakeError
from model.bake.sources.base import Say

LOCKS: Final = Path(__file__).parent / "converters"
BUILD: Final = Path(__file__).parents[2] / "build" / "converters"

CONTENTS: Final = {"keras": "TensorFlow, 1.5 GB", "trees": "XGBoost and LightGBM, 0.5 GB"}
"""What takes long in each environment, for the line that says so."""

_INSTALL: Final = ("install", "--quiet", "--require-hashes", "--no-deps", "--requirement")
"""Without dependencies: the lock holds them all, but for NVIDIA's libraries, which are left out."""


def interpreter_of(name: str, say: Say, *, build: Path = BUILD, locks: Path = LOCKS) -> Path:
    """Return an environment's Python, made now if it is not there or if its lock has changed.

    Args:
        name: the environment's: a lock file `<name>.txt`.
        say: reports that one is made, which takes a minute.
        build: where environments lie.
        locks: where their lock files lie.

    Raises:
        BakeError: it cannot be made, with the installer's own reason.
    """
    lock, folder = locks / f"{name}.txt", build / name
    wanted = made_from(name, locks)
    mark, python = folder / "made-from", folder / "bin" / "python"
    build.mkdir(parents=True, exist_ok=True)
    with _alone(build / f"{name}.busy"):
        if not (mark.is_file() and mark.read_text(encoding="ascii") == wanted):
            say(f"making build/converters/{name}, once ({CONTENTS.get(name, 'a minute')}) …")
            _make(folder, lock)
            mark.write_text(wanted, encoding="ascii")
    return python


def made_from(name: str, locks: Path = LOCKS) -> str:
    """Return the hash of an environment's lock file and of the Python that it belongs to."""
    lock = (locks / f"{name}.txt").read_bytes()
    return hashlib.sha256(lock + sys.version.encode()).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process makes the same environment."""
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, lock: Path) -> None:
    """Make an environment with uv, or with pip where uv is absent or fails.

    They look for packages in different places: each has its own settings for mirrors and proxies.
    """
    python = folder / "bin" / "python"
    venv = [sys.executable, "-m", "venv", str(folder)]
    ways = [[venv, [str(python), "-m", "pip", "--disable-pip-version-check", *_INSTALL, str(lock)]]]
    if uv := _uv():
        empty = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        ways.insert(0, [empty, [uv, "pip", *_INSTALL, str(lock), "--python", str(python)]])
    failed = ""
    for commands in ways:
        shutil.rmtree(folder, ignore_errors=True)
        failed = next(filter(None, map(_failure_of, commands)), "")
        if not failed:
            return
    raise BakeError(
        f"{folder}: the environment for converting could not be made: {failed}",
        "It needs a package index (pip's or uv's settings name it) and space on the disk; "
        "run the same command again.",
    )


def _uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv")


def _failure_of(command: list[str]) -> str:
    """Run a command; return the end of what it says where it fails, else nothing."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 0:
        return ""
    lines = (ended.stderr or ended.stdout).strip().splitlines()
    return " ".join(line.strip() for line in lines[-5:]) or f"{command[0]}: {ended.returncode}"
