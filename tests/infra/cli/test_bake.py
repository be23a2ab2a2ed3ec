"""`lambake bake`: its flags are the keywords of model.bake, and it starts that."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from infra.cli import bake, main
from infra.cli.flags import flags_of, joined
from model.bake.command import bake as bake_model
from tests.model.bake.models import rows_model


def test_its_flags_are_the_keywords_of_bake() -> None:
    """All but what only a program has; --sample may be repeated, so it is one of samples."""
    keywords = set(inspect.signature(bake_model).parameters)
    flags = {one.name for one in flags_of(bake.Options)}
    assert flags - {"sample"} | {"samples"} == keywords - {
        "answers",
        "metrics",
        "say",
        "training",
    }


def test_it_bakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the user stands, though a folder there is called model; a refusal is status 1."""
    (tmp_path / "model").mkdir()
    rows_model(tmp_path / "m.onnx", "Softmax")
    monkeypatch.chdir(tmp_path)
    assert main(["bake", "m.onnx", "--folder", "zoo", "--labels", "a,b,c"]) == 0
    said = capfd.readouterr().out.splitlines()
    assert said[0].startswith("read       ONNX, ")
    assert said[-1].split()[-2:] == [
        "@zoo/m/samples/rows.json", "http://127.0.0.1:8080/models/m/predict",
    ]  # fmt: skip
    assert main(["bake", "absent.onnx"]) == 1
    assert capfd.readouterr().err == "refused    absent.onnx: no such file or folder\n"


def test_values_that_begin_with_a_minus() -> None:
    """-1..1 belongs to the flag before it; -1 alone and flags stay as they are."""
    assert joined(["bake", "-1", "--pixels", "-1..1", "--fit", "--x"]) == [
        "bake", "-1", "--pixels=-1..1", "--fit", "--x",
    ]  # fmt: skip


@pytest.mark.parametrize("made", [True, False])
def test_what_is_not_there_is_set_up(
    made: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By make, in the environment that make made; where that fails, it says what is missing."""
    asked: list[list[str]] = []

    class Done:
        returncode = 0 if made else 1

    def run(command: list[str], *, check: bool) -> Done:
        asked.append(command)
        return Done()

    for module in ("bake", "set_up"):
        monkeypatch.setattr(f"infra.cli.{module}.CHECKOUT", Path("/checkout"))
    monkeypatch.setattr("infra.cli.bake.find_spec", lambda name: None if name == "onnx" else name)
    monkeypatch.setattr("sys.prefix", "/checkout/.venv")
    monkeypatch.setattr("infra.cli.bake.subprocess.run", run)
    assert bake._is_set_up() is made
    assert asked == [["make", "--no-print-directory", "-C", "/checkout", ".venv/.bake"]]
    missing = "lambake bake: the package onnx is not installed: run make .venv/.bake\n"
    assert capsys.readouterr().err == ("" if made else missing)
