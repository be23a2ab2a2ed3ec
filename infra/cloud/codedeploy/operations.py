"""CodeDeploy's operations as moto's web layer has them, and those it lacks, put in for a while."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from moto.codedeploy import responses
from moto.codedeploy.exceptions import CodeDeployException
from moto.codedeploy.models import CodeDeployBackend
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcfromtimestamp, utcnow

from infra.cloud.codedeploy.deployment import LambdaDeployment, target_of
from infra.cloud.codedeploy.service import Accept, Deployments, advancing
from infra.cloud.codedeploy.traffic import predefined_shift


@contextlib.contextmanager
def codedeploy_played(accept: Accept, now_s: Callable[[], float]) -> Iterator[Deployments]:
    """
    Play deployments while the block runs.

    Args:
        accept: invokes a hook's function asynchronously.
        now_s: the deployments' clock, in seconds.
    """
    deployments = Deployments(accept, now_s)
    replaced = {
        "create_deployment": _create_deployment(deployments),
        "list_deployments": _list_deployments,
        "stop_deployment": _stop_deployment(deployments),
        "put_lifecycle_event_hook_execution_status": _put_hook_status(deployments),
        "list_deployment_targets": _list_targets(deployments),
        "batch_get_deployment_targets": _batch_get_targets(deployments),
        "create_deployment_config": _create_config(deployments),
        "get_deployment_config": _get_config(deployments),
        "delete_deployment_config": _delete_config(deployments),
        "update_deployment_group": _update_group,
        "delete_deployment_group": _delete_group,
        "delete_application": _delete_application,
    }
    with contextlib.ExitStack() as stack:
        for name, operation in replaced.items():
            stack.enter_context(patch.object(CodeDeployResponse, name, operation, create=True))
        info = _deployment_info(deployments, responses._deployment_info)
        stack.enter_context(patch.object(responses, "_deployment_info", info))
        group = _group_info(responses._deployment_group_info)
        stack.enter_context(patch.object(responses, "_deployment_group_info", group))
        stack.enter_context(advancing(deployments))
        yield deployments


Operation = Callable[[Any], Any]
_created = CodeDeployResponse.create_deployment
_listed = CodeDeployResponse.list_deployments


def _create_deployment(deployments: Deployments) -> Operation:
    def create_deployment(self: Any) -> Any:
        backend: CodeDeployBackend = self.codedeploy_backend
        with deployments.lock:
            application = self._get_param("applicationName")
            group = self._get_param("deploymentGroupName")
            deployments.require_none_active(backend, application, group)
            result = _created(self)
            deployments.play(backend, backend.deployments[result._result["deploymentId"]])
        return result

    return create_deployment


def _stop_deployment(deployments: Deployments) -> Operation:
    def stop_deployment(self: Any) -> Any:
        identifier = self._get_param("deploymentId")
        self.codedeploy_backend.get_deployment(identifier)
        deployments.stop(identifier, roll_back=bool(self._get_param("autoRollbackEnabled")))
        return ActionResult({"status": "Succeeded"})

    return stop_deployment


def _put_hook_status(deployments: Deployments) -> Operation:
    def put_lifecycle_event_hook_execution_status(self: Any) -> Any:
        identifier = self._get_param("deploymentId")
        execution = self._get_param("lifecycleEventHookExecutionId")
        status = self._get_param("status")
        self.codedeploy_backend.get_deployment(identifier)
        if status not in ("Succeeded", "Failed"):
            raise CodeDeployException(
                "InvalidLifecycleEventHookExecutionStatusException",
                "The status of a hook is Succeeded or Failed.",
            )
        with deployments.lock:
            playing = deployments.played(identifier)
            if playing is None or not playing.report(execution, status, deployments.now_s()):
                raise CodeDeployException(
                    "InvalidLifecycleEventHookExecutionIdException",
                    f"No hook of deployment {identifier} waits for this execution.",
                )
        return ActionResult({"lifecycleEventHookExecutionId": execution})

    return put_lifecycle_event_hook_execution_status


def _list_deployments(self: Any) -> Any:
    """
    Source: CodeDeploy API, ListDeployments: ApplicationDoesNotExistException and
    DeploymentGroupDoesNotExistException, where moto lists none.
    """
    application, group = self._get_param("applicationName"), self._get_param("deploymentGroupName")
    if application and group:
        self.codedeploy_backend.get_deployment_group(application, group)
    return _listed(self)


def _started(deployments: Deployments, response: Any) -> LambdaDeployment:
    """
    Find the deployment whose targets are asked for.

    Source: CodeDeploy API, ListDeploymentTargets and BatchGetDeploymentTargets.
    """
    identifier = response._get_param("deploymentId")
    response.codedeploy_backend.get_deployment(identifier)
    playing = deployments.played(identifier)
    if playing is None or playing.started_s is None:
        raise CodeDeployException(
            "DeploymentNotStartedException", f"The deployment {identifier} has not started."
        )
    return playing


def _list_targets(deployments: Deployments) -> Operation:
    def list_deployment_targets(self: Any) -> Any:
        with deployments.lock:
            playing = _started(deployments, self)
            return ActionResult({"targetIds": [playing.revision.target_id]})

    return list_deployment_targets


def _batch_get_targets(deployments: Deployments) -> Operation:
    def batch_get_deployment_targets(self: Any) -> Any:
        with deployments.lock:
            target = target_of(_started(deployments, self))
        for event in target["lifecycleEvents"]:
            for key in ("startTime", "endTime"):
                event[key] = event[key] and utcfromtimestamp(event[key])
        return ActionResult(
            {
                "deploymentTargets": [
                    {"deploymentTargetType": "LambdaTarget", "lambdaTarget": target}
                ]
            }
        )

    return batch_get_deployment_targets


def _deployment_info(
    deployments: Deployments, original: Callable[[Any], dict[str, Any]]
) -> Callable[[Any], dict[str, Any]]:
    """Tell of a deployment what moto does not know of it."""

    def info(deployment: Any) -> dict[str, Any]:
        told = original(deployment)
        with deployments.lock:
            playing = deployments.played(deployment.deployment_id)
            if playing is None:
                return told
            return told | {
                "status": playing.status,
                "startTime": playing.started_s and utcfromtimestamp(playing.started_s),
                "completeTime": playing.ended_s and utcfromtimestamp(playing.ended_s),
                "errorInformation": playing.error or None,
                "rollbackInfo": deployments.rollback_info(deployment.deployment_id) or None,
            }

    return info


def _group_info(original: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """Tell of a group what moto keeps but does not show."""

    def info(group: Any) -> dict[str, Any]:
        return original(group) | {
            "alarmConfiguration": group.alarm_configuration or {},
            "loadBalancerInfo": group.load_balancer_info or None,
        }

    return info


def _config_key(response: Any, name: str) -> tuple[str, str, str]:
    return (response.current_account, response.region, name)


def _create_config(deployments: Deployments) -> Operation:
    def create_deployment_config(self: Any) -> Any:
        name = self._get_param("deploymentConfigName")
        key = _config_key(self, name)
        if key in deployments.configs:
            raise CodeDeployException(
                "DeploymentConfigAlreadyExistsException",
                f"The deployment configuration {name} already exists.",
            )
        identifier = str(uuid.uuid4())
        deployments.configs[key] = {
            "deploymentConfigId": identifier,
            "deploymentConfigName": name,
            "computePlatform": self._get_param("computePlatform") or "Server",
            "trafficRoutingConfig": self._get_param("trafficRoutingConfig"),
            "createTime": utcnow(),
        }
        return ActionResult({"deploymentConfigId": identifier})

    return create_deployment_config


def _get_config(deployments: Deployments) -> Operation:
    def get_deployment_config(self: Any) -> Any:
        name = self._get_param("deploymentConfigName")
        config = deployments.configs.get(_config_key(self, name))
        if config is None and predefined_shift(name) is not None:
            config = {"deploymentConfigName": name, "computePlatform": "Lambda"}
        if config is None:
            raise CodeDeployException(
                "DeploymentConfigDoesNotExistException",
                f"The deployment configuration {name} does not exist.",
            )
        return ActionResult({"deploymentConfigInfo": config})

    return get_deployment_config


def _delete_config(deployments: Deployments) -> Operation:
    def delete_deployment_config(self: Any) -> Any:
        name = self._get_param("deploymentConfigName")
        deployments.require_unused(self.codedeploy_backend, name)
        deployments.configs.pop(_config_key(self, name), None)
        return EmptyResult()

    return delete_deployment_config


def _update_group(self: Any) -> Any:
    backend: CodeDeployBackend = self.codedeploy_backend
    group = backend.get_deployment_group(
        self._get_param("applicationName"), self._get_param("currentDeploymentGroupName")
    )
    for parameter, attribute in (
        ("deploymentConfigName", "deployment_config_name"),
        ("serviceRoleArn", "service_role_arn"),
        ("alarmConfiguration", "alarm_configuration"),
        ("autoRollbackConfiguration", "auto_rollback_configuration"),
        ("deploymentStyle", "deployment_style"),
    ):
        value = self._get_param(parameter)
        if value is not None:
            setattr(group, attribute, value)
    return ActionResult({"hooksNotCleanedUp": []})


def _delete_group(self: Any) -> Any:
    groups = self.codedeploy_backend.deployment_groups
    groups.get(self._get_param("applicationName"), {}).pop(
        self._get_param("deploymentGroupName"), None
    )
    return ActionResult({"hooksNotCleanedUp": []})


def _delete_application(self: Any) -> Any:
    backend: CodeDeployBackend = self.codedeploy_backend
    name = self._get_param("applicationName")
    backend.applications.pop(name, None)
    backend.deployment_groups.pop(name, None)
    return EmptyResult()
