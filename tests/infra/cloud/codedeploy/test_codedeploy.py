"""CodeDeploy behind moto: a real hook checks, and traffic really moves and comes back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloud.codedeploy.service import DeploymentPlayer
from tests.infra.cloud.clouds import created, told, until
from tests.infra.cloud.stages import GROUP, PROMOTED_S, Stage

IN_USE = "DeploymentConfigInUseException"


def ended(info: dict[str, Any]) -> tuple[str, str]:
    """Return how a deployment ended, and why."""
    return info["status"], info["errorInformation"]["code"]


def test_a_good_version_is_promoted(stage: Stage) -> None:
    """Hook, a tenth of the calls, then all of them."""
    new = stage.publish("yes")
    deployment = stage.deploy("1", new)
    until(lambda: stage.alias()[1] == {new: 0.1})
    client = stage.client("lambda")
    payload = json.dumps({"model": "m", "rows": [[1]]})
    answers = Counter[str]()
    while len(answers) < 2 and answers.total() < 300:  # P(only one version in 300) = 1e-14
        answer = client.invoke(FunctionName=stage.function, Qualifier="live", Payload=payload)
        version = told(answer)["function_version"]
        assert answer["ExecutedVersion"] == version
        answers[version] += 1
    assert set(answers) == {"1", new}
    stage.clock.at_s += PROMOTED_S
    info = stage.ends(deployment)
    assert (info["status"], info["creator"]) == ("Succeeded", "user")
    assert stage.alias() == (new, {})
    (target,) = stage.client("codedeploy").batch_get_deployment_targets(
        deploymentId=deployment, targetIds=[f"{stage.function}:live"]
    )["deploymentTargets"]
    events = target["lambdaTarget"]["lifecycleEvents"]
    assert [event["status"] for event in events] == ["Succeeded", "Succeeded", "Skipped"]


@pytest.mark.parametrize("answer", ["no", "fails"])
def test_a_version_that_answers_otherwise_gets_no_traffic(stage: Stage, answer: str) -> None:
    """The golden vectors stop it before its first call, and the alias has not moved."""
    new = stage.publish(answer)
    info = stage.ends(stage.deploy("1", new))
    assert ended(info) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert stage.rolled_back(info["deploymentId"])["creator"] == "codeDeployRollback"
    assert stage.alias() == ("1", {})


def test_an_alarm_gives_the_traffic_back(stage: Stage) -> None:
    """In the canary's minutes the alarm goes off: all calls go to the old version again."""
    new = stage.publish("yes")
    deployment = stage.deploy("1", new)
    until(lambda: stage.alias()[1] == {new: 0.1})
    stage.ring()
    info = stage.ends(deployment)
    assert ended(info) == ("Stopped", "ALARM_ACTIVE")
    back = stage.rolled_back(deployment)
    assert back["status"] == "Succeeded"
    assert back["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    assert stage.alias() == ("1", {})


def test_one_at_a_time(stage: Stage) -> None:
    """A second deployment of a group is refused while the first is under way; a stop ends it."""
    new = stage.publish("yes")
    deployment = stage.deploy("1", new, hook=False)
    with pytest.raises(ClientError) as refused:
        stage.deploy("1", new)
    assert refused.value.response["Error"] == {
        "Code": "DeploymentLimitExceededException",
        "Message": f"The Deployment Group 'live' already has an active Deployment '{deployment}'",
    }
    until(lambda: stage.alias()[1] == {new: 0.1})
    codedeploy = stage.client("codedeploy")
    under_way = {"deploymentGroupName": GROUP, "includeOnlyStatuses": ["InProgress"]}
    listed = codedeploy.list_deployments(applicationName=stage.application, **under_way)
    assert listed["deployments"] == [deployment]
    codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    assert stage.info(deployment)["status"] == "Stopped"
    stage.rolled_back(deployment)
    assert stage.alias() == ("1", {})
    with pytest.raises(ClientError, match="DeploymentAlreadyCompletedException"):
        codedeploy.stop_deployment(deploymentId=deployment)


def code_of(call: Callable[..., object], **asked: Any) -> str:
    """Return the code by which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**asked)
    return str(refused.value.response["Error"]["Code"])


def test_what_has_not_started_has_no_targets(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a list of them nor their state; a moment later it has one."""
    codedeploy = stage.client("codedeploy")
    moved: list[str] = []
    advance = DeploymentPlayer.advance
    monkeypatch.setattr(DeploymentPlayer, "advance", lambda self: moved and advance(self))
    one = {"deploymentId": stage.deploy("1", stage.publish("yes"), hook=False)}
    its = {**one, "targetIds": [f"{stage.function}:live"]}
    not_started = "DeploymentNotStartedException"
    assert code_of(codedeploy.list_deployment_targets, **one) == not_started
    assert code_of(codedeploy.batch_get_deployment_targets, **its) == not_started
    moved.append("on")
    until(lambda: stage.alias()[1] != {})
    assert codedeploy.list_deployment_targets(**one)["targetIds"] == its["targetIds"]
    (target,) = codedeploy.batch_get_deployment_targets(**its)["deploymentTargets"]
    assert target["lambdaTarget"]["status"] == "InProgress"
    codedeploy.stop_deployment(**one)


def test_what_is_not_there(stage: Stage) -> None:
    """An application and a group that nobody made have no deployments, and are no empty ones."""
    codedeploy = stage.client("codedeploy")
    elsewhere = {"applicationName": "nowhere", "deploymentGroupName": GROUP}
    no_group = {"applicationName": stage.application, "deploymentGroupName": "nobody"}
    for call in (codedeploy.list_deployments, codedeploy.get_deployment_group):
        assert code_of(call, **elsewhere) == "ApplicationDoesNotExistException"
        assert code_of(call, **no_group) == "DeploymentGroupDoesNotExistException"
    assert stage.deployments() == []


def test_a_configuration_in_use(stage: Stage) -> None:
    """It stays while a group has it, and while a deployment runs by it; then it goes."""
    codedeploy = stage.client("codedeploy")
    config = stage.configure(5)
    group = {"applicationName": stage.application, "currentDeploymentGroupName": GROUP}
    codedeploy.update_deployment_group(**group, **config)
    assert code_of(codedeploy.delete_deployment_config, **config) == IN_USE
    deployment = stage.deploy("1", stage.publish("yes"), hook=False)
    codedeploy.update_deployment_group(
        **group, deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"
    )
    assert code_of(codedeploy.delete_deployment_config, **config) == IN_USE
    codedeploy.stop_deployment(deploymentId=deployment)
    codedeploy.delete_deployment_config(**config)


def test_a_deployment_that_is_refused_is_none(stage: Stage) -> None:
    """By a configuration that is not there: nothing is left that would look like one."""
    with pytest.raises(ClientError, match="DeploymentConfigDoesNotExistException"):
        stage.deploy("1", "1", deploymentConfigName="CodeDeployDefault.Nothing")
    assert stage.deployments() == []


def test_an_alias_that_is_elsewhere(stage: Stage) -> None:
    """A deployment from a version that is not live fails, and moves nothing."""
    second, third = stage.publish("yes"), stage.publish("yes")
    info = stage.ends(stage.deploy(second, third, hook=False))
    assert ended(info) == ("Failed", "INVALID_LAMBDA_CONFIGURATION")
    assert stage.alias() == ("1", {})


def test_what_a_release_removes(stage: Stage) -> None:
    """Groups, configurations and applications, which moto alone cannot remove."""
    codedeploy = stage.client("codedeploy")
    config = stage.configure(5)
    told = codedeploy.get_deployment_config(**config)["deploymentConfigInfo"]
    canary = {"canaryPercentage": 10, "canaryInterval": 5}
    assert told["trafficRoutingConfig"] == {"type": "TimeBasedCanary", "timeBasedCanary": canary}
    codedeploy.delete_deployment_config(**config)
    refused = code_of(codedeploy.get_deployment_config, **config)
    assert refused == "DeploymentConfigDoesNotExistException"
    codedeploy.delete_deployment_group(applicationName=stage.application, deploymentGroupName=GROUP)
    codedeploy.delete_application(applicationName=stage.application)
    assert stage.application not in codedeploy.list_applications()["applications"]


def test_the_hook_reads_only_its_own_function(stage: Stage) -> None:
    """A deployment of another function is refused by the hook, which says so."""
    other = created(stage.client, Environment={"Variables": {"ANSWER": "yes"}})
    client = stage.client("lambda")
    client.publish_version(FunctionName=other)
    client.create_alias(FunctionName=other, Name="live", FunctionVersion="1")
    client.update_function_configuration(
        FunctionName=f"{stage.function}-hook", Environment={"Variables": {"FUNCTION_NAME": other}}
    )
    info = stage.ends(stage.deploy("1", stage.publish("yes")))
    assert info["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
    logged = "\n".join(stage.box.functions.logs(f"{stage.function}-hook"))
    assert f"expected a deployment of {other}, got {stage.function}" in logged
