"""`lambake`: what it takes, what it refuses, and what
it says where something is missing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NoReturn

import pytest

from infra import version_of
from infra.cli import main
from infra.cli.set_up import what_installs
from infra.cli.stage import StageOptions
from tests import ROOT

COMMANDS = (
    "bake", "run", "invoke", "cloud", "bulk", "bench", "image", "plan", "deploy", "status", "logs",
    "rollback", "destroy", "demo", "manifest",
)  # fmt: skip


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the line that a wrong call ends with."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1].partition(": error: ")[2]


def test_an_unknown_flag_is_told_with_the_usage_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Argparse would show the list of commands."""
    with pytest.raises(SystemExit):
        main(["run", "--prot", "1"])
    said = capsys.readouterr().err
    assert "[--port PORT]" in said
    assert said.endswith("lambake run: error: unrecognized arguments: --prot 1\n")


PORT = "0 to 65535"
ADDRESS = "http://HOST:PORT"
MINUTES = "minutes, more than 0 and at most 5256000"
NO_VALUES = {
    ("run --port", PORT): ["99999", "65536", "-1", "x", "", "80.0", "9" * 5000],
    ("run --invoke-port", PORT): ["65536"],
    ("cloud --port", PORT): ["65536"],
    ("plan --simulated-cloud", ADDRESS): [
        "127.0.0.1:5999", "foo", "", "https://127.0.0.1:5000", "http://127.0.0.1",
        "http://127.0.0.1:99999", "http://127.0.0.1:5000/x", "http://:5000", "http://a b:1",
        "http://me@here:1",
    ],
    ("invoke --url", ADDRESS): ["foo"],
    ("deploy --registry", "HOST:PORT, without http://"): [
        "http://127.0.0.1:5311", "5311", "here", "here:99999", "a/b:1",
    ],
    ("bulk in out --endpoint-url", "http://HOST:PORT or https://HOST"): [
        "foo", "ftp://here", "http://", "http://here/there",
    ],
    ("bulk in out --batch", "a whole number from 1"): ["0", "-1", "1.5", "x"],
    ("logs --since", MINUTES): ["0", "-1", "nan", "inf", "1e300", "an hour", "5256001"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "expected", "text"),
    [(*flag, text) for flag, texts in NO_VALUES.items() for text in texts],
)
def test_a_value_that_is_none(
    flag: str, expected: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says what the flag takes, before anything is asked that boto3 would stumble over."""
    *command, option = flag.split()
    said = refused([*command, f"{option}={text}"], capsys)
    assert said == f"argument {option}: expected {expected}, got {text!r}"


def test_the_launcher_runs_the_checkout_that_it_lies_in(tmp_path: Path) -> None:
    """Make copies it to .venv/bin; it needs no installation, and no folder to call it from."""
    binaries = tmp_path / "check out" / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "lambake").write_bytes((ROOT / "infra/cli/launcher").read_bytes())
    (binaries / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "check out" / "infra").symlink_to(ROOT / "infra")
    for file in binaries.iterdir():
        file.chmod(0o755)
    command = [str(binaries / "lambake"), "plan", "--simulated-cloud=x"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("lambake plan: error: argument --simulated-")


def test_an_installation_has_the_command() -> None:
    """What `pip install` and `uv sync` make a script of is the command line."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    script = scripts["scripts"]["lambake"]
    assert EntryPoint("lambake", script, "console_scripts").load() is main


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """That of pyproject.toml."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"lambake {version_of(ROOT)}\n")


def test_the_shell_completes(tmp_path: Path) -> None:
    """A command's flag, by argcomplete."""
    line, found = "lambake run --ha", tmp_path / "found"
    asks = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    told = os.environ | asks | {"_ARGCOMPLETE_STDOUT_FILENAME": str(found)}
    subprocess.run([sys.executable, "-m", "infra"], cwd=ROOT, env=told, check=True)
    assert found.read_text() == "--handler "


def test_a_copy_says_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pip install .` leaves the models and the cloud's description behind."""
    monkeypatch.setattr("infra.cli.set_up.CHECKOUT", tmp_path)
    assert main(["run"]) == 2
    said = "lambake: expected a checkout: install it with pip install -e .\n"
    assert capsys.readouterr().err == said


def test_what_installs_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whose environment it is: make's, another beside it, or the only one."""
    monkeypatch.setattr("infra.cli.set_up.CHECKOUT", tmp_path)
    theirs = tmp_path / "theirs"
    lock = "infra/cloud/requirements.txt"
    assert what_installs("cloud", theirs) == f"run {theirs}/bin/python -m pip install -r {lock}"
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/lambake").touch()
    assert what_installs("cloud", tmp_path / ".venv") == "run make .venv/.cloud"
    said = f"{theirs} is another environment: run .venv/bin/lambake"
    assert what_installs("cloud", theirs) == said


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[StageOptions]:
    """Have the stage only note what it is asked for."""
    noted: list[StageOptions] = []

    def stage_of(options: StageOptions) -> NoReturn:
        noted.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("infra.cli.deploy.stage_of", stage_of)
    monkeypatch.setattr("infra.cli.invoke.stage_of", stage_of)
    return noted


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000", "http://[::1]:5000", "http://cloud:65535"]
)
def test_an_address(url: str, asked: list[StageOptions]) -> None:
    """It arrives as it came; a slash behind it is dropped."""
    for given in (url, f"{url}/"):
        registry = url.removeprefix("http://")
        main(["deploy", "--simulated-cloud", given, "--registry", registry])
    assert [one.simulated_cloud for one in asked] == [url, url]
    assert [getattr(one, "registry", None) for one in asked] == [registry, registry]


def test_a_simulated_cloud_has_a_stage(asked: list[StageOptions]) -> None:
    """`invoke --simulated-cloud URL` asks the cloud's stage dev, not the function here."""
    main(["invoke", "--simulated-cloud", "http://127.0.0.1:5000"])
    main(["invoke", "--stage", "prod"])
    assert [one.stage for one in asked] == ["dev", "prod"]


@pytest.mark.parametrize("given", [["--name", "x"], ["--url", "http://127.0.0.1:9001"]])
def test_the_local_function_and_a_stage(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both at once is a contradiction, and said."""
    said = refused(["invoke", "--stage", "dev", *given], capsys)
    assert said == "--name and --url are the local function's, --stage the cloud's"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the list and, as a sentence, in its own help; examples begin as they are typed."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    sentence = re.search(r"^[A-Z][^:]*\.$", shown, re.MULTILINE)
    assert sentence, shown
    for example in re.findall(r"example:\n  (.*)", shown):
        assert example.startswith(f".venv/bin/lambake {command} ")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(rf"^    {command} +[a-z]", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("package", "arguments", "needs"),
    [
        ("botocore", "status", "image"),
        ("boto3", "plan", "image"),
        ("cyclonedx", "image", "image"),
        ("moto", "cloud", "cloud"),
        ("moto", "demo", "cloud"),
        ("psutil", "run --once", "run"),
        ("yaml", "invoke", "image"),
        ("yaml", "manifest cloud-run --image a/b:1", "run"),
        ("boto3", "bulk s3://a/ s3://b/", "run"),
    ],
)
def test_packages_that_are_not_set_up(package: str, arguments: str, needs: str) -> None:
    """One line names the package and the target that sets it up, which there is."""
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from infra.cli import main; sys.exit(main({arguments.split()!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    command = arguments.split()[0]
    assert (done.returncode, done.stderr) == (
        2,
        f"lambake {command}: the package {package} is not installed: run make .venv/.{needs}\n",
    )
    assert f"\n.venv/.{needs}: " in (ROOT / "Makefile").read_text(encoding="utf-8")


def failing(error: BaseException) -> Callable[..., int]:
    """An act that fails."""

    def act(*_: object) -> int:
        raise error

    return act


@pytest.mark.parametrize("module", ["infra.cli.invoke", "tomllib", None])
def test_a_module_of_ours_that_is_missing_is_no_package(
    module: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours, or of this Python, keeps its trace."""

    monkeypatch.setattr(
        "infra.cli.invoke._invoke_here", failing(ModuleNotFoundError("gone", name=module))
    )
    with pytest.raises(ModuleNotFoundError):
        main(["invoke"])


def test_an_import_that_fails_otherwise_is_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that a package lacks is told with its trace."""

    error = ImportError("cannot import name 'x' from 'moto'", name="moto")
    monkeypatch.setattr("infra.cli.invoke._invoke_here", failing(error))
    with pytest.raises(ImportError):
        main(["invoke"])


def test_stopped_before_it_began(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while a command's packages are being loaded leaves no trace on the screen."""

    monkeypatch.setattr("infra.cli.invoke._invoke_here", failing(KeyboardInterrupt()))
    assert main(["invoke"]) == 130
    assert capsys.readouterr().err == "\n"
