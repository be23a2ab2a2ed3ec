"""CodeDeploy's operations in moto's web layer, replaced or added for a while."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from moto.codedeploy import responses
from moto.codedeploy.exceptions import CodeDeployException
from moto.codedeploy.models import CodeDeployBackend
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcfromtimestamp, utcnow

from infra.cloud.codedeploy.deployment import LambdaDeployment, target_of
from infra.cloud.codedeploy.service import Accept, DeploymentPlayer, advancing
from infra.cloud.codedeploy.traffic import predefined_shift
from infra.cloud.replaced import replaced


@contextlib.contextmanager
def codedeploy_played(accept: Accept, now_s: Callable[[], float]) -> Iterator[DeploymentPlayer]:
    """Play deployments by the clock `now_s` while the block runs; `accept` invokes hooks."""
    deployments = DeploymentPlayer(accept, now_s)
    operations = {
        "create_deployment": _create_deployment,
        "stop_deployment": _stop_deployment,
        "put_lifecycle_event_hook_execution_status": _put_hook_status,
        "list_deployment_targets": _list_targets,
        "batch_get_deployment_targets": _batch_get_targets,
        "create_deployment_config": _create_config,
        "get_deployment_config": _get_config,
        "delete_deployment_config": _delete_config,
    }
    answers = {name: _with(deployments, operation) for name, operation in operations.items()}
    answers |= {
        "list_deployments": _list_deployments,
        "update_deployment_group": _update_group,
        "delete_deployment_group": _delete_group,
        "delete_application": _delete_application,
    }
    with (
        replaced(*((CodeDeployResponse, *one) for one in answers.items()), create=True),
        replaced(
            (responses, "_deployment_info", _with(deployments, _tell_deployment)),
            (responses, "_deployment_group_info", _tell_group),
        ),
        advancing(deployments),
    ):
        yield deployments


def _with(
    deployments: DeploymentPlayer, operation: Callable[[DeploymentPlayer, Any], Any]
) -> Callable[[Any], Any]:
    """Make a method of moto's responses from an operation on the deployments."""
    return lambda response: operation(deployments, response)


_created = CodeDeployResponse.create_deployment
_listed = CodeDeployResponse.list_deployments
_told = responses._deployment_info
_told_of_group = responses._deployment_group_info


def _create_deployment(deployments: DeploymentPlayer, response: Any) -> Any:
    backend: CodeDeployBackend = response.codedeploy_backend
    with deployments.lock:
        application = response._get_param("applicationName")
        group = response._get_param("deploymentGroupName")
        deployments.require_none_active(backend, application, group)
        result = _created(response)
        deployments.play(backend, backend.deployments[result._result["deploymentId"]])
    return result


def _stop_deployment(deployments: DeploymentPlayer, response: Any) -> Any:
    identifier = response._get_param("deploymentId")
    response.codedeploy_backend.get_deployment(identifier)
    deployments.stop(identifier, roll_back=bool(response._get_param("autoRollbackEnabled")))
    return ActionResult({"status": "Succeeded"})


def _put_hook_status(deployments: DeploymentPlayer, response: Any) -> Any:
    identifier = response._get_param("deploymentId")
    execution = response._get_param("lifecycleEventHookExecutionId")
    status = response._get_param("status")
    response.codedeploy_backend.get_deployment(identifier)
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


def _list_deployments(response: Any) -> Any:
    """Refuse an unknown application or group; moto lists no deployments for it."""
    application, group = (
        response._get_param("applicationName"),
        response._get_param("deploymentGroupName"),
    )
    if application and group:
        response.codedeploy_backend.get_deployment_group(application, group)
    return _listed(response)


def _started(deployments: DeploymentPlayer, response: Any) -> LambdaDeployment:
    """Return the deployment whose targets are requested; before its start it has none."""
    identifier = response._get_param("deploymentId")
    response.codedeploy_backend.get_deployment(identifier)
    playing = deployments.played(identifier)
    if playing is None or playing.started_s is None:
        raise CodeDeployException(
            "DeploymentNotStartedException", f"The deployment {identifier} has not started."
        )
    return playing


def _list_targets(deployments: DeploymentPlayer, response: Any) -> Any:
    with deployments.lock:
        playing = _started(deployments, response)
        return ActionResult({"targetIds": [playing.revision.target_id]})


def _batch_get_targets(deployments: DeploymentPlayer, response: Any) -> Any:
    with deployments.lock:
        target = target_of(_started(deployments, response))
    for event in target["lifecycleEvents"]:
        for key in ("startTime", "endTime"):
            event[key] = event[key] and utcfromtimestamp(event[key])
    return ActionResult(
        {"deploymentTargets": [{"deploymentTargetType": "LambdaTarget", "lambdaTarget": target}]}
    )


def _tell_deployment(deployments: DeploymentPlayer, deployment: Any) -> dict[str, Any]:
    """Describe a deployment, with details that moto does not know."""
    told: dict[str, Any] = _told(deployment)
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


def _tell_group(group: Any) -> dict[str, Any]:
    """Describe a group, with details that moto keeps but does not show."""
    told: dict[str, Any] = _told_of_group(group)
    return told | {
        "alarmConfiguration": group.alarm_configuration or {},
        "loadBalancerInfo": group.load_balancer_info or None,
    }


def _config_key(response: Any, name: str) -> tuple[str, str, str]:
    return (response.current_account, response.region, name)


def _create_config(deployments: DeploymentPlayer, response: Any) -> Any:
    name = response._get_param("deploymentConfigName")
    key = _config_key(response, name)
    if key in deployments.configs:
        raise CodeDeployException(
            "DeploymentConfigAlreadyExistsException",
            f"The deployment configuration {name} already exists.",
        )
    identifier = str(uuid.uuid4())
    deployments.configs[key] = {
        "deploymentConfigId": identifier,
        "deploymentConfigName": name,
        "computePlatform": response._get_param("computePlatform") or "Server",
        "trafficRoutingConfig": response._get_param("trafficRoutingConfig"),
        "createTime": utcnow(),
    }
    return ActionResult({"deploymentConfigId": identifier})


def _get_config(deployments: DeploymentPlayer, response: Any) -> Any:
    name = response._get_param("deploymentConfigName")
    config = deployments.configs.get(_config_key(response, name))
    if config is None and predefined_shift(name) is not None:
        config = {"deploymentConfigName": name, "computePlatform": "Lambda"}
    if config is None:
        raise CodeDeployException(
            "DeploymentConfigDoesNotExistException",
            f"The deployment configuration {name} does not exist.",
        )
    return ActionResult({"deploymentConfigInfo": config})


def _delete_config(deployments: DeploymentPlayer, response: Any) -> Any:
    name = response._get_param("deploymentConfigName")
    deployments.require_unused(response.codedeploy_backend, name)
    deployments.configs.pop(_config_key(response, name), None)
    return EmptyResult()


def _update_group(response: Any) -> Any:
    backend: CodeDeployBackend = response.codedeploy_backend
    group = backend.get_deployment_group(
        response._get_param("applicationName"), response._get_param("currentDeploymentGroupName")
    )
    for parameter, attribute in (
        ("deploymentConfigName", "deployment_config_name"),
        ("serviceRoleArn", "service_role_arn"),
        ("alarmConfiguration", "alarm_configuration"),
        ("autoRollbackConfiguration", "auto_rollback_configuration"),
        ("deploymentStyle", "deployment_style"),
    ):
        value = response._get_param(parameter)
        if value is not None:
            setattr(group, attribute, value)
    return ActionResult({"hooksNotCleanedUp": []})


def _delete_group(response: Any) -> Any:
    groups = response.codedeploy_backend.deployment_groups
    groups.get(response._get_param("applicationName"), {}).pop(
        response._get_param("deploymentGroupName"), None
    )
    return ActionResult({"hooksNotCleanedUp": []})


def _delete_application(response: Any) -> Any:
    backend: CodeDeployBackend = response.codedeploy_backend
    name = response._get_param("applicationName")
    backend.applications.pop(name, None)
    backend.deployment_groups.pop(name, None)
    return EmptyResult()
