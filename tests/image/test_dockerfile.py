"""The Dockerfile: linted, and what it leaves out has a reason."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests import ROOT
from tests.conftest import require_tool

DOCKERFILE = ROOT / "Dockerfile.lambda"


def linted(path: Path) -> str:
    """Return what hadolint has to say."""
    hadolint = require_tool(str(Path(sys.executable).parent / "hadolint"))
    done = subprocess.run([hadolint, str(path)], capture_output=True, text=True, check=False)
    return done.stdout


def test_the_linter_finds_nothing() -> None:
    """hadolint, with the shell scripts in it by ShellCheck."""
    assert linted(DOCKERFILE) == ""


def test_the_linter_can_find_something(tmp_path: Path) -> None:
    """A root user and an unquoted variable are found."""
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian:13\nRUN rm $x\nUSER root\n")
    said = linted(bad)
    assert "DL3002" in said
    assert "SC2086" in said


def test_every_part_left_out_has_a_reason() -> None:
    """The list of what the image does without says why, entry by entry."""
    listed = tomllib.loads((ROOT / "infra/image/unused.toml").read_text(encoding="utf-8"))
    for part in listed["parts"]:
        assert set(part) <= {"remove", "keep", "why"}
        assert len(part["why"].split()) >= 4
