"""What stands under `aws:` in function.yaml is checked before anything is built."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from infra.local.errors import ConfigError
from infra.settings.cloud import CloudSettings
from tests.infra.release.staged import FUNCTION

MISSING = object()


def committed() -> dict[str, Any]:
    """Read the project's own settings."""
    settings: dict[str, Any] = yaml.safe_load(FUNCTION.read_text())["aws"]
    return settings


def changed(path: str, value: object) -> dict[str, Any]:
    """Give the project's own settings but for one."""
    settings = inner = committed()
    *parents, last = path.split(".")
    for key in parents:
        inner = inner[key]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    return settings


def test_the_projects_own() -> None:
    """They are taken as they stand, and say what they said."""
    assert CloudSettings.of(committed()).model_dump() == committed()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("region", "us-gov-west-1"),
        ("state_bucket", "states.of-mine"),
        ("reserved_concurrency", None),
        ("log_retention_days", 3653),
        ("api.jwt", {"issuer": "https://login.example.com/", "audience": ["me"]}),
        ("api.domain", {"name": "ml.example.com", "certificate_arn": "arn:aws:acm:eu-west-1:1:c"}),
        ("canary.percent", 99),
        ("canary.minutes", 2880),
        ("alarms.topics", ["arn:aws-cn:sns:cn-north-1:1:t"]),
        ("alarms.error_percent", 0.1),
        ("queue.batch_size", 10_000),
    ],
)
def test_what_is_taken(path: str, value: object) -> None:
    """Values at the ends of their ranges."""
    CloudSettings.of(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("region", "Frankfurt", "a region like eu-central-1, or null, got 'Frankfurt'"),
        ("region", 1, "a text, got 1"),
        ("state_bucket", "Mine", "the name of a bucket, or null, got 'Mine'"),
        ("architecture", "amd64", "'x86_64' or 'arm64', got 'amd64'"),
        ("tracing", "yes", "true or false, got 'yes'"),
        ("reserved_concurrency", -1, "greater than or equal to 0, got -1"),
        ("images_kept", MISSING, "a value, got None"),
        ("imagesKept", 3, "no such key, got 3"),
        ("api", None, "a mapping, got None"),
        ("api.auth", "open", "'iam', 'jwt' or 'none', got 'open'"),
        ("api.rate_per_s", "50", "a whole number, got '50'"),
        ("api.burst", True, "a whole number, got True"),
        ("queue.max_concurrency", 1, "greater than or equal to 2, got 1"),
        ("queue.window_s", 301, "less than or equal to 300, got 301"),
        ("buckets.bulk_prefix", "bulk", "a prefix like bulk/, got 'bulk'"),
        ("buckets.bulk_prefix", "/", "a prefix like bulk/, got '/'"),
        ("canary.percent", 0, "greater than or equal to 1, got 0"),
        ("canary.percent", 100, "less than or equal to 99, got 100"),
        ("canary.percent", 1.5, "a whole number, got 1.5"),
        ("canary.minutes", 2881, "less than or equal to 2880, got 2881"),
        ("alarms.topics", "arn:aws:sns:a:1:t", "a list, got 'arn:aws:sns:a:1:t'"),
        ("alarms.error_percent", 0, "greater than 0, got 0"),
        ("alarms.drift", "much", "a number, got 'much'"),
    ],
)
def test_what_is_refused(path: str, value: object, message: str) -> None:
    """Each by its key, with what was expected and what it got."""
    with pytest.raises(ConfigError) as refused:
        CloudSettings.of(changed(path, value))
    assert str(refused.value) == f"aws.{path}: expected {message}"


def test_what_is_refused_deeper() -> None:
    """A list's element is named by its place, a key of a mapping by its path."""
    for path, value, message in (
        ("alarms.topics", ["me"], "aws.alarms.topics[0]: expected the ARN of a topic, got 'me'"),
        (
            "api.jwt",
            {"issuer": "http://here", "audience": ["a"]},
            "aws.api.jwt.issuer: expected an address, https://…, got 'http://here'",
        ),
        (
            "api.domain",
            {"name": "ml.example.com", "certificate_arn": "arn:aws:iam::1:c"},
            "aws.api.domain.certificate_arn: expected the ARN of a certificate, "
            "got 'arn:aws:iam::1:c'",
        ),
    ):
        with pytest.raises(ConfigError) as refused:
            CloudSettings.of(changed(path, value))
        assert str(refused.value) == message


@pytest.mark.parametrize("aws", [None, [], "eu-central-1"])
def test_no_settings(aws: object) -> None:
    """Without `aws:` there is no cloud to go to."""
    with pytest.raises(ConfigError) as refused:
        CloudSettings.of(aws)
    assert str(refused.value) == f"aws: expected a mapping, got {aws!r}"
