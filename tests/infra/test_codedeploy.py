"""
CodeDeploy behind moto: boto3 deploys, a real hook checks, traffic really moves and comes back.
"""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.function import FunctionConfig
from infra.local.moto.cloud import Cloud, cloud
from infra.release.hook_package import HOOK
from tests.infra.clouds import client_of, created, told, until

GROUP = "live"
ROLE = "arn:aws:iam::123456789012:role/release"
PROMOTED_S = 300


class Clock:
    """Be wound on by the test: canaries do not wait."""

    def __init__(self) -> None:
        self.at_s = time.time()

    def __call__(self) -> float:
        return self.at_s


@dataclass
class Stage:
    """One function with its alias, its hook, and a deployment group that watches an alarm."""

    box: Cloud
    clock: Clock
    function: str
    application: str
    alarm: str

    def client(self, service: str) -> Any:
        return client_of(service, self.box.url)

    def publish(self, answer: str, model_version: str = "1") -> str:
        """Make a version of the function that answers so."""
        variables = {"ANSWER": answer, "MODEL_VERSION": model_version}
        client = self.client("lambda")
        client.update_function_configuration(
            FunctionName=self.function, Environment={"Variables": variables}
        )
        version: str = client.publish_version(FunctionName=self.function)["Version"]
        return version

    def deploy(self, current: str, target: str, *, hook: bool = True) -> str:
        """Begin a deployment, as the release does."""
        properties = {
            "Name": self.function,
            "Alias": "live",
            "CurrentVersion": current,
            "TargetVersion": target,
        }
        content = {
            "version": 0.0,
            "Resources": [{"fn": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
            "Hooks": [{"BeforeAllowTraffic": f"{self.function}-hook"}] if hook else [],
        }
        revision = {
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": json.dumps(content)},
        }
        made = self.client("codedeploy").create_deployment(
            applicationName=self.application, deploymentGroupName=GROUP, revision=revision
        )
        identifier: str = made["deploymentId"]
        return identifier

    def info(self, deployment: str) -> dict[str, Any]:
        told = self.client("codedeploy").get_deployment(deploymentId=deployment)
        info: dict[str, Any] = told["deploymentInfo"]
        return info

    def ends(self, deployment: str) -> dict[str, Any]:
        """Wait until a deployment is over."""
        until(lambda: self.info(deployment)["status"] in ("Succeeded", "Failed", "Stopped"))
        return self.info(deployment)

    def alias(self) -> tuple[str, dict[str, float]]:
        """Read where the traffic goes."""
        alias = self.client("lambda").get_alias(FunctionName=self.function, Name="live")
        routing = alias.get("RoutingConfig") or {}
        return alias["FunctionVersion"], routing.get("AdditionalVersionWeights", {})

    def rolled_back(self, deployment: str) -> dict[str, Any]:
        """Wait for the deployment that gives the traffic back."""
        back = self.info(deployment)["rollbackInfo"]["rollbackDeploymentId"]
        return self.ends(back)


GOLDEN = [
    {
        "payload": {"model": "m", "version": "1", "rows": [[1]]},
        "tolerance": 1e-05,
        "cases": [{"name": "one", "label": "yes", "probabilities": {"yes": 1.0, "no": 0.0}}],
    }
]


def zipped(golden: list[dict[str, Any]] = GOLDEN) -> bytes:
    """
    Pack the real hook with golden vectors of the test's.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("hook.py", HOOK.read_text(encoding="utf-8"))
        archive.writestr("golden.json", json.dumps(golden))
    return content.getvalue()


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Be the deployments' time."""
    return Clock()


@pytest.fixture(scope="module")
def box(config: FunctionConfig, clock: Clock) -> Iterator[Cloud]:
    """Be one cloud for the module."""
    with cloud(config.replace(handler="answers.handler"), port=0, now_s=clock) as box:
        yield box


@pytest.fixture
def stage(box: Cloud, clock: Clock) -> Stage:
    """Set up a function at version 1, its alias, its hook and its group."""
    variables = {"Variables": {"ANSWER": "yes", "MODEL_VERSION": "1"}}
    function = created(lambda service: client_of(service, box.url), Environment=variables)
    stage = Stage(box, clock, function, f"app-{uuid.uuid4().hex}", f"alarm-{uuid.uuid4().hex}")
    client = stage.client("lambda")
    version = client.publish_version(FunctionName=function)["Version"]
    client.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    role = client.get_function(FunctionName=function)["Configuration"]["Role"]
    client.create_function(
        FunctionName=f"{function}-hook",
        Role=role,
        Runtime="python3.13",
        Handler="hook.handler",
        Timeout=60,
        MemorySize=512,
        Code={"ZipFile": zipped()},
        Environment={"Variables": {"FUNCTION_NAME": function}},
    )
    set_up_group(stage)
    return stage


def set_up_group(stage: Stage) -> None:
    """
    Make the alarm, the application and its group: a tenth for five minutes.
    """
    stage.client("cloudwatch").put_metric_alarm(
        AlarmName=stage.alarm,
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    deploys = stage.client("codedeploy")
    deploys.create_application(applicationName=stage.application, computePlatform="Lambda")
    deploys.create_deployment_group(
        applicationName=stage.application,
        deploymentGroupName=GROUP,
        deploymentConfigName="CodeDeployDefault.LambdaCanary10Percent5Minutes",
        serviceRoleArn=ROLE,
        alarmConfiguration={"enabled": True, "alarms": [{"name": stage.alarm}]},
        autoRollbackConfiguration={
            "enabled": True,
            "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
        },
    )


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
