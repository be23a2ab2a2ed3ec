"""The deployments that moto leaves `Created`, advanced by a thread while `advancing` runs."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.codedeploy.exceptions import CodeDeployException
from moto.codedeploy.models import CodeDeployBackend, DeploymentInfo

from infra.cloud.codedeploy.deployment import (
    ENDED,
    LambdaDeployment,
    Rules,
    rollback_of,
)
from infra.cloud.codedeploy.revision import Revision, RevisionError, revision_of
from infra.cloud.codedeploy.traffic import Shift, predefined_shift, shift_of

LOGGER = logging.getLogger(__name__)

# Accepts an asynchronous invocation of one of moto's functions.
Accept = Callable[[Any, bytes], None]
_PAUSE_S = 0.05


class DeploymentPlayer:
    """What moto's own records lack about deployments, by deployment id."""

    def __init__(self, accept: Accept, now_s: Callable[[], float] = time.time) -> None:
        """Take what invokes hooks, and a clock in seconds, which need not be the machine's."""
        self.now_s = now_s
        self.lock = threading.RLock()
        self.configs: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._accept = accept
        self._playing: dict[str, LambdaDeployment] = {}
        self._backends: dict[str, CodeDeployBackend] = {}
        self._rollbacks: dict[str, str] = {}

    def played(self, deployment_id: str) -> LambdaDeployment | None:
        """Return a deployment that is played here."""
        return self._playing.get(deployment_id)

    def require_none_active(self, backend: CodeDeployBackend, application: str, group: str) -> None:
        """Refuse a second deployment of a group; the text: CircleCI-Public/aws-ecs-orb#181."""
        with self.lock:
            for info in backend.deployments.values():
                playing = self._playing.get(info.deployment_id)
                same = (info.application_name, info.deployment_group_name) == (application, group)
                if same and playing is not None and playing.status not in ENDED:
                    raise CodeDeployException(
                        "DeploymentLimitExceededException",
                        f"The Deployment Group '{group}' already has an active Deployment "
                        f"'{info.deployment_id}'",
                    )

    def require_unused(self, backend: CodeDeployBackend, config: str) -> None:
        """Refuse to delete a configuration that a group or a running deployment uses."""
        with self.lock:
            groups = [one for some in backend.deployment_groups.values() for one in some.values()]
            under_way = [
                backend.deployments[identifier]
                for identifier, playing in self._playing.items()
                if playing.status not in ENDED and identifier in backend.deployments
            ]
            if any(one.deployment_config_name == config for one in (*groups, *under_way)):
                raise CodeDeployException(
                    "DeploymentConfigInUseException",
                    f"The deployment configuration {config} is still in use.",
                )

    def play(self, backend: CodeDeployBackend, info: DeploymentInfo) -> None:
        """Begin a deployment."""
        if info.application.compute_platform != "Lambda":
            return
        try:
            revision, rules = revision_of(info.revision), self._rules_of(backend, info)
        except RevisionError as error:
            del backend.deployments[info.deployment_id]
            raise CodeDeployException("InvalidRevisionException", str(error)) from error
        except CodeDeployException:
            del backend.deployments[info.deployment_id]
            raise
        with self.lock:
            self._backends[info.deployment_id] = backend
            self._playing[info.deployment_id] = LambdaDeployment(
                info.deployment_id, revision, rules
            )

    def advance(self) -> None:
        """Move all deployments on to the current time."""
        with self.lock:
            now_s = self.now_s()
            for deployment_id, playing in list(self._playing.items()):
                if playing.status in ENDED:
                    continue
                backend = self._backends[deployment_id]
                self._move(backend, playing, now_s)
                self._roll_back_if_due(backend, playing)

    def stop(self, deployment_id: str, *, roll_back: bool) -> None:
        """Stop a deployment on a user's request, unless it has ended."""
        with self.lock:
            playing = self._playing[deployment_id]
            if playing.status in ENDED:
                raise CodeDeployException(
                    "DeploymentAlreadyCompletedException",
                    f"The deployment {deployment_id} has already completed.",
                )
            playing.stop(self.now_s(), roll_back=roll_back)
            backend = self._backends[deployment_id]
            backend.deployments[deployment_id].status = playing.status
            self._roll_back_if_due(backend, playing)

    def rollback_info(self, deployment_id: str) -> dict[str, str]:
        """Return which deployment rolled this one back, or which one this one rolls back."""
        for failed, rollback in self._rollbacks.items():
            if failed == deployment_id:
                return {"rollbackDeploymentId": rollback}
            if rollback == deployment_id:
                return {
                    "rollbackTriggeringDeploymentId": failed,
                    "rollbackMessage": f"Deployment {rollback} rolls deployment {failed} back.",
                }
        return {}

    def _move(self, backend: CodeDeployBackend, playing: LambdaDeployment, now_s: float) -> None:
        try:
            playing.advance(now_s, _Places(backend, self._accept))
        except Exception as error:  # noqa: BLE001 - a function or alias that is not there
            LOGGER.warning("deployment %s: %s", playing.deployment_id, error)
            playing.status, playing.ended_s = "Failed", now_s
            playing.error = {"code": "INVALID_LAMBDA_CONFIGURATION", "message": str(error)}
        # moto lists deployments by the status that it knows.
        backend.deployments[playing.deployment_id].status = playing.status

    def _roll_back_if_due(self, backend: CodeDeployBackend, playing: LambdaDeployment) -> None:
        """Begin the deployment that returns the traffic, if one must follow."""
        if playing.status not in ENDED or not playing.rolls_back:
            return
        playing.rolls_back = False
        info = backend.deployments[playing.deployment_id]
        back = DeploymentInfo(
            info.application,
            info.deployment_group,
            info.revision,
            info.deployment_config_name,
            *[None] * 7,
            "codeDeployRollback",
        )
        backend.deployments[back.deployment_id] = back
        self._rollbacks[playing.deployment_id] = back.deployment_id
        self._backends[back.deployment_id] = backend
        self._playing[back.deployment_id] = rollback_of(playing, back.deployment_id)

    def _rules_of(self, backend: CodeDeployBackend, info: DeploymentInfo) -> Rules:
        group = info.deployment_group
        rollback = info.auto_rollback_configuration or group.auto_rollback_configuration or {}
        alarms: Any = info.override_alarm_configuration or group.alarm_configuration or {}
        watched = alarms.get("alarms") or [] if alarms.get("enabled") else []
        return Rules(
            shift=self._shift_of(backend, str(info.deployment_config_name)),
            alarms=tuple(alarm["name"] for alarm in watched),
            rolls_back_on=frozenset(rollback.get("events", ()) if rollback.get("enabled") else ()),
        )

    def _shift_of(self, backend: CodeDeployBackend, name: str) -> Shift:
        predefined = predefined_shift(name)
        if predefined is not None:
            return predefined
        config = self.configs.get((backend.account_id, backend.region_name, name))
        if config is None:
            raise CodeDeployException(
                "DeploymentConfigDoesNotExistException",
                f"The deployment configuration {name} does not exist.",
            )
        return shift_of(config.get("trafficRoutingConfig") or {})


class _Places:
    """The rest of moto, as a deployment sees it."""

    def __init__(self, backend: CodeDeployBackend, accept: Accept) -> None:
        self._lambda = lambda_backends[backend.account_id][backend.region_name]
        self._alarms = cloudwatch_backends[backend.account_id][backend.region_name]
        self._accept = accept

    def weigh(self, revision: Revision, version: str, weight: float) -> None:
        alias = self._lambda.get_alias(revision.alias, revision.function)
        at = alias.function_version
        if at not in (revision.current_version, version):
            raise LookupError(
                f"expected the alias {revision.alias} at version {revision.current_version}, "
                f"got {at}"
            )
        self._lambda.get_function(revision.function, version)  # raises if there is none
        if weight >= 1.0:
            alias.update(None, version, {})
        else:
            others: Any = {"AdditionalVersionWeights": {version: weight}}
            alias.update(None, revision.current_version, others)

    def call(self, function: str, payload: dict[str, str]) -> None:
        name, _, qualifier = function.rpartition(":function:")[2].partition(":")
        found = self._lambda.get_function(name, qualifier or None)
        self._accept(found, json.dumps(payload).encode())

    def alarms_of(self, names: Sequence[str]) -> list[str]:
        return [
            name
            for name in names
            if name in self._alarms.alarms and self._alarms.alarms[name].state_value == "ALARM"
        ]


@contextlib.contextmanager
def advancing(deployments: DeploymentPlayer) -> Iterator[None]:
    """Advance the deployments repeatedly while the block runs."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(_PAUSE_S):
            deployments.advance()

    thread = threading.Thread(target=run, name="lambake-deployments")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
