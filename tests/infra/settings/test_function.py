"""The function's settings: what is accepted, and what each refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import FUNCTION_FILE, Settings, read
from infra.settings.errors import ConfigError
from infra.settings.function import EventConfig, FunctionConfig
from tests import ROOT


def written(tmp_path: Path, text: str) -> Settings:
    """Read settings from a file."""
    path = tmp_path / "function.yaml"
    path.write_text(text)
    return read(path)


def test_the_repositorys_own_settings_are_read() -> None:
    """infra/function.yaml is valid, and its paths exist from wherever it is read."""
    config = read(ROOT / FUNCTION_FILE)
    assert (config.name, config.handler) == ("lambake", "function.entry.handler")
    assert config.root == ROOT
    assert config.sample is not None
    assert config.sample.path == "/models/digits/predict"
    assert config.sample.file.name == "7.png"


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    """Paths start at the file's folder; nested settings become objects."""
    config = written(
        tmp_path,
        """
        name: mine
        handler: app.handler
        root: code
        memory_mb: 256
        timeout_s: 3
        concurrency: 2
        environment: {A: "1"}
        aliases: {live: "7"}
        front_options: {stage: prod}
        events: {retries: 1, max_age_s: 60}
        sample: {path: /x, file: s.json, content_type: text/plain}
        region: eu-west-1
        """,
    )
    assert config.root == tmp_path / "code"
    assert config.environment == {"A": "1"}
    assert config.events == EventConfig(retries=1, max_age_s=60)
    assert config.sample is not None
    assert config.sample.file == tmp_path / "s.json"
    assert config.sample.content_type == "text/plain"
    assert config.arn == "arn:aws:lambda:eu-west-1:123456789012:function:mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("handler: a.b\nnope: 1", "nope: expected one of account_id, aliases, "),
        ("name: x", "handler: expected a dotted name like app.handler, got None"),
        ("- a", "function.yaml: expected a mapping of settings, got 'list'"),
        ("a: [", "function.yaml: expected YAML, got "),
        ("handler: a.b\nenvironment: {A: 1}", "environment.A: expected a string (quote numbers"),
        ("handler: a.b\nenvironment: [1]", "environment: expected a mapping of names to strings"),
        ("handler: a.b\nroot: 1", "root: expected a path, got 1"),
        ("handler: a.b\n1: 2", "1: expected one of account_id, "),
        ("handler: a.b\nregion: Frankfurt", "region: expected a region like eu-central-1, or null"),
        ("handler: a.b\naws: {}", "aws.state_bucket: expected a value, got None"),
        ("handler: a.b\nevents: 1", "events: expected a mapping, got 1"),
        ("handler: a.b\nevents: {x: 1}", "events.x: expected one of dead_letter, max_age_s"),
        ("handler: a.b\nsample: {path: x}", "sample.file: expected a value, got None"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The key, what was expected, and what came."""
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, text)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With its path."""
    path = tmp_path / "no.yaml"
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}: expected a readable file, got 'No such file or directory'"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "sp ace"}, "name: expected 1 to 64 letters, digits, hyphens or underscores"),
        ({"name": "x" * 65}, "name: expected 1 to 64 letters, digits, hyphens or underscores"),
        ({"handler": ""}, "handler: expected a dotted name like app.handler, got ''"),
        ({"account_id": "1"}, "account_id: expected 12 digits in quotes, got '1'"),
        ({"memory_mb": 127}, "memory_mb: expected a whole number from 128 to 10240, got 127"),
        ({"memory_mb": 10_241}, "memory_mb: expected a whole number from 128 to 10240, got 10241"),
        ({"memory_mb": 512.0}, "memory_mb: expected a whole number from 128 to 10240, got 512.0"),
        ({"memory_mb": True}, "memory_mb: expected a whole number from 128 to 10240, got True"),
        ({"timeout_s": 901}, "timeout_s: expected a number from 0.05 to 900, got 901"),
        ({"timeout_s": 0}, "timeout_s: expected a number from 0.05 to 900, got 0"),
        (
            {"image": "i", "isolated": True},
            "isolated: expected false where the function is an",
        ),
        ({"image": "i", "snap_start": True}, "snap_start: expected false where the function is an"),
        ({"events": {"retries": 3}}, "events.retries: expected a whole number from 0 to 2"),
        (
            {"events": {"retries": -1}},
            "events.retries: expected a whole number from 0 to 2",
        ),
        (
            {"events": {"max_age_s": 59}},
            "events.max_age_s: expected a whole number from 60 to",
        ),
        (
            {"events": {"max_age_s": 21_601}},
            "events.max_age_s: expected a whole number from 60",
        ),
        ({"tmp_mb": 511}, "tmp_mb: expected a whole number from 512 to 10240, got 511"),
        ({"concurrency": 0}, "concurrency: expected a whole number from 1 to 1000, got 0"),
        (
            {"provisioned_concurrency": 5},
            "provisioned_concurrency: expected a whole number from 0 to 4, got 5",
        ),
        (
            {"reserved_concurrency": -1},
            "reserved_concurrency: expected a whole number from 0 to 1000, got -1",
        ),
        ({"front": "cdn"}, "front: expected one of http_api, http_api_v1, rest_api, alb, "),
        ({"log_format": "text"}, "log_format: expected one of Text, JSON, got 'text'"),
        ({"shutdown": "slow"}, "shutdown: expected one of none, internal, external, got 'slow'"),
        (
            {"environment": {"AWS_REGION": "x"}},
            "environment.AWS_REGION: expected a name that is not reserved, got 'a reserved one'",
        ),
        (
            {"environment": {"A-B": "x"}},
            "environment.A-B: expected a name of letters, digits and underscores, got 'A-B'",
        ),
        ({"environment": {"A": "x\0"}}, "environment.A: expected text without NUL, got 'x\\x00'"),
        (
            {"environment": {"A": "x" * 4_096}},
            "environment: expected at most 4096 bytes, got '4097 bytes'",
        ),
    ],
)
def test_a_wrong_setting_is_refused(changes: dict[str, Any], message: str) -> None:
    """As the service refuses it when a function is created."""
    config = FunctionConfig(handler="a.b")
    with pytest.raises(ConfigError) as caught:
        config.replace(**changes)
    assert str(caught.value).startswith(message)


def test_the_limit_is_the_lower_of_two() -> None:
    """This machine's and the function's own."""
    config = FunctionConfig(handler="a.b", concurrency=4)
    assert config.limit == 4
    assert config.replace(reserved_concurrency=2).limit == 2
    assert config.replace(reserved_concurrency=9).limit == 4


def test_the_region(tmp_path: Path) -> None:
    """One for emulator and cloud; without it each takes its own, and can tell that."""
    there = written(tmp_path, "handler: a.b\nregion: eu-west-3")
    assert (there.region, "region" in there.model_fields_set) == ("eu-west-3", True)
    for text in ("handler: a.b", "handler: a.b\nregion: null"):
        anywhere = written(tmp_path, text)
        assert (anywhere.region, "region" in anywhere.model_fields_set) == ("us-east-1", False)
    assert anywhere.root == tmp_path


def test_versions() -> None:
    """$LATEST is always there, aliases as configured."""
    config = FunctionConfig(handler="a.b", aliases={"live": "7"})
    asked = (None, "$LATEST", "live", "7")
    assert [config.version_of(x) for x in asked] == ["$LATEST", "$LATEST", "7", None]


def test_every_setting_in_the_repositorys_file_is_explained() -> None:
    """A comment beside or above each key that is not plain."""
    text = (ROOT / FUNCTION_FILE).read_text()
    for key in yaml.safe_load(text):
        if key in ("name", "handler", "root", "aws"):
            continue
        index = text.index(f"\n{key}:")
        line = text[index + 1 : text.index("\n", index + 1)]
        before = text[:index].rstrip("\n").rsplit("\n", 1)[-1]
        assert "#" in line or before.startswith("#"), key
