"""All rules, and for each the faults that it must find: planted in a plan that keeps them all."""

from __future__ import annotations

from tests.infra.aws import data_rules as data
from tests.infra.aws import release_rules as release
from tests.infra.aws import role_rules as roles
from tests.infra.aws import rules as run
from tests.infra.aws.plan import Change, both, put
from tests.infra.aws.rules import Rule

RULES: tuple[Rule, ...] = (
    *run.RUN_RULES,
    *release.RELEASE_RULES,
    *roles.ROLE_RULES,
    *data.DATA_RULES,
)

HOOK = 'aws_lambda_function.hook["this"]'
ROLE = "aws_iam_role_policy.function"
GRANT = "policy.Statement.0"
INPUT = '["input"]'
OF_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:lambake-dev"
OF_ANYBODYS = "arn:aws:lambda:us-east-1:*:function:lambake-dev"
OF_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:lambake-dev-bulk"
OPEN = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "sqs:SendMessage",
    "Resource": "x:lambake-dev",
}

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
    (run.images_are_cleared_away, "aws_ecr_lifecycle_policy.images", put("policy.rules", [])),
    (
        run.images_are_cleared_away,
        "aws_ecr_lifecycle_policy.images",
        put("policy.rules.+", {"selection": {"tagStatus": "any", "countNumber": 10}}),
    ),
    *(
        (
            run.images_can_be_pulled,
            "aws_ecr_repository_policy.images",
            put("policy.Statement.0.Condition", condition),
        )
        for condition in (
            {"StringLike": {"aws:SourceArn": [OF_FUNCTION]}},
            {
                "StringLike": {"aws:SourceArn": [OF_FUNCTION, f"{OF_FUNCTION}:*"]},
                "StringEquals": {"aws:SourceAccount": "123456789012"},
            },
        )
    ),
    (run.functions_run_one_image, "aws_lambda_function.this", put("image_uri", "x/lambake-dev:1")),
    (run.versions_are_published, "aws_lambda_function.this", put("publish", False)),
    (run.versions_are_published, "aws_lambda_function.this", put("snap_start.0.apply_on", "None")),
    (run.calls_go_by_an_alias, "aws_lambda_alias.live", None),
    (run.calls_go_by_an_alias, "aws_lambda_alias.live", put("name", "prod")),
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
    *(
        (
            run.callers_are_throttled,
            "aws_apigatewayv2_stage.default",
            put(f"default_route_settings.0.throttling_{limit}_limit", None),
        )
        for limit in ("burst", "rate")
    ),
    (run.domains_lead_to_the_api, "aws_apigatewayv2_api_mapping.this[0]", None),
    (
        run.domains_lead_to_the_api,
        "aws_apigatewayv2_domain_name.this[0]",
        put("domain_name_configuration.0.security_policy", "TLS_1_0"),
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
        release.traffic_shifts_by_canary,
        "aws_codedeploy_deployment_config.canary",
        both(
            put("traffic_routing_config.0.time_based_canary.0.percentage", 50),
            put("deployment_config_name", "lambake-dev-canary-50-percent-5-minutes"),
        ),
    ),
    (
        release.traffic_shifts_by_canary,
        "aws_codedeploy_deployment_group.live",
        put("alarm_configuration.0.alarms", []),
    ),
    (
        release.traffic_shifts_by_canary,
        "aws_codedeploy_deployment_group.live",
        put("auto_rollback_configuration.0.events", ["DEPLOYMENT_FAILURE"]),
    ),
    *(
        (
            roles.roles_may_do_their_work,
            f"aws_iam_role_policy.{role}",
            put(f"policy.Statement.{statement}.Action", []),
        )
        for role, statements in {"function": 7, "release": 3, 'hook["this"]': 3, "bulk": 8}.items()
        for statement in range(statements)
    ),
    (
        roles.roles_may_do_their_work,
        "aws_iam_role_policy.bulk",
        put("policy.Statement.6.Resource", f"{OF_MACHINE}/PredictEveryObject"),
    ),
    (release.the_hook_ends_in_time, HOOK, put("timeout", 600)),
    (release.the_hook_ends_in_time, HOOK, put("environment.0.variables.AWS_MAX_ATTEMPTS", "5")),
    (
        release.the_newest_version_is_watched,
        "aws_codedeploy_deployment_group.live",
        put("alarm_configuration.0.alarms", ["lambake-dev-errors"]),
    ),
    (
        release.the_canary_can_be_changed,
        "aws_codedeploy_deployment_config.canary",
        put("deployment_config_name", "lambake-dev-canary"),
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
    *(
        (
            run.alarms_watch,
            f'aws_cloudwatch_metric_alarm.this["{alarm}"]',
            put("metric_query", []),
        )
        for alarm in ("api_5xx", "errors")
    ),
    (
        run.alarms_watch,
        'aws_cloudwatch_metric_alarm.drift["inputs"]',
        put(
            "metric_query.0.expression",
            'SELECT MAX(DriftInputs) FROM SCHEMA("Lambake", service, model, version)',
        ),
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
        data.failed_messages_are_told,
        "aws_lambda_event_source_mapping.requests",
        put("scaling_config.0.maximum_concurrency", 1),
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
        "aws_iam_role.bulk",
        put("assume_role_policy.Statement.0.Condition.ArnLike", {"aws:SourceArn": OF_MACHINE}),
    ),
    (
        data.bulk_runs_by_its_own_role,
        "aws_sfn_state_machine.bulk",
        put("definition", "{}"),
    ),
    (data.actions_are_named, ROLE, put("policy.Statement.1.Action.+", "logs:*")),
    (data.resources_are_named, ROLE, put(f"{GRANT}.Action.+", "s3:GetObject")),
    (data.resources_are_named, ROLE, put("policy.Statement.2.Resource.+", "arn:aws:s3:::*")),
    (data.resources_are_named, "aws_iam_role_policy.bulk", put("policy.Statement.3.Resource", "*")),
    (
        data.grants_name_who,
        "aws_ecr_repository_policy.images",
        put("policy.Statement.0.Condition", {}),
    ),
    (
        data.grants_name_who,
        "aws_ecr_repository_policy.images",
        put(
            "policy.Statement.0.Condition.StringLike",
            {"aws:SourceArn": [OF_ANYBODYS, f"{OF_ANYBODYS}:*"]},
        ),
    ),
    (data.grants_name_who, "aws_sqs_queue.requests", put("policy.Statement.+", OPEN)),
    (
        data.gone_is_told_from_forbidden,
        ROLE,
        put("policy.Statement.4.Condition", {"StringLike": {"s3:prefix": ["in/*"]}}),
    ),
    (data.names_have_the_stage, "aws_iam_role.function", put("name", "function")),
    (data.nothing_outlives_the_stack, "aws_ecr_repository.images", put("force_delete", False)),
    (data.nothing_outlives_the_stack, f"aws_s3_bucket.this{INPUT}", put("force_destroy", False)),
    (
        data.nothing_outlives_the_stack,
        'aws_cloudwatch_log_group.this["function"]',
        put("skip_destroy", True),
    ),
    (data.things_are_tagged, "aws_sqs_queue.results", put("tags_all", {})),
]
"""Rule, address, and what is done to it: exactly this rule must find it."""
