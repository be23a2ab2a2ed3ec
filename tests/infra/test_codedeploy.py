"""
CodeDeploy behind moto: boto3 deploys, a real hook checks, traffic really moves and comes back.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from tests.infra.clouds import created, told, until
from tests.infra.stages import GROUP, PROMOTED_S, Stage


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
    assert (info["status"], info["errorInformation"]["code"]) == (
        "Failed",
        "HOOK_EXECUTION_FAILURE",
    )
    assert stage.rolled_back(info["deploymentId"])["creator"] == "codeDeployRollback"
    assert stage.alias() == ("1", {})


def test_an_alarm_gives_the_traffic_back(stage: Stage) -> None:
    """In the canary's minutes the alarm goes off: all calls go to the old version again."""
    new = stage.publish("yes")
    deployment = stage.deploy("1", new)
    until(lambda: stage.alias()[1] == {new: 0.1})
    stage.client("cloudwatch").set_alarm_state(
        AlarmName=stage.alarm, StateValue="ALARM", StateReason="planted"
    )
    info = stage.ends(deployment)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    back = stage.rolled_back(deployment)
    assert (back["status"], back["rollbackInfo"]["rollbackTriggeringDeploymentId"]) == (
        "Succeeded",
        deployment,
    )
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


def test_an_alias_that_is_elsewhere(stage: Stage) -> None:
    """A deployment from a version that is not live fails, and moves nothing."""
    second, third = stage.publish("yes"), stage.publish("yes")
    info = stage.ends(stage.deploy(second, third, hook=False))
    assert (info["status"], info["errorInformation"]["code"]) == (
        "Failed",
        "INVALID_LAMBDA_CONFIGURATION",
    )
    assert stage.alias() == ("1", {})


def test_what_a_release_removes(stage: Stage) -> None:
    """Groups, configurations and applications, which moto alone cannot remove."""
    codedeploy = stage.client("codedeploy")
    name = f"config-{uuid.uuid4().hex}"
    routing = {
        "type": "TimeBasedCanary",
        "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5},
    }
    codedeploy.create_deployment_config(
        deploymentConfigName=name, computePlatform="Lambda", trafficRoutingConfig=routing
    )
    told = codedeploy.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
    assert told["trafficRoutingConfig"] == routing
    codedeploy.delete_deployment_config(deploymentConfigName=name)
    with pytest.raises(ClientError, match="DeploymentConfigDoesNotExistException"):
        codedeploy.get_deployment_config(deploymentConfigName=name)
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
    assert f"expected a deployment of {other}, came {stage.function}" in logged
