"""Shift traffic to a new version by a canary: CodeDeploy shifts, this module watches."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from botocore.exceptions import ClientError

from infra.release.deployments import ENDED, Deployment, Deployments, Step
from infra.release.errors import Refused
from infra.release.target import Say, Target
from infra.release.traffic import give_all, live_version, weights

POLL_S: Final = 2.0
TOLD_AGAIN_S: Final = 30.0
"""The longest silence while nothing changes."""

_HOOK_STEP = "BeforeAllowTraffic"
_SHIFT_STEP = "AllowTraffic"
_HOOK_FAILED = "HOOK_EXECUTION_FAILURE"
_LATELY_S = 3600.0
_LOOKS = 5


@dataclass(frozen=True)
class Watch:
    """How to report progress, and how to wait."""

    say: Say
    sleep: Callable[[float], None] = time.sleep
    poll_s: float = POLL_S
    now_s: Callable[[], float] = time.time


def shift(target: Target, version: str, hook: str | None, watch: Watch) -> bool:
    """Shift the traffic to a version by a canary, or follow one that is already under way.

    Returns whether any traffic had to be moved. Refused: the hook, an alarm or a user stopped it,
    and the old version has the traffic.
    """
    deployments = Deployments(target)
    running = _begin(target, deployments, version, hook, watch)
    if running is None:
        return False
    ended = _follow(target, deployments, running, watch)
    if ended.status != "Succeeded":
        _take_back(target, deployments, watch)
        raise Refused(_why(target, ended, hook, watch))
    live = live_version(target)
    if live != version:
        raise Refused(f"expected version {version} to have the traffic, it is {live}'s")
    return True


def _begin(
    target: Target, deployments: Deployments, version: str, hook: str | None, watch: Watch
) -> Deployment | None:
    """Begin the deployment that moves the traffic to a version; None if it has the traffic."""
    while True:
        running = deployments.under_way()
        if running is not None and running.target == version and not running.is_rollback:
            watch.say(f"deployment {running.identifier} to version {version} is already under way")
            return running
        if running is not None:
            watch.say(f"waiting for deployment {running.identifier} to end, of another version")
            _follow(target, deployments, running, watch)
            continue
        _take_back(target, deployments, watch)
        current = live_version(target)
        _wait_until_active(target, version, watch)
        if current == version:
            return None
        made = deployments.create(current, version, hook)
        if made is not None:
            watch.say(f"deployment {made.identifier}: version {current} → {version}")
            return made
        watch.sleep(watch.poll_s)  # another deploy was faster: look for it


def _take_back(target: Target, deployments: Deployments, watch: Watch) -> None:
    """Take back a share of the traffic that no deployment moves any more."""
    if weights(target) and deployments.under_way() is None:
        current = live_version(target)
        watch.say(f"no deployment moves the traffic: version {current} gets all of it back")
        give_all(target, current)


def _wait_until_active(target: Target, version: str, watch: Watch) -> None:
    """Wait for a version: Lambda unpacks its image, and takes minutes for a snapshot."""
    client, said = target.client("lambda"), False
    while True:
        found = client.get_function_configuration(FunctionName=target.name, Qualifier=version)
        state = found.get("State")
        if state == "Failed":
            told = found.get("StateReason")
            raise Refused(f"version {version}: expected it to become active: {told}")
        if state != "Pending":
            return
        if not said:
            watch.say(f"waiting until Lambda has version {version} ready")
            said = True
        watch.sleep(watch.poll_s)


def _follow(
    target: Target, deployments: Deployments, deployment: Deployment, watch: Watch
) -> Deployment:
    """Report each step of a deployment, until it and its rollback have ended."""
    look = _Look(target, deployments, watch, deployment.identifier)
    said, quiet_s = "", 0.0
    while True:
        deployment = deployments.get(deployment.identifier)
        now = look.at(deployment)
        if now != said or quiet_s >= TOLD_AGAIN_S:
            watch.say(now)
            said, quiet_s = now, 0.0
        if deployment.status in ENDED:
            if deployment.rolled_back_by:
                _follow(target, deployments, deployments.get(deployment.rolled_back_by), watch)
            return deployment
        watch.sleep(watch.poll_s)
        quiet_s += watch.poll_s


class _Look:
    """The state of a deployment, as a line."""

    def __init__(
        self, target: Target, deployments: Deployments, watch: Watch, identifier: str
    ) -> None:
        self._target = target
        self._deployments = deployments
        self._now_s = watch.now_s
        self._alarms = deployments.alarms()
        self._identifier = identifier

    @cached_property
    def _minutes(self) -> int:
        return self._deployments.minutes_of(self._identifier) or self._target.aws.canary.minutes

    def at(self, deployment: Deployment) -> str:
        """Return the line."""
        if deployment.is_rollback:
            return "the old version gets the traffic back"
        if deployment.status in ENDED:
            return deployment.status.lower()
        # From the alias: CodeDeploy does not say whether its own weight is a percentage or a share.
        # Before the step: a shift that begins in between is seen at the next look.
        whole = float(live_version(self._target) == deployment.target)
        share = weights(self._target).get(deployment.target, whole)
        step = self._deployments.step_of(deployment.identifier)
        if step and step.name == _HOOK_STEP:
            return f"the hook sends version {deployment.target} the golden vectors"
        told = f"{share:.0%} of the traffic to version {deployment.target}"
        if not 0 < share < 1:
            return told
        if step and step.name == _SHIFT_STEP:
            told += f", for {self._left(step)} more"
        ringing = ringing_of(self._target, self._alarms)
        alarms = f"ringing: {', '.join(ringing)}" if ringing else "quiet"
        return f"{told}; {len(self._alarms)} alarms {alarms}"

    def _left(self, step: Step) -> str:
        """Return the time left; CodeDeploy may have begun before this command."""
        passed_s = self._now_s() - step.began.timestamp()
        left = min(math.ceil(self._minutes - passed_s / 60), self._minutes)
        if left < 1:
            return "a moment"
        return "1 minute" if left == 1 else f"{left} minutes"


def ringing_of(target: Target, alarms: list[str]) -> list[str]:
    """Return which of these alarms are in ALARM."""
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
    """Return the hook's complaints from its log, where a line takes some seconds to arrive."""
    for _ in range(_LOOKS):
        pages = target.client("logs").get_paginator("filter_log_events")
        try:
            found = pages.paginate(
                logGroupName=f"/aws/lambda/{hook}",
                startTime=int((time.time() - _LATELY_S) * 1000),
                filterPattern=f'"{deployment}"',
            ).build_full_result()
        except ClientError:
            break  # without access to the log, the refusal is still the error to report
        for event in found["events"]:
            with contextlib.suppress(ValueError):
                said = json.loads(event["message"])
                if isinstance(said, dict) and said.get("deployment") == deployment:
                    return [str(complaint) for complaint in said["complaints"]]
        watch.sleep(watch.poll_s)
    return [f"lambake logs --stage {target.stage} --hook shows why"]
