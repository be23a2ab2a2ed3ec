"""
The plan of a stage, held against every rule; and the rules, held against plans that are spoiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.function import FunctionConfig
from infra.local.moto.cloud import cloud
from tests.infra.aws import data_rules as data
from tests.infra.aws import rules as run
from tests.infra.aws.data_rules import DATA_RULES
from tests.infra.aws.plan import Change, Plan, put, spoiled
from tests.infra.aws.rules import RUN_RULES, Rule
from tests.infra.aws.terraform import Terraform

RULES = (*RUN_RULES, *DATA_RULES)
ROLE = "aws_iam_role_policy.function"
GRANT = "policy.Statement.0"
INPUT = '["input"]'
OPEN = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "sqs:SendMessage",
    "Resource": "x:lambake-dev",
}


@pytest.fixture(scope="module")
def planner(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """
    Be ready to plan against a cloud in which nothing stands.
    """
    with cloud(FunctionConfig(handler="unused.handler"), port=0) as box:
        terraform = Terraform(program, tmp_path_factory.mktemp("plan"), cloud=box.url)
        terraform.init()
        yield terraform


@pytest.fixture(scope="module")
def full(planner: Terraform) -> tuple[dict[str, Any], str]:
    """
    Plan a stage with all that is a choice: the hook, a Function URL, a snapshot.
    """
    package = planner.folder / "hook.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))
    function = planner.function("full.yaml", function_url=True, top={"snap_start": True})
    return planner.plan(function_file=function, hook_package=str(package))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(full: tuple[dict[str, Any], str], rule: Rule) -> None:
    """The plan keeps it."""
    assert rule(Plan.from_json(full[0])) == []


def test_no_exception_is_left_over(full: tuple[dict[str, Any], str]) -> None:
    """Each action that may be granted anywhere is granted so, and needed."""
    anywhere = {
        action
        for _, statement in Plan.from_json(full[0]).statements()
        if statement.get("Resource") == "*"
        for action in statement["Action"]
    }
    assert anywhere == set(data.ANYWHERE)


SPOILED: list[tuple[Rule, str, Change | None]] = [
    (
        run.images_stay_as_pushed,
        "aws_ecr_repository.images",
        put("image_tag_mutability", "MUTABLE"),
    ),
    (
        run.images_stay_as_pushed,
        "aws_ecr_repository.images",
        put("image_scanning_configuration.0.scan_on_push", False),
    ),
    (run.images_are_cleared_away, "aws_ecr_lifecycle_policy.images", None),
    (
        run.images_are_cleared_away,
        "aws_ecr_lifecycle_policy.images",
        put("policy.rules.1.selection.tagStatus", "untagged"),
    ),
    (run.functions_run_one_image, "aws_lambda_function.this", put("image_uri", "x/lambake-dev:1")),
    (run.versions_are_published, "aws_lambda_function.this", put("publish", False)),
    (run.versions_are_published, "aws_lambda_function.this", put("snap_start.0.apply_on", "None")),
    (
        run.floods_have_a_limit,
        "aws_lambda_function.this",
        put("reserved_concurrent_executions", -1),
    ),
    (
        run.calls_are_traced,
        "aws_lambda_function.this",
        put("tracing_config.0.mode", "PassThrough"),
    ),
    (
        run.calls_are_traced,
        "aws_sfn_state_machine.bulk",
        put("tracing_configuration.0.enabled", False),
    ),
    (run.logs_end, 'aws_cloudwatch_log_group.this["api"]', put("retention_in_days", 0)),
    (run.logs_end, "aws_lambda_function.this", put("logging_config.0.log_group", "/aws/other")),
    (
        run.variables_are_no_secrets,
        "aws_lambda_function.this",
        put("environment.0.variables.API_TOKEN", "x"),
    ),
    (
        run.calls_are_authorised,
        "aws_apigatewayv2_route.default",
        put("authorization_type", "NONE"),
    ),
    (run.calls_are_authorised, "aws_apigatewayv2_route.default", put("authorization_type", "JWT")),
    (
        run.calls_are_authorised,
        "aws_lambda_function_url.live[0]",
        put("authorization_type", "NONE"),
    ),
    *(
        (
            run.callers_of_an_address_have_both_grants,
            "aws_iam_policy.callers",
            put(f"policy.Statement.{statement}.Action", []),
        )
        for statement in (0, 1)
    ),
    (
        run.events_are_of_payload_2_0,
        "aws_apigatewayv2_integration.function",
        put("payload_format_version", "1.0"),
    ),
    (
        run.events_are_of_payload_2_0,
        "aws_apigatewayv2_integration.function",
        put("timeout_milliseconds", 31_000),
    ),
    (
        run.callers_are_throttled,
        "aws_apigatewayv2_stage.default",
        put("default_route_settings.0.throttling_burst_limit", None),
    ),
    (run.access_is_logged, "aws_apigatewayv2_stage.default", put("access_log_settings", [])),
    (
        run.access_is_logged,
        "aws_apigatewayv2_stage.default",
        put("access_log_settings.0.format.path", "$context.path"),
    ),
    (
        run.permissions_name_their_source,
        "aws_lambda_permission.bucket",
        put("source_account", None),
    ),
    (run.permissions_name_their_source, "aws_lambda_permission.bucket", put("source_arn", None)),
    (run.permissions_name_their_source, "aws_lambda_permission.api", put("principal", "*")),
    (run.permissions_name_their_source, "aws_lambda_permission.api", put("qualifier", "")),
    (
        run.traffic_shifts_by_canary,
        "aws_codedeploy_deployment_config.canary",
        put("traffic_routing_config.0.time_based_canary.0.percentage", 100),
    ),
    (
        run.traffic_shifts_by_canary,
        "aws_codedeploy_deployment_group.live",
        put("alarm_configuration.0.alarms", []),
    ),
    (
        run.traffic_shifts_by_canary,
        "aws_codedeploy_deployment_group.live",
        put("auto_rollback_configuration.0.events", ["DEPLOYMENT_FAILURE"]),
    ),
    (
        run.the_hook_may_do_its_work,
        'aws_iam_role_policy.hook["this"]',
        put("policy.Statement.2.Action", []),
    ),
    *(
        (run.alarms_watch, f"aws_cloudwatch_metric_alarm.{alarm}", None)
        for alarm in (
            'this["dead_letters"]',
            'this["failures"]',
            'drift["inputs"]',
            'drift["labels"]',
        )
    ),
    (
        run.alarms_watch,
        'aws_cloudwatch_metric_alarm.this["duration"]',
        put("extended_statistic", "p50"),
    ),
    (
        run.alarms_watch,
        'aws_cloudwatch_metric_alarm.this["throttles"]',
        put("metric_name", "Invocations"),
    ),
    (
        run.alarms_watch,
        'aws_cloudwatch_metric_alarm.this["errors"]',
        put("treat_missing_data", "breaching"),
    ),
    (run.a_dashboard_shows_it, "aws_cloudwatch_dashboard.this", None),
    (
        data.failed_messages_are_told,
        "aws_lambda_event_source_mapping.requests",
        put("function_response_types", None),
    ),
    (
        data.failed_messages_are_told,
        "aws_lambda_event_source_mapping.requests",
        put("batch_size", 100),
    ),
    (
        data.messages_wait_for_six_timeouts,
        "aws_sqs_queue.requests",
        put("visibility_timeout_seconds", 179),
    ),
    (
        data.messages_wait_for_six_timeouts,
        "aws_lambda_event_source_mapping.requests",
        put("maximum_batching_window_in_seconds", 1),
    ),
    (data.poison_ends, "aws_sqs_queue.requests", put("redrive_policy", None)),
    (data.poison_ends, "aws_sqs_queue.requests", put("redrive_policy.maxReceiveCount", 4)),
    (data.poison_ends, "aws_sqs_queue.dead_letters", None),
    (data.poison_ends, "aws_sqs_queue.dead_letters", put("message_retention_seconds", 60)),
    (data.results_keep_their_order, "aws_sqs_queue.results", put("fifo_queue", False)),
    (data.messages_are_encrypted, "aws_sqs_queue.results", put("sqs_managed_sse_enabled", False)),
    (data.nothing_travels_in_the_open, "aws_sqs_queue.requests", put("policy", None)),
    (
        data.nothing_travels_in_the_open,
        f"aws_s3_bucket_policy.tls_only{INPUT}",
        put("policy.Statement.0.Condition.Bool", {"aws:SecureTransport": "true"}),
    ),
    (
        data.buckets_are_private,
        f"aws_s3_bucket_public_access_block.this{INPUT}",
        put("restrict_public_buckets", False),
    ),
    (data.buckets_are_private, f"aws_s3_bucket_ownership_controls.this{INPUT}", None),
    (
        data.objects_are_encrypted,
        f"aws_s3_bucket_server_side_encryption_configuration.this{INPUT}",
        None,
    ),
    (
        data.objects_expire,
        f"aws_s3_bucket_lifecycle_configuration.this{INPUT}",
        put("rule.0.status", "Disabled"),
    ),
    (
        data.objects_start_predictions_once,
        "aws_s3_bucket_notification.input",
        put("lambda_function.0.filter_prefix", ""),
    ),
    (
        data.objects_start_predictions_once,
        "aws_s3_bucket_notification.input",
        put("bucket", "lambake-dev-123456789012-us-east-1-out"),
    ),
    (data.failures_are_kept, "aws_lambda_function_event_invoke_config.live", None),
    (
        data.failures_are_kept,
        "aws_lambda_function_event_invoke_config.live",
        put("qualifier", "$LATEST"),
    ),
    (
        data.bulk_runs_by_its_own_role,
        "aws_iam_role.bulk",
        put("assume_role_policy.Statement.0.Condition", {}),
    ),
    (
        data.bulk_runs_by_its_own_role,
        "aws_sfn_state_machine.bulk",
        put("definition", "{}"),
    ),
    (data.actions_are_named, ROLE, put("policy.Statement.1.Action.+", "logs:*")),
    (data.resources_are_named, ROLE, put(f"{GRANT}.Action.+", "s3:GetObject")),
    (data.resources_are_named, ROLE, put("policy.Statement.2.Resource", "arn:aws:s3:::*")),
    (data.resources_are_named, "aws_iam_role_policy.bulk", put("policy.Statement.3.Resource", "*")),
    (
        data.grants_name_who,
        "aws_ecr_repository_policy.images",
        put("policy.Statement.0.Condition", {}),
    ),
    (data.grants_name_who, "aws_sqs_queue.requests", put("policy.Statement.+", OPEN)),
    (data.names_have_the_stage, "aws_iam_role.function", put("name", "function")),
    (data.nothing_outlives_the_stack, "aws_ecr_repository.images", put("force_delete", False)),
    (
        data.nothing_outlives_the_stack,
        'aws_cloudwatch_log_group.this["function"]',
        put("skip_destroy", True),
    ),
    (data.things_are_tagged, "aws_sqs_queue.results", put("tags_all", {})),
]
"""Rule, address, and what is done to it: exactly this rule must find it."""


@pytest.mark.parametrize(
    ("rule", "address", "change"),
    SPOILED,
    ids=[f"{rule.__name__}-{index}" for index, (rule, _, _) in enumerate(SPOILED)],
)
def test_rule_finds(
    full: tuple[dict[str, Any], str], rule: Rule, address: str, change: Change | None
) -> None:
    """Of all rules the one that is broken says so."""
    plan = Plan.from_json(spoiled(full[0], address, change))
    assert [one.__name__ for one in RULES if one(plan)] == [rule.__name__]
