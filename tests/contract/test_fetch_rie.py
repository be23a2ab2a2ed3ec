"""Fetch the Runtime Interface Emulator without a network: pip is a program of the test's own."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.contract import fetch_rie

PLATFORM = "x86_64"
MEMBER = f"samcli/local/rapid/aws-lambda-rie-{PLATFORM}"
SAMPLE = "samcli/lib/generated_sample_events/events/s3/S3Put.json"


def pip_that(folder: Path, code: str) -> list[str]:
    """Write a pip whose `download` runs some code, with `to` being the folder asked for."""
    program = folder / "pip.py"
    lines = ["import sys, zipfile", "to = sys.argv[sys.argv.index('-d') + 1]", code]
    program.write_text("\n".join(lines))
    return [sys.executable, str(program)]


def pip_with(folder: Path, content: bytes) -> list[str]:
    """Write a pip that downloads a wheel with one binary in it."""
    write = f"z.writestr({MEMBER!r}, {content!r}); z.writestr({SAMPLE!r}, '{{}}')"
    code = f"z = zipfile.ZipFile(to + '/aws_sam_cli-1-py3-none-any.whl', 'w'); {write}; z.close()"
    return pip_that(folder, code)


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend to be the same machine everywhere."""
    monkeypatch.setattr("platform.machine", lambda: PLATFORM)


def test_the_binary_is_taken_out_and_nothing_else_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be run, the wheel is gone, and each step was told."""
    binary = tmp_path / "rie" / "aws-lambda-rie"
    fetch_rie.fetch(binary, pip=pip_with(tmp_path, b"binary"))
    assert binary.read_bytes() == b"binary"
    assert binary.stat().st_mode & 0o111
    assert {path.name for path in binary.parent.iterdir()} == {
        binary.name,
        "aws-lambda-rie.from",
        fetch_rie.SAMPLES,
    }
    assert json.loads((binary.parent / fetch_rie.SAMPLES).read_text()) == {"s3/S3Put": "{}"}
    requirement, _ = fetch_rie.locked(fetch_rie.LOCK.read_text())
    assert capsys.readouterr().out.splitlines() == [
        f"Fetching {requirement} (8 MB) for the Runtime Interface Emulator in it …",
        f"Taking {MEMBER} and the sample events out of it …",
        f"Done: {binary}",
    ]


def test_a_second_time_nothing_is_downloaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of the locked wheel are there: pip, which would fail, is not asked."""
    binary = tmp_path / "aws-lambda-rie"
    fetch_rie.fetch(binary, pip=pip_with(tmp_path, b"binary"))
    capsys.readouterr()
    fetch_rie.fetch(binary, pip=pip_that(tmp_path, "sys.exit(1)"))
    requirement, _ = fetch_rie.locked(fetch_rie.LOCK.read_text())
    told = f"The Runtime Interface Emulator of {requirement} is there: {binary}\n"
    assert capsys.readouterr().out == told


def test_another_wheels_binary_is_replaced(tmp_path: Path) -> None:
    """A binary from before the lock file changed does not stay."""
    binary = tmp_path / "aws-lambda-rie"
    binary.write_bytes(b"old")
    (tmp_path / "aws-lambda-rie.from").write_text("another hash\n")
    fetch_rie.fetch(binary, pip=pip_with(tmp_path, b"new"))
    assert binary.read_bytes() == b"new"


def test_a_registry_out_of_reach_is_said_clearly(tmp_path: Path) -> None:
    """With pip's own last line; nothing is left behind."""
    binary = tmp_path / "rie" / "aws-lambda-rie"
    pip = pip_that(tmp_path, "sys.exit('trying\\nERROR: No matching distribution found')")
    with pytest.raises(fetch_rie.FetchError) as caught:
        fetch_rie.fetch(binary, pip=pip)
    assert str(caught.value) == (
        "expected the package registry to give the wheel of aws-sam-cli; is it reachable? "
        "pip says: ERROR: No matching distribution found"
    )
    assert list(binary.parent.iterdir()) == []


def test_the_shell_gets_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 and the reason on stderr where it cannot be had."""

    def fail() -> None:
        raise fetch_rie.FetchError("why")

    monkeypatch.setattr(fetch_rie, "fetch", fail)
    assert fetch_rie.main() == 1
    assert capsys.readouterr().err == "No Runtime Interface Emulator: why\n"


def test_a_wheel_without_the_binary_is_refused(tmp_path: Path) -> None:
    """The message names the file that was looked for."""
    wheel = tmp_path / "aws_sam_cli-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(fetch_rie.FetchError, match=re.escape(f"expected {MEMBER} in {wheel.name}")):
        fetch_rie.extract(wheel, MEMBER, tmp_path / "aws-lambda-rie", stamp="")


def test_a_wheel_without_samples_is_refused(tmp_path: Path) -> None:
    """Without them nothing would be tested."""
    wheel = tmp_path / "aws_sam_cli-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(SAMPLE.replace("S3Put.json", "S3Put.txt"), b"")
    message = f"^{re.escape(f'expected sample events in {wheel.name}, got none')}$"
    with pytest.raises(fetch_rie.FetchError, match=message):
        fetch_rie.extract_samples(wheel, tmp_path / fetch_rie.SAMPLES)


@pytest.mark.parametrize(
    ("machine", "binary"),
    [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")],
)
def test_both_architectures_have_a_binary(machine: str, binary: str) -> None:
    """By the names that systems give them."""
    assert fetch_rie.member_of(machine) == f"samcli/local/rapid/aws-lambda-rie-{binary}"


def test_another_architecture_has_none() -> None:
    """Said with the known ones."""
    with pytest.raises(fetch_rie.FetchError) as caught:
        fetch_rie.member_of("riscv64")
    known = "aarch64, amd64, arm64, x86_64"
    assert str(caught.value) == f"expected one of the machines {known}, got riscv64"


def test_the_lock_has_a_hash_and_no_index() -> None:
    """Any registry may serve it, and none can change it."""
    text = fetch_rie.LOCK.read_text()
    requirement, digest = fetch_rie.locked(text)
    assert re.fullmatch(r"aws-sam-cli==[\d.]+", requirement)
    assert len(digest) == 64
    assert "http" not in text
    with pytest.raises(fetch_rie.FetchError, match="got none"):
        fetch_rie.locked("aws-sam-cli==1.0\n")
