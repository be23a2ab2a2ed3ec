"""`lambake invoke --stage STAGE`: what is live in a cloud, asked from the command line."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from infra import version_of
from infra.cli import deploy, main
from infra.containers import ContainerTool
from infra.image.build import Build
from infra.image.errors import ImageError
from infra.release.preflight import Tools
from infra.release.target import Target
from tests import ROOT
from tests.infra.cloud.clouds import until
from tests.infra.cloud.stages import Stage
from tests.infra.release.staged import FUNCTION

PAYLOAD = json.dumps({"model": "m", "rows": [[1]]})


def test_stdin(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a hyphen for the payload, as for the local function."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PAYLOAD))
    assert main(["invoke", "-", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["function_version"] == "1"


def test_tail(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The log's end goes to stderr, a failure's too; without --tail nothing does."""
    for payload, status in ((PAYLOAD, 0), ("{}", 1)):
        assert main(["invoke", payload, "--tail", *arguments]) == status
        told = capsys.readouterr()
        json.loads(told.out)
        assert "REPORT RequestId: " in told.err
    assert main(["invoke", PAYLOAD, *arguments]) == 0
    assert capsys.readouterr().err == ""


def test_event(stage: Stage, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It is taken, and run later; no answer is waited for."""
    group = f"/aws/lambda/{stage.function}"
    logs = stage.client("logs")
    logs.create_log_group(logGroupName=group)
    assert main(["invoke", PAYLOAD, "--event", *arguments]) == 0
    assert capsys.readouterr().out == "202 Accepted\n"
    until(lambda: logs.filter_log_events(logGroupName=group)["events"])


@pytest.mark.parametrize("given", [[], ["--event"]])
def test_a_stage_that_is_not_deployed(
    arguments: list[str], capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    """In our words, with what deploys it."""
    assert main(["invoke", *arguments, "--stage", "never", *given]) == 1
    assert capsys.readouterr().err == (
        "stage never: expected one that is deployed, got none: lambake deploy --stage never\n"
    )


@pytest.mark.parametrize("name", ["invoke", "rollback"])
def test_no_region(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """One line says what sets one."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    settings = yaml.safe_load(FUNCTION.read_text(encoding="utf-8"))
    settings["region"] = None
    function = tmp_path / "function.yaml"
    function.write_text(yaml.safe_dump(settings))
    assert main([name, "--stage", "dev", "--function", str(function)]) == 1
    assert capsys.readouterr().err == (
        "You must specify a region: export AWS_REGION=eu-central-1, or region in function.yaml\n"
    )


def test_images_have_tags_of_their_own(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages and checkouts that deploy at once do not take each other's image."""
    built: list[str] = []

    def make(_tool: object, build: Build, _say: object) -> NoReturn:
        built.append(build.tag)
        assert build.make == "deploy"
        raise ImageError

    monkeypatch.setattr("infra.image.report.make_image", make)
    tools = Tools("123456789012", "terraform", ContainerTool("podman", "podman"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(ROOT / "pyproject.toml", elsewhere)
    moved = yaml.safe_load(Path(arguments[5]).read_text(encoding="utf-8"))
    (elsewhere / "function.yaml").write_text(yaml.safe_dump({**moved, "root": "."}))
    for function, stage, cloud in (
        (FUNCTION, "dev", arguments[3]),
        (FUNCTION, "dev", arguments[3]),
        (FUNCTION, "prod", arguments[3]),
        (FUNCTION, "dev", None),
        (elsewhere / "function.yaml", "dev", arguments[3]),
    ):
        target = Target.of(function, stage, cloud)
        with pytest.raises(ImageError):
            deploy.job_of(target, deploy.Options()).images(tools, "registry/lambake-dev")
    assert built[0] == built[1]
    assert len(set(built)) == 4
    assert all(tag.startswith(f"lambake:{version_of(ROOT)}-") for tag in built)
