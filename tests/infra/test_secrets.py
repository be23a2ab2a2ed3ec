"""`make check` looks for secrets in what git has: its command line, in a test's repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

PLANTED = {
    "key.txt": ("AKIA" + "IOSFODNN7EXAMPLQ", "AWS Access Key"),
    "token.py": ("TOKEN = 'ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789'", "GitHub Token"),
    "id.pem": ("-----BEGIN RSA " + "PRIVATE KEY-----", "Private Key"),
}


def scan(folder: Path, file: str, content: str) -> subprocess.CompletedProcess[str]:
    """Run the last line of `make check` where git has one file."""
    (folder / file).write_text(content)
    (folder / ".venv").symlink_to(sys.prefix)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", file], cwd=folder, check=True)
    said = subprocess.run(
        ["make", "--no-print-directory", "-n", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    command = said.stdout.splitlines()[-1]
    assert "detect-secrets" in command
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("file", PLANTED)
def test_a_secret_is_found(file: str, tmp_path: Path) -> None:
    """The command fails, and says what and where it is."""
    content, kind = PLANTED[file]
    done = scan(tmp_path, file, f"{content}\n")
    assert done.returncode == 1
    assert kind in done.stdout
    assert f"{file}:1" in done.stdout


def test_what_only_looks_random_is_none(tmp_path: Path) -> None:
    """Hashes, and passwords that are words."""
    content = f"sha256:{'0123456789abcdef' * 4}\npassword = 'testing'\n"
    assert scan(tmp_path, "hashes.txt", content).returncode == 0
