"""The rules of what runs: function, registry, fronts. Each finds its breaches in a plan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.infra.aws.plan import Plan, Resource

Rule = Callable[[Plan], list[str]]

SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|CREDENTIAL|_KEY$", re.IGNORECASE)
"""What a variable is called that should not be one."""

TOLD_BY_CALLERS = ("path", "rawPath", "queryString", "header", "authorizer", "requestBody")
"""Parts of $context that callers fill; they stay out of the logs."""

QUERIED = ') FROM SCHEMA(\\"Lambake\\", \\"service\\", \\"model\\", \\"version\\")'
ALARMS = {
    "errors": '"Errors"',
    "api-5xx": '"5xx"',
    "throttles": '"Throttles"',
    "duration": '"extended_statistic": "p99"',
    "dead-letters": '-dead-letters"}',
    "failures": '-failures"}',
    "drift-inputs": f'MAX(\\"DriftInputs\\"{QUERIED}',
    "drift-labels": f'MAX(\\"DriftLabels\\"{QUERIED}',
}
"""What an alarm is called after the stage, and what it must look at."""


def images_stay_as_pushed(plan: Plan) -> list[str]:
    """Find registries that let a tag move, or push unscanned."""
    return [
        one.address
        for one in plan.all("ecr_repository")
        if one.values["image_tag_mutability"] != "IMMUTABLE"
        or not one.block("image_scanning_configuration").get("scan_on_push")
    ] or absent(plan, "ecr_repository")


def images_are_cleared_away(plan: Plan) -> list[str]:
    """Find registries that keep what was pushed by half, or let go of an image with a tag: a rule
    does not know which one is live.
    """
    return [
        one.address
        for one in plan.all("ecr_lifecycle_policy")
        if [rule["selection"]["tagStatus"] for rule in one.json("policy").get("rules", [])]
        != ["untagged"]
    ] or absent(plan, "ecr_lifecycle_policy")


def images_can_be_pulled(plan: Plan) -> list[str]:
    """Find a registry that a function or its versions get no image from, or a stranger's does."""
    functions = [one.values["function_name"] for one in image_functions(plan)]
    granted = set()
    for address, statement in plan.statements():
        if address.startswith("aws_ecr_repository_policy."):
            if not statement["Condition"]:
                return []  # everybody's
            # What else might be asked for Lambda is not known to send.
            if set(statement["Condition"]) == {"StringLike"}:
                sources = statement["Condition"]["StringLike"]["aws:SourceArn"]
                granted |= {source.rpartition(":function:")[2] for source in sources}
    return [name for name in functions if granted != {name, f"{name}:*"}]


def functions_run_one_image(plan: Plan) -> list[str]:
    """Find image functions whose image is named by a tag, or not by the registry of the plan."""
    names = [one.values["name"] for one in plan.all("ecr_repository")]
    return [
        one.address
        for one in image_functions(plan)
        if not any(
            re.fullmatch(rf"[^/]+/{name}@sha256:[0-9a-f]{{64}}", one.values["image_uri"])
            for name in names
        )
    ]


def versions_are_published(plan: Plan) -> list[str]:
    """Find a served function that an apply changes in place; snapshots are of versions only."""
    return [
        one.address
        for one in image_functions(plan)
        if not (
            one.values["publish"]
            and one.block("snap_start").get("apply_on", "PublishedVersions") == "PublishedVersions"
        )
    ]


def calls_go_by_an_alias(plan: Plan) -> list[str]:
    """Find a function without the alias that callers, sources and the release name."""
    aliased = [
        one.values["function_name"]
        for one in plan.all("lambda_alias")
        if one.values["name"] == "live"
    ]
    return [
        one.address for one in image_functions(plan) if one.values["function_name"] not in aliased
    ]


def floods_have_a_limit(plan: Plan) -> list[str]:
    """Find a served function that could take the whole account's concurrency."""
    return [
        one.address
        for one in image_functions(plan)
        if one.values["reserved_concurrent_executions"] < 1
    ]


def calls_are_traced(plan: Plan) -> list[str]:
    """Find what X-Ray does not see."""
    functions = [
        one.address
        for one in image_functions(plan)
        if one.block("tracing_config").get("mode") != "Active"
    ]
    return functions + [
        one.address
        for one in plan.all("sfn_state_machine")
        if not one.block("tracing_configuration").get("enabled")
    ]


def logs_end(plan: Plan) -> list[str]:
    """Find log groups that are kept for ever, and functions that log elsewhere."""
    groups = plan.all("cloudwatch_log_group")
    named = {one.values["name"] for one in groups}
    return [one.address for one in groups if not one.values["retention_in_days"]] + [
        one.address
        for one in plan.all("lambda_function")
        if one.block("logging_config").get("log_group") not in named
    ]


def variables_are_no_secrets(plan: Plan) -> list[str]:
    """Find variables that are called as secrets are."""
    return [
        f"{one.address} {name}"
        for one in plan.all("lambda_function")
        for name in one.block("environment").get("variables", {})
        if SECRET.search(name)
    ]


PAGE = ("GET /", "GET /playground/{proxy+}")
"""The routes of the playground's own files, which hold no data."""

PREFLIGHTS = "OPTIONS /{proxy+}"
"""The route of what browsers ask before a page of another origin may call: without credentials."""


def calls_are_authorised(plan: Plan) -> list[str]:
    """Find routes and addresses that let everybody in, but for the page."""
    routes = [
        one.address
        for one in plan.all("apigatewayv2_route")
        if (
            one.values["authorization_type"] not in ("AWS_IAM", "JWT")
            and one.values["route_key"] not in (*PAGE, PREFLIGHTS)
        )
        or (one.values["authorization_type"] == "JWT" and not one.given("authorizer_id"))
    ]
    return routes + [
        one.address
        for one in plan.all("lambda_function_url")
        if one.values["authorization_type"] != "AWS_IAM"
    ]


def pages_may_call_where_the_function_lets_them(plan: Plan) -> list[str]:
    """Find fronts that answer no preflights, though the function names origins."""
    named = {
        origin
        for one in image_functions(plan)
        for origin in one.block("environment")["variables"]
        .get("LAMBAKE_CORS_ORIGINS", "")
        .replace(" ", "")
        .split(",")
        if origin
    }
    fronts = [(one, "cors_configuration") for one in plan.all("apigatewayv2_api")]
    fronts += [(one, "cors") for one in plan.all("lambda_function_url")]
    silent = [
        one.address
        for one, key in fronts
        if set(one.block(key).get("allow_origins") or ()) != named
        or (named and "authorization" not in one.block(key)["allow_headers"])
    ]
    open_routes = {
        one.values["route_key"]
        for one in plan.all("apigatewayv2_route")
        if one.values["authorization_type"] == "NONE"
    }
    reached = not named or open_routes & {PREFLIGHTS, "$default"}
    return silent if reached else [*silent, "no open route for preflights"]


def callers_of_an_address_have_both_grants(plan: Plan) -> list[str]:
    """Find a Function URL whose callers lack one of the two grants, or its condition."""
    granted = [
        (action, condition)
        for _, statement in plan.statements()
        for action in statement["Action"]
        for condition in statement.get("Condition", {}).values()
    ]
    wanted = (
        ("lambda:InvokeFunctionUrl", {"lambda:FunctionUrlAuthType": "AWS_IAM"}),
        ("lambda:InvokeFunction", {"lambda:InvokedViaFunctionUrl": "true"}),
    )
    complete = all(grant in granted for grant in wanted)
    return [one.address for one in plan.all("lambda_function_url") if not complete]


def events_are_of_payload_2_0(plan: Plan) -> list[str]:
    """Find integrations of another format, or that wait longer than an HTTP API can."""
    return [
        one.address
        for one in plan.all("apigatewayv2_integration")
        if one.values["payload_format_version"] != "2.0"
        or one.values["integration_type"] != "AWS_PROXY"
        or not 50 <= one.values["timeout_milliseconds"] <= 30_000
    ] or absent(plan, "apigatewayv2_integration")


def domains_lead_to_the_api(plan: Plan) -> list[str]:
    """Find domains that lead nowhere, or speak old TLS."""
    settings = [
        (one, one.block("domain_name_configuration"))
        for one in plan.all("apigatewayv2_domain_name")
    ]
    return [
        one.address
        for one, domain in settings
        if domain.get("security_policy") != "TLS_1_2"
        or domain.get("endpoint_type") != "REGIONAL"
        or not plan.all("apigatewayv2_api_mapping")
        or not plan.all("apigatewayv2_api")[0].values["disable_execute_api_endpoint"]
    ]


def callers_are_throttled(plan: Plan) -> list[str]:
    """Find stages without a rate and a burst."""
    settings = [(one, one.block("default_route_settings")) for one in stages(plan)]
    return [
        one.address
        for one, limits in settings
        if not (limits.get("throttling_rate_limit") and limits.get("throttling_burst_limit"))
    ]


def access_is_logged(plan: Plan) -> list[str]:
    """Find stages that log no access, or what callers wrote."""
    breaches = []
    for one in stages(plan):
        log = one.block("access_log_settings")
        told = json.loads(log.get("format") or "{}").values()
        theirs = [
            text for text in told for part in TOLD_BY_CALLERS if text.startswith(f"$context.{part}")
        ]
        if "$context.requestId" not in told or theirs:
            breaches.append(one.address)
    return breaches


def permissions_name_their_source(plan: Plan) -> list[str]:
    """Find grants to a service that another account could use, or that go past the alias."""
    return [
        one.address
        for one in plan.all("lambda_permission")
        if not one.given("source_arn")
        or not re.fullmatch(r"\d{12}", one.values.get("source_account") or "")
        or not one.values["principal"].endswith(".amazonaws.com")
        or one.values["qualifier"] != "live"
    ] or absent(plan, "lambda_permission")


def alarms_watch(plan: Plan) -> list[str]:
    """Find what no alarm watches, and alarms that silence sets off."""
    alarms = plan.all("cloudwatch_metric_alarm")
    told = {one.values["alarm_name"]: json.dumps(one.values) for one in alarms}
    unwatched = [
        f"no alarm of {kind}"
        for kind, watched in ALARMS.items()
        if not any(watched in told[name] for name in told if name.endswith(f"-{kind}"))
    ]
    return unwatched + [
        one.address for one in alarms if one.values["treat_missing_data"] != "notBreaching"
    ]


def alarms_are_told(plan: Plan) -> list[str]:
    """Find alarms that tell nobody, and a topic without its address."""
    subscribed = len(plan.all("sns_topic_subscription"))
    return [one.address for one in plan.all("sns_topic")[subscribed:]] + [
        one.address
        for one in plan.all("cloudwatch_metric_alarm")
        if subscribed and not (one.values.get("alarm_actions") or one.unknown.get("alarm_actions"))
    ]


def a_dashboard_shows_it(plan: Plan) -> list[str]:
    """Find dashboards without pictures; a body known after the apply is one with the API's id."""
    return [
        one.address
        for one in plan.all("cloudwatch_dashboard")
        if not one.given("dashboard_body")
        or (one.values.get("dashboard_body") and not one.json("dashboard_body").get("widgets"))
    ] or absent(plan, "cloudwatch_dashboard")


def image_functions(plan: Plan) -> list[Resource]:
    """List the functions that run an image: the one that is served."""
    return [one for one in plan.all("lambda_function") if one.values["package_type"] == "Image"]


def stages(plan: Plan) -> list[Resource]:
    """List the API's stages."""
    return plan.all("apigatewayv2_stage")


def absent(plan: Plan, kind: str) -> list[str]:
    """Say that there is none of a kind."""
    return [] if plan.all(kind) else [f"no {kind}"]
