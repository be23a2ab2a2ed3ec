"""The stand-in's own command: what it fetches by itself, and what it says where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.containers import ContainerTool
from infra.image.errors import ImageError
from tests.contract.fetch_rie import FetchError
from tests.image.stand_in import build as stand_in

TOOL = ContainerTool("podman", "podman")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Note what is done of a build in a fresh clone, which has nothing."""
    noted: list[str] = []
    binary = tmp_path / "aws-lambda-rie"

    def fetch() -> None:
        noted.append("fetch")
        binary.touch()

    monkeypatch.setattr(stand_in, "FOLDER", tmp_path / "stand-in")
    monkeypatch.setattr(stand_in, "BINARY", binary)
    monkeypatch.setattr(stand_in, "fetch", fetch)
    monkeypatch.setattr(stand_in, "find_container_tool", lambda: TOOL)
    monkeypatch.setattr(stand_in, "make_root", lambda _root: noted.append("root"))
    monkeypatch.setattr(stand_in, "prepare", lambda *_: noted.append("wheels"))
    monkeypatch.setattr(ContainerTool, "ask", lambda *_: noted.append("build"))
    return noted


def test_a_fresh_clone(done: list[str]) -> None:
    """AWS's emulator is fetched too: nothing has to be done before."""
    stand_in.main([])
    assert done == ["fetch", "root", "wheels", "build"]
    assert (stand_in.FOLDER / "aws-lambda-rie").exists()


def test_help_builds_nothing(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would be built."""
    with pytest.raises(SystemExit) as ended:
        stand_in.main(["--help"])
    assert (ended.value.code, done) == (0, [])
    assert "Build a stand-in for AWS's base image, as root" in capsys.readouterr().out


def test_what_is_missing_is_one_line(
    done: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The emulator's wheel, or the program that makes the Debian."""

    def fail() -> None:
        raise FetchError("no wheel")

    monkeypatch.setattr(stand_in, "fetch", fail)
    with pytest.raises(SystemExit) as ended:
        stand_in.main([])
    assert (ended.value.code, done) == ("no wheel", [])
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="found none: apt install mmdebstrap"):
        stand_in.make_root(tmp_path / "root.tar")
