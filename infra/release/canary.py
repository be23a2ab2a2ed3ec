"""
Give a new version the traffic by a canary, and watch it: CodeDeploy shifts, we tell of it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

from infra.release.deployments import ENDED, Deployment, Deployments
from infra.release.errors import Refused
from infra.release.target import Target
from infra.release.traffic import give_all, live_version, weights

POLL_S: Final = 2.0
TOLD_AGAIN_S: Final = 30.0
"""How long nothing is said while nothing changes."""

_HOOK_STEP = "BeforeAllowTraffic"
_HOOK_FAILED = "HOOK_EXECUTION_FAILURE"
_LATELY_S = 3600.0
_LOOKS = 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Watch:
    """
    Say what happens, and wait in between.
    """

    say: Say
    sleep: Callable[[float], None] = time.sleep
    poll_s: float = POLL_S


def shift(target: Target, version: str, hook: str | None, watch: Watch) -> bool:
    """
    Give a version the traffic, by a canary; one that is under way already is taken up.

    Args:
        target: the stage.
        version: the version that shall have the traffic.
        hook: the name of the function that is asked before it gets any.
        watch: how to tell of it.

    Returns:
        Whether any traffic had to be moved.

    Raises:
        Refused: the hook, an alarm or somebody stopped it; the old version has the traffic.
    """
    deployments = Deployments(target)
    running = deployments.under_way()
    if running is not None and (running.is_rollback or running.target != version):
        watch.say(f"waiting for deployment {running.identifier} to end, of another version")
        _followed(target, deployments, running, watch)
        running = None
    if running is not None:
        watch.say(f"deployment {running.identifier} to version {version} is taken up")
    else:
        current = live_version(target)
        if weights(target):
            watch.say(f"nobody moves the traffic: version {current} gets all of it back")
            give_all(target, current)
        if current == version:
            return False
        _wait_until_active(target, version)
        running = deployments.create(current, version, hook)
        watch.say(f"deployment {running.identifier}: version {current} → {version}")
    ended = _followed(target, deployments, running, watch)
    if ended.status != "Succeeded":
        raise Refused(_why(target, ended, hook, watch))
    live = live_version(target)
    if live != version:
        raise Refused(f"expected version {version} to have the traffic, it is {live}'s")
    return True


def _wait_until_active(target: Target, version: str) -> None:
    """
    Wait for a version: with SnapStart its snapshot takes minutes.
    """
    waiter = target.client("lambda").get_waiter("published_version_active")
    try:
        waiter.wait(FunctionName=target.name, Qualifier=version)
    except WaiterError as error:
        answer: Mapping[str, Any] = error.last_response
        told = answer.get("StateReason") or error
        raise Refused(f"version {version}: expected it to become active: {told}") from error


def _followed(
    target: Target, deployments: Deployments, deployment: Deployment, watch: Watch
) -> Deployment:
    """
    Tell of each step of a deployment, until it and its rollback are over.
    """
    alarms = deployments.alarms()
    said, quiet_s = "", 0.0
    while True:
        deployment = deployments.get(deployment.identifier)
        now = _now(target, deployments, deployment, alarms)
        if now != said or quiet_s >= TOLD_AGAIN_S:
            watch.say(now)
            said, quiet_s = now, 0.0
        if deployment.status in ENDED:
            if deployment.rolled_back_by:
                _followed(target, deployments, deployments.get(deployment.rolled_back_by), watch)
            return deployment
        watch.sleep(watch.poll_s)
        quiet_s += watch.poll_s


def _now(
    target: Target, deployments: Deployments, deployment: Deployment, alarms: list[str]
) -> str:
    if deployment.is_rollback:
        return "the old version gets the traffic back"
    if deployment.status in ENDED:
        return deployment.status.lower()
    step, share = deployments.step_of(deployment.identifier)
    if step == _HOOK_STEP:
        return f"the hook asks version {deployment.target} the golden vectors"
    ringing = ringing_of(target, alarms)
    told = f"ringing: {', '.join(ringing)}" if ringing else "quiet"
    minutes = target.aws["canary"]["minutes"]
    return (
        f"{share:.0%} of the traffic to version {deployment.target}, for {minutes} minutes; "
        f"{len(alarms)} alarms {told}"
        if 0 < share < 1
        else f"{share:.0%} of the traffic to version {deployment.target}"
    )


def ringing_of(target: Target, alarms: list[str]) -> list[str]:
    """
    Name those alarms that are in ALARM.
    """
    if not alarms:
        return []
    described = target.client("cloudwatch").describe_alarms(AlarmNames=alarms)["MetricAlarms"]
    return [alarm["AlarmName"] for alarm in described if alarm["StateValue"] == "ALARM"]


def _why(target: Target, ended: Deployment, hook: str | None, watch: Watch) -> str:
    complaints = []
    if hook and ended.code == _HOOK_FAILED:
        complaints = _complaints(target, ended.identifier, hook, watch)
    reason = ended.message or ended.status
    return (
        f"version {ended.target} did not get the traffic, version {live_version(target)} keeps it: "
        f"{reason}" + "".join(f"\n  {complaint}" for complaint in complaints)
    )


def _complaints(target: Target, deployment: str, hook: str, watch: Watch) -> list[str]:
    """
    Read in the hook's log what it had against a deployment; a line takes some seconds to get there.
    """
    for _ in range(_LOOKS):
        try:
            found = target.client("logs").filter_log_events(
                logGroupName=f"/aws/lambda/{hook}",
                startTime=int((time.time() - _LATELY_S) * 1000),
                filterPattern=f'"{deployment}"',
            )
        except ClientError:
            break  # the log has it; that we may not read it there is no reason to fail otherwise
        for event in found["events"]:
            with contextlib.suppress(ValueError):
                said = json.loads(event["message"])
                if isinstance(said, dict) and said.get("deployment") == deployment:
                    return [str(complaint) for complaint in said["complaints"]]
        watch.sleep(watch.poll_s)
    return [f"python -m infra logs --stage {target.stage} --hook shows why"]
