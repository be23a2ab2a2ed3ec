"""
Which version has the traffic: the canary, its end, and the way back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.release.errors import Refused
from infra.release.target import ALIAS, Target

ENDED: Final = frozenset({"Succeeded", "Failed", "Stopped"})
UNDER_WAY: Final = ["Created", "Queued", "InProgress", "Baking", "Ready"]
POLL_S: Final = 2.0
VERSIONS_KEPT: Final = 2
"""The live one, and one to go back to: SnapStart's cache is paid for each that is kept."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Watch:
    """
    Say what happens, and wait in between.
    """

    say: Say
    sleep: Callable[[float], None] = time.sleep
    poll_s: float = POLL_S


def live_version(target: Target) -> str:
    """
    Give the version that has the traffic, or most of it.
    """
    alias = target.client("lambda").get_alias(FunctionName=target.name, Name=ALIAS)
    version: str = alias["FunctionVersion"]
    return version


def shift(target: Target, release: Mapping[str, Any], version: str, watch: Watch) -> bool:
    """
    Give a version the traffic, by a canary; one that is under way already is taken up.

    Args:
        target: the stage.
        release: Terraform's output of that name: application, group, hook.
        version: the version that shall have it.
        watch: how to tell of it.

    Returns:
        Whether any traffic had to be moved.

    Raises:
        Refused: the hook, an alarm or somebody stopped it; the old version has the traffic.
    """
    codedeploy = target.client("codedeploy")
    running = _under_way(codedeploy, release)
    if running is not None and _target_version(codedeploy, running) != version:
        watch.say(f"waiting for deployment {running}, of another version, to end")
        _followed(target, running, watch)
        running = None
    if running is None:
        current = live_version(target)
        if current == version:
            return False
        running = _created(codedeploy, target, release, current, version)
        watch.say(f"deployment {running}: version {current} → {version}")
    else:
        watch.say(f"deployment {running} to version {version} is under way: taken up")
    info = _followed(target, running, watch)
    if info["status"] != "Succeeded":
        raise Refused(_why(info, version))
    return True


def roll_back(target: Target, release: Mapping[str, Any], say: Say) -> tuple[str, str]:
    """
    Send all traffic to the version before, at once; a canary under way is stopped first.

    Returns:
        The version that had the traffic, and the one that has it now.

    Raises:
        Refused: there is none before.
    """
    codedeploy, client = target.client("codedeploy"), target.client("lambda")
    running = _under_way(codedeploy, release)
    current = live_version(target)
    if running is not None:
        say(f"stopping deployment {running}")
        stopped = _target_version(codedeploy, running)
        codedeploy.stop_deployment(deploymentId=running, autoRollbackEnabled=True)
        _set(client, target, current)
        return stopped, current
    before = [number for number in versions(target) if number < int(current)]
    if not before:
        raise Refused(f"expected a version before {current} to go back to, came none")
    _set(client, target, str(before[-1]))
    return current, str(before[-1])


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


def remove_superseded(target: Target, *, keep: int = VERSIONS_KEPT) -> list[int]:
    """
    Delete the versions older than the live one and those kept to go back to.
    """
    live = int(live_version(target))
    older = [number for number in versions(target) if number < live]
    superseded = older[: max(0, len(older) - (keep - 1))]
    client = target.client("lambda")
    for number in superseded:
        client.delete_function(FunctionName=target.name, Qualifier=str(number))
    return superseded


def _set(client: Any, target: Target, version: str) -> None:
    client.update_alias(
        FunctionName=target.name,
        Name=ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": {}},
    )


def _under_way(codedeploy: Any, release: Mapping[str, Any]) -> str | None:
    found = codedeploy.list_deployments(
        applicationName=release["application"],
        deploymentGroupName=release["group"],
        includeOnlyStatuses=UNDER_WAY,
    )["deployments"]
    return found[0] if found else None


def _created(
    codedeploy: Any, target: Target, release: Mapping[str, Any], current: str, version: str
) -> str:
    properties = {
        "Name": target.name,
        "Alias": ALIAS,
        "CurrentVersion": current,
        "TargetVersion": version,
    }
    hook = release.get("hook_function")
    content = {
        "version": 0.0,
        "Resources": [{"function": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
        "Hooks": [{"BeforeAllowTraffic": hook}] if hook else [],
    }
    made = codedeploy.create_deployment(
        applicationName=release["application"],
        deploymentGroupName=release["group"],
        revision={
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": json.dumps(content)},
        },
    )
    identifier: str = made["deploymentId"]
    return identifier


def _target_version(codedeploy: Any, deployment: str) -> str:
    revision = codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]["revision"]
    (resource,) = json.loads(revision["appSpecContent"]["content"])["Resources"]
    version: str = next(iter(resource.values()))["Properties"]["TargetVersion"]
    return version


def _followed(target: Target, deployment: str, watch: Watch) -> dict[str, Any]:
    """
    Tell of each step of a deployment, until it and its rollback are over.
    """
    codedeploy = target.client("codedeploy")
    said = ""
    while True:
        info: dict[str, Any] = codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
        now = _now(codedeploy, deployment, info["status"])
        if now != said:
            watch.say(now)
            said = now
        if info["status"] in ENDED:
            back = (info.get("rollbackInfo") or {}).get("rollbackDeploymentId")
            if back:
                watch.say("giving the traffic back")
                _followed(target, back, watch)
            return info
        watch.sleep(watch.poll_s)


def _now(codedeploy: Any, deployment: str, status: str) -> str:
    if status in ENDED:
        return status.lower()
    listed = codedeploy.list_deployment_targets(deploymentId=deployment)["targetIds"]
    found = codedeploy.batch_get_deployment_targets(deploymentId=deployment, targetIds=listed)
    for one in found["deploymentTargets"]:
        told = one["lambdaTarget"]
        steps = [e for e in told["lifecycleEvents"] if e["status"] == "InProgress"]
        if steps and steps[0]["lifecycleEventName"] == "BeforeAllowTraffic":
            return "the pre-traffic hook asks the golden vectors"
        weight = told["lambdaFunctionInfo"]["targetVersionWeight"]
        return f"{weight:.0%} of the traffic"
    return status


def _why(info: Mapping[str, Any], version: str) -> str:
    error = info.get("errorInformation") or {}
    reason = error.get("message") or info["status"]
    return f"version {version} did not keep the traffic ({error.get('code', '?')}): {reason}"
