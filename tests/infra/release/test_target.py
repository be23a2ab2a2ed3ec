"""Where a release goes, and what of function.yaml it must find for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.release.target import Target
from infra.settings.errors import ConfigError
from tests.infra.release.staged import FUNCTION

SETTINGS: dict[str, Any] = yaml.safe_load(FUNCTION.read_text(encoding="utf-8"))
AWS: dict[str, Any] = {**SETTINGS["aws"], "architecture": "arm64"}


def written(tmp_path: Path, **settings: Any) -> Path:
    """Write a function.yaml."""
    file = tmp_path / "function.yaml"
    file.write_text(yaml.safe_dump({**SETTINGS, "name": "f", "aws": AWS, **settings}))
    return file


def test_a_stage(tmp_path: Path) -> None:
    """Names and platform; the region is the file's, or that of the credentials."""
    target = Target.of(written(tmp_path, root="code"), "prod")
    assert (target.name, target.platform) == ("f-prod", "linux/arm64")
    assert target.region == "eu-central-1"
    assert target.root == tmp_path / "code"
    there = Target.of(written(tmp_path, region="us-west-2"), "prod")
    assert there.region == "us-west-2"
    assert there.client("lambda").meta.region_name == "us-west-2"


def test_a_simulated_cloud_needs_no_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has one of its own."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    file = written(tmp_path)
    assert Target.of(file, "dev", "http://127.0.0.1:1").region == "us-east-1"
    assert Target.of(file, "dev").region is None


@pytest.mark.parametrize("stage", ["Prod", "", "1st", "a-b", "a" * 13])
def test_no_stage(stage: str) -> None:
    """The name of a stage is part of all names."""
    with pytest.raises(ConfigError) as refused:
        Target.of(FUNCTION, stage)
    assert str(refused.value) == (
        f"--stage: expected up to 12 small letters and digits, a letter first, got {stage!r}"
    )


def test_the_region_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Terraform looks for it: the file, AWS_REGION, and what else boto3 knows of."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert Target.of(written(tmp_path), "dev").region == "eu-west-3"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert Target.of(written(tmp_path), "dev").region == "eu-west-3"
    assert Target.of(written(tmp_path), "dev", environ={}).region == "eu-west-2"
    there = written(tmp_path, region="us-west-2")
    assert Target.of(there, "dev").region == "us-west-2"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"aws": None}, "aws: expected a mapping, got None"),
        ({"timeout_s": 0.5}, "timeout_s: expected whole seconds in the cloud, got 0.5"),
        ({"name": 5}, "name: expected 1 to 64 letters, digits, hyphens or underscores, got 5"),
    ],
)
def test_settings_that_are_none(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    """What the cloud needs is asked for here, the rest where function.yaml is read."""
    with pytest.raises(ConfigError) as refused:
        Target.of(written(tmp_path, **settings), "dev")
    assert str(refused.value) == said
