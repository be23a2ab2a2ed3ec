"""A function with alias, hook and deployment group, set up by boto3 as Terraform would."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

from infra.cloud.cloud import Cloud
from infra.release.hook_package import HOOK
from tests.infra.cloud.clouds import client_of, created, until

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

    def deploy(self, current: str, target: str, *, hook: bool = True, **options: str) -> str:
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
            **options,
            applicationName=self.application,
            deploymentGroupName=GROUP,
            revision=revision,
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

    def weigh(self, version: str, share: float) -> None:
        """Give a version a share of the traffic, past CodeDeploy."""
        routing = {"AdditionalVersionWeights": {version: share}}
        self.client("lambda").update_alias(
            FunctionName=self.function, Name="live", RoutingConfig=routing
        )

    def ring(self) -> None:
        """Set the alarm off."""
        self.client("cloudwatch").set_alarm_state(
            AlarmName=self.alarm, StateValue="ALARM", StateReason="planted"
        )

    def deployments(self) -> list[str]:
        """List all that there were."""
        group = {"applicationName": self.application, "deploymentGroupName": GROUP}
        listed: list[str] = self.client("codedeploy").list_deployments(**group)["deployments"]
        return listed

    def configure(self, minutes: int) -> dict[str, str]:
        """Make a configuration of deployments: a tenth for so many minutes."""
        named = {"deploymentConfigName": f"config-{uuid.uuid4().hex}"}
        canary = {"canaryPercentage": 10, "canaryInterval": minutes}
        routing = {"type": "TimeBasedCanary", "timeBasedCanary": canary}
        self.client("codedeploy").create_deployment_config(
            **named, computePlatform="Lambda", trafficRoutingConfig=routing
        )
        return named

    def rolled_back(self, deployment: str) -> dict[str, Any]:
        """Wait for the deployment that gives the traffic back."""
        back = self.info(deployment)["rollbackInfo"]["rollbackDeploymentId"]
        return self.ends(back)


GOLDEN = [
    {
        "payload": {"model": "m", "version": "1", "rows": [[1]]},
        "tolerance": 1e-05,
        "cases": [
            {"name": "one", "answer": {"label": "yes", "probabilities": {"yes": 1.0, "no": 0.0}}}
        ],
    }
]


def zipped(golden: list[dict[str, Any]] = GOLDEN) -> bytes:
    """Pack the real hook with golden vectors of the test's."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("hook.py", HOOK.read_text(encoding="utf-8"))
        archive.writestr("golden.json", json.dumps(golden))
    return content.getvalue()


def staged(box: Cloud, clock: Clock) -> Stage:
    """Set up a function at version 1, its alias, its hook and its group."""
    variables = {"Variables": {"ANSWER": "yes", "MODEL_VERSION": "1"}}
    function = created(lambda service: client_of(service, box.url), Environment=variables)
    stage = Stage(box, clock, function, function, f"{function}-errors")
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
    """Make the alarm, the application and its group: a tenth for five minutes."""
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
