"""What stands under `aws:` in function.yaml is checked before anything is built."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from infra.settings import FUNCTION_FILE, Settings
from infra.settings.errors import ConfigError
from tests import ROOT

MISSING = object()
JWT = {"issuer": "https://login.example.com/", "audience": ["me"]}
DOMAIN = {"name": "ml.example.com", "certificate_arn": "arn:aws:acm:eu-west-1:1:c"}


def committed() -> dict[str, Any]:
    """Read the project's own settings."""
    aws: dict[str, Any] = yaml.safe_load((ROOT / FUNCTION_FILE).read_text())["aws"]
    return aws


def check(aws: object) -> Settings:
    """Check what a function.yaml has under `aws:`."""
    return Settings(handler="a.b").replace(aws=aws)


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the project's own settings, with a token and a domain, but for one."""
    settings = inner = committed()
    settings["api"] |= {"jwt": dict(JWT), "domain": dict(DOMAIN)}
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
    aws = check(committed()).aws
    assert aws is not None
    assert aws.model_dump() == committed()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("state_bucket", "states.of-mine"),
        ("reserved_concurrency", None),
        ("log_retention_days", 3653),
        ("kms_key", "arn:aws:kms:eu-west-1:1:key/1"),
        ("alarms.email", "ml@example.com"),
        ("api.jwt", None),
        ("api.domain", None),
        ("canary.percent", 99),
        ("canary.minutes", 2880),
        ("alarms.topics", ["arn:aws-cn:sns:cn-north-1:1:t"]),
        ("alarms.error_percent", 0.1),
        ("queue.batch_size", 10_000),
    ],
)
def test_what_is_taken(path: str, value: object) -> None:
    """Values at the ends of their ranges."""
    check(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("state_bucket", "Mine", "the name of a bucket, or null, got 'Mine'"),
        ("architecture", "amd64", "one of x86_64, arm64, got 'amd64'"),
        ("tracing", "yes", "true or false, got 'yes'"),
        ("kms_key", "alias/mine", "the ARN of a key, or null, got 'alias/mine'"),
        ("alarms.email", "me", "an address like ml@example.com, or null, got 'me'"),
        ("reserved_concurrency", -1, "a whole number, 0 or more, got -1"),
        ("log_retention_days", 2, "one of 1, 3, 5, 7, 14, 30, 60, 90, "
         "120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, got 2"),
        ("images_kept", MISSING, "a value, got None"),
        ("images_kept", 2, "a whole number, 3 or more, got 2"),
        ("api", None, "a mapping, got None"),
        ("api.auth", "open", "one of iam, jwt, none, got 'open'"),
        ("api.rate_per_s", "50", "a whole number, 1 or more, got '50'"),
        ("api.burst", True, "a whole number, 1 or more, got True"),
        ("api.jwt.issuer", "http://here", "an address, https://…, got 'http://here'"),
        ("api.domain.certificate_arn", "arn:aws:iam::1:c", "the ARN of a certificate, got "
         "'arn:aws:iam::1:c'"),
        ("queue.max_concurrency", 1, "a whole number from 2 to 1000, got 1"),
        ("queue.window_s", 301, "a whole number from 0 to 300, got 301"),
        ("buckets.bulk_prefix", "bulk", "a prefix like bulk/, got 'bulk'"),
        ("buckets.bulk_prefix", "/", "a prefix like bulk/, got '/'"),
        ("canary.percent", 0, "a whole number from 1 to 99, got 0"),
        ("canary.percent", 100, "a whole number from 1 to 99, got 100"),
        ("canary.percent", 1.5, "a whole number from 1 to 99, got 1.5"),
        ("canary.minutes", 2881, "a whole number from 1 to 2880, got 2881"),
        ("alarms.topics", "arn", "a list, got 'arn'"),
        ("alarms.topics[0]", ["me"], "the ARN of a topic, got 'me'"),
        ("alarms.error_percent", 0, "a number above 0 and at most 100, got 0"),
        ("alarms.error_percent", 101, "a number above 0 and at most 100, got 101"),
        ("alarms.drift", "much", "a number above 0, got 'much'"),
    ],
)  # fmt: skip
def test_what_is_refused(path: str, value: object, message: str) -> None:
    """Each by its key, with what was expected and what it got."""
    with pytest.raises(ConfigError) as refused:
        check(changed(path.removesuffix("[0]"), value))
    assert str(refused.value) == f"aws.{path}: expected {message}"


def test_an_unknown_key() -> None:
    """The known ones are named."""
    with pytest.raises(ConfigError) as refused:
        check(changed("canary.imagesKept", 3))
    assert str(refused.value) == (
        "aws.canary.imagesKept: expected one of minutes, percent, got 'imagesKept'"
    )


@pytest.mark.parametrize("aws", [[], "eu-central-1"])
def test_no_settings(aws: object) -> None:
    """Only a mapping is."""
    with pytest.raises(ConfigError) as refused:
        check(aws)
    assert str(refused.value) == f"aws: expected a mapping, got {aws!r}"
