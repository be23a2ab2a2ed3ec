"""Which version has the traffic, which had it before, and how to roll back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.release.aws_errors import code_of
from infra.release.deployments import Deployment, Deployments
from infra.release.errors import NotDeployed, Refused
from infra.release.target import ALIAS, Say, Target


def live_version(target: Target) -> str:
    """Return the version that has the traffic, or most of it."""
    version: str = _alias(target)["FunctionVersion"]
    return version


def weights(target: Target) -> dict[str, float]:
    """Return the versions with a share of the traffic, and the shares from 0 to 1."""
    routing = _alias(target).get("RoutingConfig") or {}
    return dict(routing.get("AdditionalVersionWeights") or {})


def give_all(target: Target, version: str) -> None:
    """Give one version all of the traffic at once."""
    target.client("lambda").update_alias(
        FunctionName=target.name,
        Name=ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": {}},
    )


def versions(target: Target) -> list[int]:
    """Return the published versions, oldest first."""
    pages = target.client("lambda").get_paginator("list_versions_by_function")
    found = [
        int(version["Version"])
        for page in pages.paginate(FunctionName=target.name)
        for version in page["Versions"]
        if version["Version"] != "$LATEST"
    ]
    return sorted(found)


def publish(target: Target) -> str:
    """Publish the function and return the version: the newest, if nothing has changed.

    An apply that was cut off leaves code without a version, and the next plan finds no change.
    """
    client = target.client("lambda")
    client.get_waiter("function_updated_v2").wait(FunctionName=target.name)
    version: str = client.publish_version(FunctionName=target.name)["Version"]
    return version


def previous_version(target: Target) -> str | None:
    """Return the version that was live before, if it exists; not always the number before."""
    live, there = live_version(target), [str(version) for version in versions(target)]
    for deployment in _succeeded(target, live):
        if deployment.target == live and not deployment.is_rollback:
            return deployment.current if deployment.current in there else None
    return None


def roll_back(target: Target, say: Say) -> tuple[str, str]:
    """Return all traffic to the version that had it before; a running canary is stopped instead.

    Returns:
        The version that had the traffic or a share of it, and the one that has all of it now.
    """
    live_version(target)  # raises our own error for a missing stage, not CodeDeploy's
    deployments = Deployments(target)
    running = deployments.under_way()
    if running is not None and not running.is_rollback:
        say(f"stopping deployment {running.identifier}")
        if not deployments.stop(running.identifier):
            running = None  # it has just ended: roll back from what it made live
    current, shares = live_version(target), weights(target)
    if running is not None or shares:
        give_all(target, current)
        return next(iter(shares), running.target if running else current), current
    before = previous_version(target)
    if before is None:
        raise Refused(
            f"expected a version that was live before {current} to go back to, got none: "
            "deploy the commit that was"
        )
    give_all(target, before)
    return current, before


def remove_superseded(target: Target, say: Say) -> list[int]:
    """Delete versions older than the live one, except the previous one; return their numbers.

    SnapStart's cache is billed per version. A newer version was refused or rolled back; it is
    deleted once the next version is live.
    """
    live = live_version(target)
    kept = previous_version(target)
    superseded = [number for number in versions(target) if number < int(live)]
    if kept is None:
        superseded = superseded[:-1]  # no record of the previous one: keep one more
    client: Any = target.client("lambda")
    removed = []
    for number in superseded:
        if str(number) == kept:
            continue
        try:
            client.delete_function(FunctionName=target.name, Qualifier=str(number))
        except ClientError as error:
            if code_of(error) != "ResourceConflictException":
                raise
            say(f"version {number} stays: an alias of somebody else's is on it")
        else:
            removed.append(number)
    return removed


def _succeeded(target: Target, version: str) -> Iterator[Deployment]:
    """Yield the deployments that succeeded since a version was published, newest first; then all.

    A group's list is complete: all of it is read only if Lambda's time is misleading.
    """
    deployments = Deployments(target)
    since = _published_at(target, version)
    yield from deployments.of_statuses(["Succeeded"], since=since)
    yield from deployments.of_statuses(["Succeeded"])


def _published_at(target: Target, version: str) -> datetime:
    found = target.client("lambda").get_function_configuration(
        FunctionName=target.name, Qualifier=version
    )
    return datetime.fromisoformat(found["LastModified"])


def _alias(target: Target) -> dict[str, Any]:
    try:
        alias: dict[str, Any] = target.client("lambda").get_alias(
            FunctionName=target.name, Name=ALIAS
        )
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise NotDeployed(target.stage) from error
        raise
    return alias
