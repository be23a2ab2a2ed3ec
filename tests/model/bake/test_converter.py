"""Converters: environments of their own, and processes that answer for the original."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bake import converter, environments, kept
from model.bake.converter import HOST, Converter
from model.bake.environments import interpreter_of
from model.bake.errors import BakeError
from model.bake.kept import Conversion

SCRIPT = """
import sys
import time
from .host import Refused

def convert(refused=False, dies=False, hangs=False, text=""):
    print("libraries print")
    if hangs:
        time.sleep(600)
    if refused:
        raise Refused("it is odd", "Make it even.")
    if dies:
        print("Killed by the test", file=sys.stderr)
        sys.exit(3)
    def run(feeds):
        return {"doubled": feeds["x"] * 2, "names": feeds["names"]}
    return {"text": text}, run
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A converter that needs no environment."""
    folder = tmp_path / "converters"
    folder.mkdir()
    for name in ("__init__.py", "host.py"):
        shutil.copy(HOST.parent / name, folder / name)
    (folder / "double.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(converter, "HOST", folder / "host.py")
    return "double"


def test_a_converter_answers_for_the_original(script: str, tmp_path: Path) -> None:
    """It says what it learnt, takes numbers and strings again and again, and tells its errors."""
    double = Converter(Path(sys.executable), script, {"text": "ä"}, tmp_path)
    assert double.facts == {"text": "ä"}
    for number in (1, 2):
        feeds: dict[str, Any] = {
            "x": np.full((2, 1), number, np.int8), "names": np.array(["a", "ü"], object),
        }  # fmt: skip
        found = double.run(feeds)
        assert found["doubled"].tolist() == [[2 * number]] * 2
        assert found["doubled"].dtype == np.int8
        assert found["names"].tolist() == ["a", "ü"]
    with pytest.raises(BakeError, match=r"double failed: KeyError: 'x'\nExport it as ONNX"):
        double.run({})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"refused": True}, "^it is odd\nMake it even.$"),
        ({"dies": True}, r"^the converter double died \(exit code 3\): Killed by the test$"),
        ({"other": 1}, r"^the converter double failed: TypeError: convert\(\) got an unexpected"),
        ({"hangs": True}, r"^the converter double gave no answer within 0\.2 s: the model's graph"),
    ],
)
def test_a_converter_that_fails_says_why(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, Any],
    message: str,
) -> None:
    """A refusal keeps its two sentences; an error its type; a dead process its last line."""
    if "hangs" in arguments:
        monkeypatch.setattr(converter, "CONVERT_S", 0.2)
    with pytest.raises(BakeError, match=message):
        Converter(Path(sys.executable), script, arguments, tmp_path)


def test_a_conversion_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry converts nothing and asks nothing again; what is kept goes by contents and size."""
    monkeypatch.setattr(kept, "KEPT", tmp_path / "kept")
    model, onnx = tmp_path / "model.txt", tmp_path / "model.onnx"
    done: list[str] = []

    def start(target: Path) -> tuple[dict[str, Any], Any]:
        done.append(target.name)
        target.write_bytes(b"graph" * 100)

        def run(feeds: dict[str, Any]) -> dict[str, Any]:
            done.append("asked")
            return {"y": feeds["x"] * 2}

        return {"classes": 3}, run

    def convert(content: str) -> Conversion:
        model.write_text(content, encoding="utf-8")
        onnx.unlink(missing_ok=True)
        return Conversion(kept.place_of("trees", model), onnx, start)

    feeds = {"x": np.array([1.0]), "names": np.array(["a"], object)}
    for _ in range(3):
        conversion = convert("one")
        assert conversion.facts == {"classes": 3}
        assert conversion.run(feeds)["y"].tolist() == [2.0]
        assert onnx.read_bytes() == b"graph" * 100
    assert done == ["model.onnx", "asked"]
    assert conversion.run(feeds | {"x": np.array([3.0])})["y"].tolist() == [6.0]
    assert done[2:] == ["again.onnx", "asked"]
    convert("two")
    assert (len(done), len(list(kept.KEPT.iterdir()))) == (5, 2)
    monkeypatch.setattr(kept, "MOST_BYTES", 1000)
    convert("three")
    assert len(list(kept.KEPT.iterdir())) == 1


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made on first use, again where its lock has changed, and never half."""
    said: list[str] = []
    made: list[Path] = []

    def make(folder: Path, lock: Path) -> None:
        made.append(folder)
        folder.mkdir(exist_ok=True)

    monkeypatch.setattr(environments, "_make", make)
    lock = tmp_path / "tiny.txt"
    lock.write_text("numpy==1\n", encoding="utf-8")

    def interpreter() -> Path:
        return interpreter_of("tiny", said.append, build=tmp_path / "build", locks=tmp_path)

    assert interpreter() == interpreter() == tmp_path / "build" / "tiny" / "bin" / "python"
    assert (len(made), said) == (1, ["making build/converters/tiny, once (a minute) …"])
    lock.write_text("numpy==2\n", encoding="utf-8")
    interpreter()
    assert len(made) == 2

    def fail(folder: Path, lock: Path) -> None:
        raise BakeError("no network")

    lock.write_text("numpy==3\n", encoding="utf-8")
    monkeypatch.setattr(environments, "_make", fail)
    with pytest.raises(BakeError):
        interpreter()
    monkeypatch.setattr(environments, "_make", make)
    interpreter()
    assert len(made) == 3


def test_an_installer_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uv fails pip is tried, which looks elsewhere; the error has the last reason in full."""
    tried: list[str] = []

    def failure_of(command: list[str]) -> str:
        tried.append(" ".join(map(str, command[1:3])))
        return "" if command[1:2] == ["venv"] or command[1:3] == ["-m", "venv"] else "no route"

    monkeypatch.setattr(environments, "_uv", lambda: "/usr/bin/uv")
    monkeypatch.setattr(environments, "_failure_of", failure_of)
    (tmp_path / "tiny.txt").write_text("", encoding="utf-8")
    with pytest.raises(
        BakeError, match=r"converting could not be made: no route\nIt needs a packag"
    ):
        interpreter_of("tiny", print, build=tmp_path / "build", locks=tmp_path)
    assert tried == ["venv --quiet", "pip install", "-m venv", "-m pip"]
