"""
Where a release goes, and what of function.yaml it must find for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.errors import ConfigError
from infra.release.target import Target
from tests.infra.release.conftest import FUNCTION

AWS: dict[str, Any] = {"region": None, "state_bucket": None, "architecture": "arm64"}


def written(tmp_path: Path, **settings: Any) -> Path:
    """Write a function.yaml."""
    file = tmp_path / "function.yaml"
    file.write_text(yaml.safe_dump({"name": "f", "aws": AWS, **settings}))
    return file


def test_a_stage(tmp_path: Path) -> None:
    """Names and platform; the region is the file's, or that of the credentials."""
    target = Target.of(written(tmp_path, root="code"), "prod")
    assert (target.name, target.platform, target.region) == (
        "f-prod",
        "linux/arm64",
        "eu-central-1",
    )
    assert target.root == tmp_path / "code"
    there = Target.of(written(tmp_path, aws={**AWS, "region": "us-west-2"}), "prod")
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
        f"--stage: expected up to 12 small letters and digits, a letter first, came {stage!r}"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"aws": None}, "aws: expected a mapping with region, state_bucket, architecture"),
        ({"aws": {"region": 1}}, "aws: expected a mapping with region, state_bucket, architecture"),
        ({"aws": {**AWS, "architecture": "mips"}}, "aws.architecture: expected x86_64 or arm64"),
    ],
)
def test_settings_that_are_none(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    """What is missing or wrong is named."""
    with pytest.raises(ConfigError, match=said):
        Target.of(written(tmp_path, **settings), "dev")


def test_files_that_are_none(tmp_path: Path) -> None:
    """Neither a file nor YAML."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: expected a readable file"):
        Target.of(tmp_path / "nowhere.yaml", "dev")
    (tmp_path / "f.yaml").write_text("{")
    with pytest.raises(ConfigError, match=r"f\.yaml: expected YAML"):
        Target.of(tmp_path / "f.yaml", "dev")
