"""The rules of the release: canary, alarms and hook. Each finds its breaches in a plan."""

from __future__ import annotations

from infra.aws import hook
from tests.infra.aws.plan import Plan, Resource
from tests.infra.aws.rules import absent

READ_S = 60
"""How long boto3 waits for an answer, by default."""

UNKNOWN = [{"dimensions": True}]
"""How a plan spells a metric whose dimensions are known only afterwards."""


def traffic_shifts_by_canary(plan: Plan) -> list[str]:
    """Find a deployment that goes all at once, unwatched, or does not go back by itself."""
    configs = [
        one.block("traffic_routing_config").get("time_based_canary", [{}])[0]
        for one in plan.all("codedeploy_deployment_config")
    ]
    canaries = [one for one in configs if one.get("percentage", 100) < 50 and one.get("interval")]
    alarms = {one.values["alarm_name"] for one in plan.all("cloudwatch_metric_alarm")}
    events = {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"}
    return [
        one.address
        for one in plan.all("codedeploy_deployment_group")
        if not canaries
        or not one.block("alarm_configuration").get("enabled")
        or not set(one.block("alarm_configuration").get("alarms") or ["none"]) <= alarms
        or not events <= set(one.block("auto_rollback_configuration").get("events") or [])
        or one.block("deployment_style").get("deployment_option") != "WITH_TRAFFIC_CONTROL"
    ] or absent(plan, "codedeploy_deployment_group")


def the_hook_ends_in_time(plan: Plan) -> list[str]:
    """Find a hook that Lambda may end before it has said how it went: CodeDeploy waits an hour."""
    breaches = []
    for one in plan.all("lambda_function"):
        attempts = one.block("environment").get("variables", {}).get("AWS_MAX_ATTEMPTS")
        if one.values["package_type"] != "Image" and (
            attempts is None or one.values["timeout"] < hook.IN_TIME_S + 2 * int(attempts) * READ_S
        ):
            breaches.append(one.address)
    return breaches


def the_newest_version_is_watched(plan: Plan) -> list[str]:
    """Find a release watched by alarms of all calls alone: a tenth of them is hard to see."""
    apart = {
        one.values["alarm_name"]
        for one in plan.all("cloudwatch_metric_alarm")
        if _tells_versions_apart(one)
    }
    groups = [
        (one, set(one.block("alarm_configuration").get("alarms") or []))
        for one in plan.all("codedeploy_deployment_group")
    ]
    return [one.address for one, alarms in groups if alarms and not apart & alarms]


def _tells_versions_apart(alarm: Resource) -> bool:
    """Tell whether an alarm looks at one version; before there is one, its number is not known."""
    queries = alarm.values.get("metric_query") or []
    unknowns = alarm.unknown.get("metric_query") or [{}] * len(queries)
    return any(
        metric["metric_name"] == "Errors"
        and ("ExecutedVersion" in metric.get("dimensions", {}) or unknown.get("metric") == UNKNOWN)
        for query, unknown in zip(queries, unknowns, strict=False)
        for metric in query["metric"]
    )


def the_canary_can_be_changed(plan: Plan) -> list[str]:
    """Find a configuration whose successor would have its name: CodeDeploy changes none."""
    breaches = []
    for one in plan.all("codedeploy_deployment_config"):
        canaries = one.block("traffic_routing_config")["time_based_canary"]
        told = [f"-{part['percentage']}-percent-{part['interval']}-minutes" for part in canaries]
        if not one.values["deployment_config_name"].endswith(tuple(told)):
            breaches.append(one.address)
    return breaches
