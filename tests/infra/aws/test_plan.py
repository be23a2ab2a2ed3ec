"""The plan of a stage, held against every rule; and the rules, held against spoiled plans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.cloud.cloud import cloud
from infra.settings.function import FunctionConfig
from tests.infra.aws.data_rules import ANYWHERE
from tests.infra.aws.plan import Fault, Plan, spoiled
from tests.infra.aws.planted import FAULTS, RULES
from tests.infra.aws.rules import Rule
from tests.infra.aws.terraform import Terraform, attached

DOMAIN = {
    "name": "ml.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
}

PAGE = "https://app.example.com"


@pytest.fixture(scope="module")
def planner(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """Return Terraform with a cloud in which nothing stands."""
    with cloud(FunctionConfig(handler="unused.handler"), port=0) as box:
        terraform = Terraform(program, tmp_path_factory.mktemp("plan"), cloud=box.url)
        with attached(terraform):
            yield terraform


@pytest.fixture(scope="module")
def full(planner: Terraform) -> tuple[dict[str, Any], str]:
    """Plan a stage with all that is a choice: hook, Function URL, domain, snapshot, pages."""
    package = planner.folder / "hook.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))
    function = planner.function(
        "full.yaml",
        api={"domain": DOMAIN},
        alarms={"email": "ml@example.com"},
        function_url=True,
        top={"snap_start": True, "environment": {"LAMBAKE_CORS_ORIGINS": f"{PAGE}, http://b:1"}},
    )
    return planner.plan(function_file=function, hook_package=str(package))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(full: tuple[dict[str, Any], str], rule: Rule) -> None:
    """The plan keeps it."""
    assert rule(Plan.from_json(full[0])) == []


def test_no_exception_is_left_over(full: tuple[dict[str, Any], str]) -> None:
    """Each action that may be granted anywhere is granted so, and needed."""
    anywhere = {
        action
        for _, statement in Plan.from_json(full[0]).statements()
        if statement.get("Resource") == "*"
        for action in statement["Action"]
    }
    assert anywhere == set(ANYWHERE)


def test_nothing_is_on_its_way_out(full: tuple[dict[str, Any], str]) -> None:
    """The files are valid, and the provider warns of nothing in them."""
    assert "Warning" not in full[1]


def test_choices_are_on(full: tuple[dict[str, Any], str]) -> None:
    """One setting makes snapshots of the published versions, one a second address."""
    plan = Plan.from_json(full[0])
    function = next(one for one in plan.all("lambda_function") if one.values["snap_start"])
    assert function.block("snap_start")["apply_on"] == "PublishedVersions"
    (url,) = plan.all("lambda_function_url")
    assert (url.values["qualifier"], url.values["authorization_type"]) == ("live", "AWS_IAM")
    assert len(plan.all("apigatewayv2_domain_name")) == 1


@pytest.mark.parametrize(
    ("rule", "address", "fault"),
    [
        pytest.param(rule, f"aws_{address}", fault, id=f"{rule.__name__}-{address}-{number}")
        for rule, places in FAULTS.items()
        for address, faults in places.items()
        for number, fault in enumerate(faults)
    ],
)
def test_rule_finds(
    full: tuple[dict[str, Any], str], rule: Rule, address: str, fault: Fault
) -> None:
    """Of all rules, only the one that is broken reports it."""
    plan = Plan.from_json(spoiled(full[0], address, fault))
    assert [one.__name__ for one in RULES if one(plan)] == [rule.__name__]
