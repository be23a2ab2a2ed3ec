"""
Which version has the traffic, which had it before, and the way back to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.release.deployments import Deployments
from infra.release.errors import NotDeployed, Refused
from infra.release.target import ALIAS, Target

Say = Callable[[str], None]


def live_version(target: Target) -> str:
    """
    Give the version that has the traffic, or most of it.
    """
    version: str = _alias(target)["FunctionVersion"]
    return version


def weights(target: Target) -> dict[str, float]:
    """
    Give the versions that have a part of the traffic, with their shares from 0 to 1.
    """
    routing = _alias(target).get("RoutingConfig") or {}
    return dict(routing.get("AdditionalVersionWeights") or {})


def give_all(target: Target, version: str) -> None:
    """
    Give one version all of the traffic, at once.
    """
    target.client("lambda").update_alias(
        FunctionName=target.name,
        Name=ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": {}},
    )


def versions(target: Target) -> list[int]:
    """
    List the published versions, oldest first.
    """
    pages = target.client("lambda").get_paginator("list_versions_by_function")
    found = [
        int(version["Version"])
        for page in pages.paginate(FunctionName=target.name)
        for version in page["Versions"]
        if version["Version"] != "$LATEST"
    ]
    return sorted(found)


def previous_version(target: Target) -> str | None:
    """
    Give the version that had the traffic before the live one, if it is still there.

    It is not always the number before: that one may have been refused.
    """
    live, there = live_version(target), versions(target)
    for deployment in Deployments(target).of_statuses(["Succeeded"]):
        if deployment.target == live and not deployment.is_rollback:
            return deployment.current if int(deployment.current or 0) in there else None
    return None


def roll_back(target: Target, say: Say) -> tuple[str, str]:
    """
    Send all traffic to the version that had it before; a canary under way is stopped instead.

    Returns:
        The version that had the traffic or a part of it, and the one that has all of it now.

    Raises:
        Refused: there is none before.
    """
    current = live_version(target)
    deployments = Deployments(target)
    running = deployments.under_way()
    if running is not None and not running.is_rollback:
        say(f"stopping deployment {running.identifier}")
        deployments.stop(running.identifier)
        give_all(target, current)
        return running.target, current
    before = previous_version(target)
    if before is None:
        raise Refused(f"expected a version that was live before {current} to go back to, came none")
    give_all(target, before)
    return current, before


def remove_superseded(target: Target) -> list[int]:
    """
    Delete what is older than the live version, but for the one to go back to.

    SnapStart's cache is paid for each version that is kept. What is newer was refused, or rolled
    back from; the next version to go live supersedes it.

    Returns:
        The versions that were deleted, oldest first.
    """
    live = live_version(target)
    kept = previous_version(target)
    superseded = [number for number in versions(target) if number < int(live)]
    if kept is None:
        superseded = superseded[:-1]  # no record of the one before: rather too many than too few
    client: Any = target.client("lambda")
    removed = [number for number in superseded if str(number) != kept]
    for number in removed:
        client.delete_function(FunctionName=target.name, Qualifier=str(number))
    return removed


def _alias(target: Target) -> dict[str, Any]:
    try:
        alias: dict[str, Any] = target.client("lambda").get_alias(
            FunctionName=target.name, Name=ALIAS
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise NotDeployed(target.stage) from error
        raise
    return alias
