"""One deployment of a Lambda function, as CodeDeploy documents it.

    Created ──► BeforeAllowTraffic ──► AllowTraffic ──► AfterAllowTraffic ──► Succeeded
                        │                   │                   │
                        └── hook failed, or silent for an hour ─┴──► Failed
                                            └── alarm, stop ───────► Stopped

A deployment that ends badly returns the traffic in a deployment of its own (codeDeployRollback), if
its group rolls back for that reason. Nothing here knows moto: the things that a deployment changes
are passed in, and so is the time.

Source: AWS CodeDeploy User Guide, "Deployments on an AWS Lambda compute platform", "AppSpec 'hooks'
section for an AWS Lambda deployment", "Monitoring deployments with CloudWatch alarms".
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from infra.cloud.codedeploy.revision import Revision
from infra.cloud.codedeploy.traffic import Shift, weight_at

HOOK_LIMIT_S: Final = 3600.0
"""A hook that is silent for an hour has failed. Source: AppSpec 'hooks' section."""

BEFORE, ALLOW, AFTER = EVENTS = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
ENDED: Final = frozenset({"Succeeded", "Failed", "Stopped"})


class Places(Protocol):
    """The things that a deployment reads and changes."""

    def weigh(self, revision: Revision, version: str, weight: float) -> None:
        """Send a share of an alias's traffic, 0 to 1, to a version; the rest to the current one."""

    def call(self, function: str, payload: dict[str, str]) -> None:
        """Invoke a hook's function, without waiting for its answer."""

    def alarms_of(self, names: Sequence[str]) -> list[str]:
        """Return which of these alarms are in ALARM."""


@dataclass(frozen=True)
class Rules:
    """The settings of a deployment group."""

    shift: Shift
    alarms: tuple[str, ...] = ()
    rolls_back_on: frozenset[str] = frozenset()  # DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM, …


@dataclass
class LifecycleEvent:
    """One step of a deployment, with its start and end."""

    name: str
    status: str = "Pending"
    execution_id: str = ""
    started_s: float | None = None
    ended_s: float | None = None

    def end(self, status: str, now_s: float) -> None:
        """End the step."""
        self.status, self.ended_s = status, now_s


@dataclass
class LambdaDeployment:
    """A running deployment; `advance` moves it on."""

    deployment_id: str
    revision: Revision
    rules: Rules
    status: str = "Created"
    weight: float = 0.0
    error: dict[str, str] = field(default_factory=dict)
    rolls_back: bool = False  # whether a rollback must follow
    started_s: float | None = None
    ended_s: float | None = None
    events: list[LifecycleEvent] = field(
        default_factory=lambda: [LifecycleEvent(n) for n in EVENTS]
    )

    def advance(self, now_s: float, places: Places) -> None:
        """Do what is due now; an ended deployment stays unchanged."""
        while self.status not in ENDED and self._step(now_s, places):
            pass

    def report(self, execution_id: str, status: str, now_s: float) -> bool:
        """Record a hook's report; return whether that hook was awaited."""
        for event in self.events:
            if execution_id and event.execution_id == execution_id:
                if event.status != "InProgress":
                    return False
                event.end(status, now_s)
                return True
        return False

    def stop(self, now_s: float, *, roll_back: bool) -> None:
        """Stop it on a user's request."""
        self._end_badly("Stopped", "MANUAL_STOP", "The deployment was stopped by a user.", now_s)
        self.rolls_back = roll_back or "DEPLOYMENT_STOP_ON_REQUEST" in self.rules.rolls_back_on

    def _step(self, now_s: float, places: Places) -> bool:
        """Take one step, and return whether the next one may be due too."""
        if self.started_s is None:
            self.started_s, self.status = now_s, "InProgress"
        alarms = places.alarms_of(self.rules.alarms)
        if alarms:
            message = (
                "One or more alarms have been activated according to the Amazon CloudWatch metrics "
                "you selected, and the affected deployments have been stopped. Activated alarms: "
                f"<{', '.join(alarms)}>"
            )
            self._end_badly("Stopped", "ALARM_ACTIVE", message, now_s)
            self.rolls_back = "DEPLOYMENT_STOP_ON_ALARM" in self.rules.rolls_back_on
            return False
        event = next((e for e in self.events if e.status in ("Pending", "InProgress")), None)
        failed = next((e for e in self.events if e.status == "Failed"), None)
        if failed is not None:
            self._fail(f"The hook of {failed.name} reported that it failed.", now_s)
            return False
        if event is None:
            self.status, self.ended_s = "Succeeded", now_s
            return False
        if event.name == ALLOW:
            return self._shift(event, now_s, places)
        return self._run_hook(event, now_s, places)

    def _run_hook(self, event: LifecycleEvent, now_s: float, places: Places) -> bool:
        function = self.revision.hooks.get(event.name)
        if function is None:
            event.started_s = now_s
            event.end("Skipped", now_s)
            return True
        if event.started_s is None:
            event.started_s, event.status = now_s, "InProgress"
            event.execution_id = uuid.uuid4().hex
            payload = {
                "DeploymentId": self.deployment_id,
                "LifecycleEventHookExecutionId": event.execution_id,
            }
            places.call(function, payload)
        elif now_s - event.started_s >= HOOK_LIMIT_S:
            event.end("Failed", now_s)
            return True
        return False  # wait for the hook's report

    def _shift(self, event: LifecycleEvent, now_s: float, places: Places) -> bool:
        if event.started_s is None:
            event.started_s, event.status = now_s, "InProgress"
        weight = weight_at(self.rules.shift, now_s - event.started_s)
        if weight != self.weight:
            places.weigh(self.revision, self.revision.target_version, weight)
            self.weight = weight
        if weight < 1.0:
            return False
        event.end("Succeeded", now_s)
        return True

    def _fail(self, message: str, now_s: float) -> None:
        self._end_badly("Failed", "HOOK_EXECUTION_FAILURE", message, now_s)
        self.rolls_back = "DEPLOYMENT_FAILURE" in self.rules.rolls_back_on

    def _end_badly(self, status: str, code: str, message: str, now_s: float) -> None:
        self.status, self.ended_s = status, now_s
        self.error = {"code": code, "message": message}
        for event in self.events:
            if event.status == "InProgress":
                event.end("Failed", now_s)
            elif event.status == "Pending":
                event.status = "Skipped"


def rollback_of(ended: LambdaDeployment, deployment_id: str) -> LambdaDeployment:
    """Return the deployment that returns the traffic at once, without hooks."""
    return LambdaDeployment(deployment_id, ended.revision.reversed(), Rules(Shift()))


def target_of(playing: LambdaDeployment) -> dict[str, Any]:
    """Return a deployment as BatchGetDeploymentTargets' lambdaTarget, times in seconds."""
    revision = playing.revision
    return {
        "deploymentId": playing.deployment_id,
        "targetId": revision.target_id,
        "status": "Failed" if playing.status == "Stopped" else playing.status,
        "lifecycleEvents": [
            {
                "lifecycleEventName": event.name,
                "status": event.status,
                "startTime": event.started_s,
                "endTime": event.ended_s,
            }
            for event in playing.events
        ],
        "lambdaFunctionInfo": {
            "functionName": revision.function,
            "functionAlias": revision.alias,
            "currentVersion": revision.current_version,
            "targetVersion": revision.target_version,
            "targetVersionWeight": playing.weight,
        },
    }
