"""What a release needs of this machine, checked before anything changes."""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.containers import ContainerTool, NoContainerTool, find_container_tool
from infra.release.aws_errors import LOG_IN, code_of, explained, remedy_of
from infra.release.errors import NotReady
from infra.release.target import Target
from infra.release.terraform import MINIMUM, find_terraform

LEFT_FREE: Final = 100
"""
Environments that no function may reserve; all of them if an account has fewer.

Source: AWS Lambda developer guide, "Configuring reserved concurrency"; the error of accounts that
have 10, "below its minimum value of [10]".
"""

_REPOSITORY = re.compile(r"(?P<account>\d+)\.dkr\.ecr\.(?P<region>[^.]+)\.")


@dataclass(frozen=True)
class Tools:
    """The tools that were found."""

    account: str
    terraform: str
    containers: ContainerTool | None  # None: the command builds nothing


def find_tools(
    target: Target,
    *,
    builds: bool,
    registry: str | None = None,
    terraform: Callable[[], tuple[str, tuple[int, int]] | None] = find_terraform,
    containers: Callable[[], ContainerTool] = find_container_tool,
) -> Tools:
    """Find the tools, the region and the credentials; NotReady lists everything that is missing."""
    missing: list[str] = []
    program = terraform()
    if program is None:
        missing.append(
            "terraform: expected it on the PATH, got neither terraform nor tofu: "
            "https://developer.hashicorp.com/terraform/install or https://opentofu.org"
        )
    elif program[1] < MINIMUM:
        at_least, got = (".".join(map(str, version)) for version in (MINIMUM, program[1]))
        missing.append(f"{program[0]}: expected version {at_least} or later, got {got}: update it")
    found: ContainerTool | None = None
    if builds:
        try:
            found = containers()
        except NoContainerTool as error:
            missing.append(f"containers: {error}")
        missing += _registry(target, registry)
    account = _account(target, missing)
    if builds and account:
        missing += _concurrency(target)
    if missing or program is None:
        raise NotReady(missing)
    return Tools(account, program[0], found)


def require_same_place(target: Target, outputs: Mapping[str, Any]) -> None:
    """Refuse a stage whose outputs show another account or region."""
    stands = _REPOSITORY.match(outputs.get("repository_url", ""))
    if stands is None:
        return
    got = {
        "account": str(target.client("sts").get_caller_identity()["Account"]),
        "region": str(target.region),
    }
    elsewhere = [
        f"{what}: expected {stands[what]}, where {target.name} stands, got {here}: "
        "go there, or take another --stage for this one"
        for what, here in got.items()
        if here != stands[what]
    ]
    if elsewhere:
        raise NotReady(elsewhere)


def _concurrency(target: Target) -> list[str]:
    """Compare what the function reserves with what the account has left; a new account has ten."""
    key = "reserved_concurrency"
    own_key = key in target.settings.model_fields_set  # Terraform also prefers it
    reserved = (target.settings if own_key else target.aws).reserved_concurrency
    if reserved is None:
        return []
    client = target.client("lambda")
    try:
        limits = client.get_account_settings()["AccountLimit"]
        own = _reserved_already(client, target.name)
    except ClientError:
        return []  # the user may reserve without permission to ask
    free = limits["UnreservedConcurrentExecutions"] + own
    most = free - min(LEFT_FREE, limits["ConcurrentExecutions"])
    if reserved <= most:
        return []
    setting = f"{'' if own_key else 'aws.'}{key} in {target.function_file.name}"
    remedy = f"{most} or less" if most > 0 else "null"
    return [
        f"{setting}: expected {max(most, 0)} at most in this account, which has "
        f"{limits['ConcurrentExecutions']} environments, got {reserved}: set it to {remedy}, or "
        "ask AWS for more (Service Quotas, Lambda, Concurrent executions)"
    ]


def _reserved_already(client: Any, name: str) -> int:
    try:
        found = client.get_function_concurrency(FunctionName=name)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return 0
        raise
    return int(found.get("ReservedConcurrentExecutions", 0))


def _registry(target: Target, registry: str | None) -> list[str]:
    """Check for a registry: a simulated cloud has ECR's records, but no place for layers."""
    if not target.simulated:
        return []
    remedy = (
        "apt install docker-registry, or any registry on this machine, and --registry HOST:PORT"
    )
    if registry is None:
        return [f"registry: expected one for the simulated cloud's images, got none: {remedy}"]
    try:
        with urllib.request.urlopen(f"http://{registry}/v2/", timeout=5):
            return []
    except (OSError, ValueError, http.client.HTTPException):
        return [f"registry: expected one to answer at {registry}, none did: {remedy}"]


def _account(target: Target, missing: list[str]) -> str:
    """Return the caller's account; errors are added to `missing`."""
    if not target.region:
        missing.append(
            "region: expected one, got none: export AWS_REGION=eu-central-1, or region in "
            f"{target.function_file.name}"
        )
        if boto3.session.Session().get_credentials() is None:
            missing.append(f"credentials: expected some, got none: {LOG_IN}")
        return ""
    try:
        account: str = target.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        if target.simulated:
            missing.append(
                f"cloud: expected one at {target.simulated}, got {type(error).__name__}: "
                "is `lambake cloud` running?"
            )
        else:
            unknown = "" if remedy_of(error) else f": {LOG_IN}"
            missing.append(f"credentials: {explained(error)}{unknown}")
        return ""
    return account
