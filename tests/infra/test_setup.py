"""`make` sets up: by uv, by pip where uv cannot be had, and leaves nothing half made."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import ROOT

# Stands for Python: it notes what it is asked to do. `venv` makes a folder with itself in it, even
# where it fails, as Debian's does without python3-venv; pip installs uv as another such program.
PROGRAM = """#!/bin/sh
case "$*" in
  -c*) exit 0 ;;
  "-m pip --version") test ! -e no-pip ;;
  "-m ensurepip") test ! -e no-venv && rm no-pip ;;
  "-m venv "*)
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && exec test ! -e no-venv ;;
  *-r\\ .venv/.uv)
    test ! -e no-uv && cp "$0" .venv/bin/uv && echo "pip: $(head -n 1 .venv/.uv)" >>done ;;
  *) echo "${0##*/} $*" >>done
    test "${0##*/}" = python || test ! -e uv-fails ;;
esac
"""
UV = "uv pip install --quiet --of-the-machine --compile-bytecode --python .venv/bin/python"
PIP = "python -m pip install --quiet --quiet --no-input --disable-pip-version-check"
MADE = ["Making .venv …", "Fetching uv, which installs the rest …"]
NO_VENV = "Python's venv is missing: apt install python3-venv"
LOCK = "--require-hashes --no-deps -r infra/requirements.txt"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what set-up reads, beside a Python that only notes."""
    for name in (
        "Makefile",
        "requirements-dev.txt",
        "infra/requirements.txt",
        "infra/cli/launcher",
        "infra/cli/progress",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "python").write_text(PROGRAM)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def set_up(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Set up what serving needs."""
    given = ("PYTHON=./python", "CERTIFICATES=--of-the-machine")
    return subprocess.run(
        ["make", "-C", str(checkout), "--no-print-directory", ".venv/.run", *given],
        env={"PATH": os.environ["PATH"]},  # without what a make around this one has left there
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("without", "installed"),
    [
        (None, [f"{UV} {LOCK}"]),
        ("uv-fails", [f"{UV} {LOCK}", f"{PIP} {LOCK}"]),
        ("no-uv", [f"{PIP} {LOCK}"]),
    ],
)
def test_who_installs(checkout: Path, without: str | None, installed: list[str]) -> None:
    """uv of the lock's version and hashes, in one line; where it cannot be had or fails, pip."""
    if without:
        (checkout / without).touch()
    done = set_up(checkout)
    assert (done.returncode, done.stderr) == (0, "")
    told = [*MADE, "Setting up what serving needs, some 35 packages …"]
    if without == "no-uv":
        told.insert(2, "uv cannot be had: pip sets up, which takes longer")
    assert done.stdout.splitlines() == told
    noted = (checkout / "done").read_text().splitlines()
    if without != "no-uv":
        assert noted.pop(0).startswith("pip: uv==")
        assert "--hash=sha256:" in (checkout / ".venv/.uv").read_text()
    assert noted == installed
    assert set_up(checkout).stdout == "make: '.venv/.run' is up to date.\n"


def test_a_python_without_venv(checkout: Path) -> None:
    """The package to install is named, and once it is there, set-up goes through."""
    (checkout / "no-venv").touch()
    done = set_up(checkout)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [MADE[0], NO_VENV]
    assert not (checkout / ".venv").exists()
    (checkout / "no-venv").unlink()
    assert set_up(checkout).returncode == 0


def test_an_environment_that_was_left_half_made(checkout: Path) -> None:
    """It gets its pip; where that cannot be, it goes, and what to install is said."""
    for name in ("no-venv", "no-pip"):
        (checkout / name).touch()
    (checkout / ".venv/bin").mkdir(parents=True)
    shutil.copy(checkout / "python", checkout / ".venv/bin/python")
    assert set_up(checkout).stdout == f"{NO_VENV}\n"
    assert not (checkout / ".venv").exists()
    (checkout / "no-venv").unlink()
    assert set_up(checkout).returncode == 0
    assert not (checkout / "no-pip").exists()


def test_a_terminal_sees_the_seconds() -> None:
    """In one line; what the command says follows it, and its status is kept."""
    ours, terminal = pty.openpty()
    command = (ROOT / "infra/cli/progress", "Waiting", "sh", "-c", "echo said; exit 3")
    done = subprocess.run(command, stdout=terminal, check=False)
    os.close(terminal)
    with os.fdopen(ours, newline="") as shown:
        assert re.fullmatch(r"Waiting … 0 s(\rWaiting … \d+ s)*\r\n", shown.readline())
        assert shown.readline() == "said\r\n"
    assert done.returncode == 3
