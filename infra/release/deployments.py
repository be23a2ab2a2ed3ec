"""CodeDeploy's records of one stage: past deployments, and the state of the current one."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import yaml
from botocore.exceptions import ClientError

from infra.release.aws_errors import code_of
from infra.release.target import ALIAS, Target

GROUP: Final = ALIAS
ENDED: Final = ("Succeeded", "Failed", "Stopped")
UNDER_WAY: Final = ("Created", "Queued", "InProgress", "Baking", "Ready")
_MOST_AT_ONCE = 25  # BatchGetDeployments accepts no more
_RUNS = "InProgress"


@dataclass(frozen=True)
class Deployment:
    """One deployment: the alias's traffic, moved from one version to another."""

    identifier: str
    status: str
    current: str
    target: str
    created: datetime
    is_rollback: bool  # CodeDeploy's own, after a failed one
    rolled_back_by: str | None
    code: str
    message: str

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Self:
        """Parse a DeploymentInfo."""
        carried = info.get("revision") or {}
        content = (carried.get("appSpecContent") or carried.get("string") or {}).get("content")
        properties = _properties_of(content or "")
        error = info.get("errorInformation") or {}
        return cls(
            identifier=info["deploymentId"],
            status=info["status"],
            current=str(properties.get("CurrentVersion", "")),
            target=str(properties.get("TargetVersion", "")),
            created=info["createTime"],
            is_rollback=info.get("creator") == "codeDeployRollback",
            rolled_back_by=(info.get("rollbackInfo") or {}).get("rollbackDeploymentId"),
            code=error.get("code", ""),
            message=error.get("message", ""),
        )


@dataclass(frozen=True)
class Step:
    """A lifecycle event of a deployment, with its start."""

    name: str
    began: datetime


class Deployments:
    """The deployments of one stage: read, begin and stop them."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client = target.client("codedeploy")
        self._group = {"applicationName": target.name, "deploymentGroupName": GROUP}

    def of_statuses(
        self, statuses: Sequence[str], *, since: datetime | None = None
    ) -> list[Deployment]:
        """Return those with one of the statuses, of all times or since one, newest first."""
        found: list[Deployment] = []
        for identifiers in self._identifiers(statuses, since):
            batch = self._client.batch_get_deployments(deploymentIds=identifiers)
            found += [Deployment.of(info) for info in batch["deploymentsInfo"]]
        return sorted(found, key=lambda one: one.created, reverse=True)

    def under_way(self) -> Deployment | None:
        """Return the one that is under way; CodeDeploy allows only one."""
        found = self.of_statuses(UNDER_WAY)
        return found[0] if found else None

    def get(self, identifier: str) -> Deployment:
        """Return a deployment."""
        info = self._client.get_deployment(deploymentId=identifier)["deploymentInfo"]
        return Deployment.of(info)

    def create(self, current: str, version: str, hook: str | None) -> Deployment | None:
        """Begin one, or return None if another is under way. The hook checks the version first."""
        properties = {
            "Name": self._target.name,
            "Alias": ALIAS,
            "CurrentVersion": current,
            "TargetVersion": version,
        }
        resource = {"Type": "AWS::Lambda::Function", "Properties": properties}
        content = {
            "version": 0.0,
            "Resources": [{"function": resource}],
            "Hooks": [{"BeforeAllowTraffic": hook}] if hook else [],
        }
        text = json.dumps(content)
        digest = hashlib.sha256(text.encode()).hexdigest()
        revision = {
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": text, "sha256": digest},
        }
        try:
            made = self._client.create_deployment(**self._group, revision=revision)
        except ClientError as error:
            if code_of(error) == "DeploymentLimitExceededException":
                return None
            raise
        return self.get(made["deploymentId"])

    def stop(self, identifier: str) -> bool:
        """Stop one, which returns the traffic; return False if it has already ended."""
        try:
            self._client.stop_deployment(deploymentId=identifier, autoRollbackEnabled=True)
        except ClientError as error:
            if code_of(error) == "DeploymentAlreadyCompletedException":
                return False
            raise
        return True

    def alarms(self) -> list[str]:
        """Return the alarms that CodeDeploy watches."""
        group = self._client.get_deployment_group(**self._group)["deploymentGroupInfo"]
        alarms = (group.get("alarmConfiguration") or {}).get("alarms") or []
        return [alarm["name"] for alarm in alarms]

    def minutes_of(self, identifier: str) -> int | None:
        """Return how long a canary keeps its share of the traffic; None if it is not a canary."""
        info = self._client.get_deployment(deploymentId=identifier)["deploymentInfo"]
        name = info["deploymentConfigName"]
        config = self._client.get_deployment_config(deploymentConfigName=name)
        routing = config["deploymentConfigInfo"].get("trafficRoutingConfig") or {}
        minutes: int | None = (routing.get("timeBasedCanary") or {}).get("canaryInterval")
        return minutes

    def step_of(self, identifier: str) -> Step | None:
        """Return the lifecycle event in progress; None before the first, and between two."""
        one = {"deploymentId": identifier}
        try:
            listed = self._client.list_deployment_targets(**one)["targetIds"]
            found = listed and self._client.batch_get_deployment_targets(**one, targetIds=listed)
        except ClientError as error:
            if code_of(error) == "DeploymentNotStartedException":
                return None
            raise
        targets = found["deploymentTargets"] if found else []
        events = [event for one in targets for event in one["lambdaTarget"]["lifecycleEvents"]]
        running = (event for event in events if event["status"] == _RUNS)
        steps = (Step(event["lifecycleEventName"], event["startTime"]) for event in running)
        return next(steps, None)

    def _identifiers(self, statuses: Sequence[str], since: datetime | None) -> Iterator[list[str]]:
        times = {"createTimeRange": {"start": since}} if since else {}
        pages = self._client.get_paginator("list_deployments").paginate(
            **self._group, includeOnlyStatuses=list(statuses), **times
        )
        listed = itertools.chain.from_iterable(page["deployments"] for page in pages)
        while batch := list(itertools.islice(listed, _MOST_AT_ONCE)):
            yield batch


def _properties_of(content: str) -> Mapping[str, Any]:
    """Return the function's properties in an AppSpec; empty for one in another form."""
    try:
        (resource,) = yaml.safe_load(content)["Resources"]
        (function,) = resource.values()
        properties: Mapping[str, Any] = dict(function["Properties"])
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError):
        return {}
    return properties
