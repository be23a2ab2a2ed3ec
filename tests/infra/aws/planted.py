"""All rules, and for each the faults that it must find: planted in a plan that keeps them all."""

from __future__ import annotations

from tests.infra.aws import data_rules as data
from tests.infra.aws import release_rules as release
from tests.infra.aws import role_rules as roles
from tests.infra.aws import rules as run
from tests.infra.aws.plan import Fault
from tests.infra.aws.rules import Rule

OF_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:lambake-dev"
OF_ANYBODYS = "arn:aws:lambda:us-east-1:*:function:lambake-dev"
OF_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:lambake-dev-bulk"
UNQUOTED = 'SELECT MAX(DriftInputs) FROM SCHEMA("Lambake", service, model, version)'
OPEN = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "sqs:SendMessage",
    "Resource": "x:lambake-dev",
}


def granting_nothing(statements: int) -> list[Fault]:
    """Return a fault for each of a policy's statements: that it grants no action."""
    return [{f"policy.Statement.{number}.Action": []} for number in range(statements)]


FAULTS: dict[Rule, dict[str, list[Fault]]] = {
    run.images_stay_as_pushed: {
        "ecr_repository.images": [
            {"image_tag_mutability": "MUTABLE"},
            {"image_scanning_configuration.0.scan_on_push": False},
        ]
    },
    run.images_are_cleared_away: {
        "ecr_lifecycle_policy.images": [
            None,
            {"policy.rules": []},
            {"policy.rules.+": {"selection": {"tagStatus": "any", "countNumber": 10}}},
        ]
    },
    run.images_can_be_pulled: {
        "ecr_repository_policy.images": [
            {"policy.Statement.0.Condition": {"StringLike": {"aws:SourceArn": [OF_FUNCTION]}}},
            {
                "policy.Statement.0.Condition": {
                    "StringLike": {"aws:SourceArn": [OF_FUNCTION, f"{OF_FUNCTION}:*"]},
                    "StringEquals": {"aws:SourceAccount": "123456789012"},
                }
            },
        ]
    },
    run.functions_run_one_image: {"lambda_function.this": [{"image_uri": "x/lambake-dev:1"}]},
    run.versions_are_published: {
        "lambda_function.this": [{"publish": False}, {"snap_start.0.apply_on": "None"}]
    },
    run.calls_go_by_an_alias: {"lambda_alias.live": [None, {"name": "prod"}]},
    run.floods_have_a_limit: {"lambda_function.this": [{"reserved_concurrent_executions": -1}]},
    run.calls_are_traced: {
        "lambda_function.this": [{"tracing_config.0.mode": "PassThrough"}],
        "sfn_state_machine.bulk": [{"tracing_configuration.0.enabled": False}],
    },
    run.logs_end: {
        'cloudwatch_log_group.this["api"]': [{"retention_in_days": 0}],
        "lambda_function.this": [{"logging_config.0.log_group": "/aws/other"}],
    },
    run.variables_are_no_secrets: {
        "lambda_function.this": [{"environment.0.variables.API_TOKEN": "x"}]
    },
    run.calls_are_authorised: {
        "apigatewayv2_route.default": [
            {"authorization_type": "NONE"},
            {"authorization_type": "JWT"},
        ],
        "lambda_function_url.live[0]": [{"authorization_type": "NONE"}],
    },
    run.pages_may_call_where_the_function_lets_them: {
        "apigatewayv2_api.this": [
            {"cors_configuration": []},
            {"cors_configuration.0.allow_headers": ["*"]},
        ],
        'apigatewayv2_route.open["OPTIONS /{proxy+}"]': [None, {"authorization_type": "AWS_IAM"}],
        "lambda_function_url.live[0]": [{"cors": []}],
    },
    run.callers_of_an_address_have_both_grants: {"iam_policy.callers": granting_nothing(2)},
    run.events_are_of_payload_2_0: {
        "apigatewayv2_integration.function": [
            {"payload_format_version": "1.0"},
            {"timeout_milliseconds": 31_000},
        ]
    },
    run.domains_lead_to_the_api: {
        "apigatewayv2_api_mapping.this[0]": [None],
        "apigatewayv2_domain_name.this[0]": [
            {"domain_name_configuration.0.security_policy": "TLS_1_0"}
        ],
        "apigatewayv2_api.this": [{"disable_execute_api_endpoint": False}],
    },
    run.callers_are_throttled: {
        "apigatewayv2_stage.default": [
            {"default_route_settings.0.throttling_burst_limit": None},
            {"default_route_settings.0.throttling_rate_limit": None},
        ]
    },
    run.access_is_logged: {
        "apigatewayv2_stage.default": [
            {"access_log_settings": []},
            {"access_log_settings.0.format.path": "$context.path"},
        ]
    },
    run.permissions_name_their_source: {
        "lambda_permission.bucket": [{"source_account": None}, {"source_arn": None}],
        "lambda_permission.api": [{"principal": "*"}, {"qualifier": ""}],
    },
    run.alarms_watch: {
        'cloudwatch_metric_alarm.this["dead_letters"]': [None],
        'cloudwatch_metric_alarm.this["failures"]': [None],
        'cloudwatch_metric_alarm.drift["inputs"]': [
            None,
            {"metric_query.0.expression": UNQUOTED},
        ],
        'cloudwatch_metric_alarm.drift["labels"]': [None],
        'cloudwatch_metric_alarm.this["api_5xx"]': [{"metric_query": []}],
        'cloudwatch_metric_alarm.this["errors"]': [
            {"metric_query": []},
            {"treat_missing_data": "breaching"},
        ],
        'cloudwatch_metric_alarm.this["duration"]': [{"extended_statistic": "p50"}],
        'cloudwatch_metric_alarm.this["throttles"]': [{"metric_name": "Invocations"}],
    },
    run.alarms_are_told: {"sns_topic_subscription.alarms[0]": [None]},
    run.a_dashboard_shows_it: {"cloudwatch_dashboard.this": [None]},
    release.traffic_shifts_by_canary: {
        "codedeploy_deployment_config.canary": [
            {
                "traffic_routing_config.0.time_based_canary.0.percentage": 50,
                "deployment_config_name": "lambake-dev-canary-50-percent-5-minutes",
            }
        ],
        "codedeploy_deployment_group.live": [
            {"alarm_configuration.0.alarms": []},
            {"auto_rollback_configuration.0.events": ["DEPLOYMENT_FAILURE"]},
        ],
    },
    release.the_hook_ends_in_time: {
        'lambda_function.hook["this"]': [
            {"timeout": 600},
            {"environment.0.variables.AWS_MAX_ATTEMPTS": "5"},
        ]
    },
    release.the_newest_version_is_watched: {
        "codedeploy_deployment_group.live": [
            {"alarm_configuration.0.alarms": ["lambake-dev-errors"]}
        ]
    },
    release.the_canary_can_be_changed: {
        "codedeploy_deployment_config.canary": [{"deployment_config_name": "lambake-dev-canary"}]
    },
    roles.roles_may_do_their_work: {
        "iam_role_policy.function": granting_nothing(7),
        "iam_role_policy.release": granting_nothing(3),
        'iam_role_policy.hook["this"]': granting_nothing(3),
        "iam_role_policy.bulk": [
            *granting_nothing(8),
            {"policy.Statement.6.Resource": f"{OF_MACHINE}/PredictEveryObject"},
        ],
    },
    data.failed_messages_are_told: {
        "lambda_event_source_mapping.requests": [
            {"function_response_types": None},
            {"batch_size": 100},
            {"scaling_config.0.maximum_concurrency": 1},
        ]
    },
    data.messages_wait_for_six_timeouts: {
        "sqs_queue.requests": [{"visibility_timeout_seconds": 179}],
        "lambda_event_source_mapping.requests": [{"maximum_batching_window_in_seconds": 1}],
    },
    data.poison_ends: {
        "sqs_queue.requests": [{"redrive_policy": None}, {"redrive_policy.maxReceiveCount": 4}],
        "sqs_queue.dead_letters": [None, {"message_retention_seconds": 60}],
    },
    data.results_keep_their_order: {"sqs_queue.results": [{"fifo_queue": False}]},
    data.messages_are_encrypted: {"sqs_queue.results": [{"sqs_managed_sse_enabled": False}]},
    data.nothing_travels_in_the_open: {
        "sqs_queue.requests": [{"policy": None}],
        's3_bucket_policy.tls_only["input"]': [
            {"policy.Statement.0.Condition.Bool": {"aws:SecureTransport": "true"}}
        ],
    },
    data.buckets_are_private: {
        's3_bucket_public_access_block.this["input"]': [{"restrict_public_buckets": False}],
        's3_bucket_ownership_controls.this["input"]': [None],
    },
    data.objects_are_encrypted: {
        's3_bucket_server_side_encryption_configuration.this["input"]': [None]
    },
    data.objects_expire: {
        's3_bucket_lifecycle_configuration.this["input"]': [{"rule.0.status": "Disabled"}]
    },
    data.objects_are_versioned: {
        's3_bucket_versioning.this["input"]': [
            None,
            {"versioning_configuration.0.status": "Suspended"},
        ],
        's3_bucket_lifecycle_configuration.this["output"]': [
            {"rule.0.noncurrent_version_expiration": []}
        ],
    },
    data.objects_start_predictions_once: {
        "s3_bucket_notification.input": [
            {"lambda_function.0.filter_prefix": ""},
            {"bucket": "lambake-dev-123456789012-us-east-1-out"},
        ]
    },
    data.failures_are_kept: {
        "lambda_function_event_invoke_config.live": [None, {"qualifier": "$LATEST"}]
    },
    data.bulk_runs_by_its_own_role: {
        "iam_role.bulk": [
            {"assume_role_policy.Statement.0.Condition": {}},
            {"assume_role_policy.Statement.0.Condition.ArnLike": {"aws:SourceArn": OF_MACHINE}},
        ],
        "sfn_state_machine.bulk": [{"definition": "{}"}],
    },
    data.actions_are_named: {
        "iam_role_policy.function": [{"policy.Statement.1.Action.+": "logs:*"}]
    },
    data.resources_are_named: {
        "iam_role_policy.function": [
            {"policy.Statement.0.Action.+": "s3:GetObject"},
            {"policy.Statement.2.Resource.+": "arn:aws:s3:::*"},
        ],
        "iam_role_policy.bulk": [{"policy.Statement.3.Resource": "*"}],
    },
    data.grants_name_who: {
        "ecr_repository_policy.images": [
            {"policy.Statement.0.Condition": {}},
            {
                "policy.Statement.0.Condition.StringLike": {
                    "aws:SourceArn": [OF_ANYBODYS, f"{OF_ANYBODYS}:*"]
                }
            },
        ],
        "sqs_queue.requests": [{"policy.Statement.+": OPEN}],
    },
    data.gone_is_told_from_forbidden: {
        "iam_role_policy.function": [
            {"policy.Statement.4.Condition": {"StringLike": {"s3:prefix": ["in/*"]}}}
        ]
    },
    data.lists_end_at_prefixes: {
        "iam_role_policy.function": [{"policy.Statement.4.Condition": {}}],
        "iam_role_policy.bulk": [{"policy.Statement.4.Condition": {}}],
    },
    data.roles_serve_this_account: {
        "iam_role.function": [{"assume_role_policy.Statement.0.Condition": {}}],
        'iam_role.hook["this"]': [{"assume_role_policy.Statement.0.Condition": {}}],
    },
    data.names_have_the_stage: {"iam_role.function": [{"name": "function"}]},
    data.nothing_outlives_the_stack: {
        "ecr_repository.images": [{"force_delete": False}],
        's3_bucket.this["input"]': [{"force_destroy": False}],
        'cloudwatch_log_group.this["function"]': [{"skip_destroy": True}],
    },
    data.things_are_tagged: {"sqs_queue.results": [{"tags_all": {}}]},
}
"""By rule and address (without the provider's prefix): exactly this rule must find each."""

RULES = tuple(FAULTS)
