"""The rules of what is kept and who may do what: queues, buckets, grants, names, leftovers."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.infra.aws.plan import Plan, Resource
from tests.infra.aws.rules import absent, image_functions

ANYWHERE = {
    "logs:CreateLogDelivery": "log deliveries are no resources",
    "logs:DeleteLogDelivery": "log deliveries are no resources",
    "logs:DescribeLogGroups": "lists the account's groups",
    "logs:DescribeResourcePolicies": "the policies of logs are the account's",
    "logs:GetLogDelivery": "log deliveries are no resources",
    "logs:ListLogDeliveries": "log deliveries are no resources",
    "logs:PutResourcePolicy": "the policies of logs are the account's",
    "logs:UpdateLogDelivery": "log deliveries are no resources",
    "xray:GetSamplingRules": "sampling rules are the account's",
    "xray:GetSamplingTargets": "sampling rules are the account's",
    "xray:PutTelemetryRecords": "traces are no resources",
    "xray:PutTraceSegments": "traces are no resources",
}
"""
The actions that AWS grants on every resource or not at all, with the reason.

Source: the service authorization reference; each has no resource type there.
"""

ALL_OF_A_KIND = {"cloudwatch:DescribeAlarms": "checked against all alarms, whatever is asked for"}
"""Actions granted on all resources of one kind, region and account."""

OF_AN_ACCOUNT = re.compile(r"arn:[^:*]+:[^:*]+:[^:*]*:\d{12}:")
"""How an ARN begins whose things are one account's."""

NAMED_BY = ("alarm_name", "bucket", "dashboard_name", "function_name", "name", "repository")
"""The attributes that name a thing; a deployment group is named within its application."""

NAMED_WITHIN = {"$default", "aws_iam_role_policy", "aws_lambda_alias", "aws_apigatewayv2_stage"}
"""Kinds whose name is one within a thing that is named."""


def failed_messages_are_told(plan: Plan) -> list[str]:
    """Find mappings that ignore which messages failed, collect too much, or take every slot."""
    return [
        one.address
        for one in plan.all("lambda_event_source_mapping")
        if one.values.get("function_response_types") != ["ReportBatchItemFailures"]
        or (one.values["batch_size"] > 10 and not one.values["maximum_batching_window_in_seconds"])
        or one.block("scaling_config").get("maximum_concurrency", 0) < 2
    ] or absent(plan, "lambda_event_source_mapping")


def messages_wait_for_six_timeouts(plan: Plan) -> list[str]:
    """Find the queue whose messages come back while they are still worked on."""
    timeouts = [one.values["timeout"] for one in image_functions(plan)]
    windows = [
        one.values["maximum_batching_window_in_seconds"] or 0
        for one in plan.all("lambda_event_source_mapping")
    ]
    least = 6 * max(timeouts) + max(windows, default=0)
    return [
        one.address
        for one in queues(plan)
        if one.values.get("redrive_policy") and one.values["visibility_timeout_seconds"] < least
    ]


def poison_ends(plan: Plan) -> list[str]:
    """Find that no queue gives up, gives up too soon, to nowhere, or to one that forgets first."""
    kept = {one.values["name"]: one.values for one in queues(plan)}
    breaches = []
    givers = [one for one in queues(plan) if one.values.get("redrive_policy")]
    for one in givers:
        policy = one.json("redrive_policy")
        dead = kept.get(policy["deadLetterTargetArn"].rpartition(":")[2])
        if (
            dead is None
            or policy["maxReceiveCount"] < 5
            or dead["message_retention_seconds"] <= one.values["message_retention_seconds"]
            or "byQueue" not in (dead.get("redrive_allow_policy") or "")
        ):
            breaches.append(one.address)
    return breaches if givers else ["no queue gives up"]


def results_keep_their_order(plan: Plan) -> list[str]:
    """Find that there is no FIFO queue for results."""
    ordered = [one.values["name"] for one in queues(plan) if one.values["fifo_queue"]]
    return [] if ordered and all(name.endswith("-results.fifo") for name in ordered) else ["none"]


def messages_are_encrypted(plan: Plan) -> list[str]:
    """Find queues that keep messages as they are."""
    return [
        one.address
        for one in queues(plan)
        if not (one.values.get("sqs_managed_sse_enabled") or one.values["kms_master_key_id"])
    ]


def nothing_travels_in_the_open(plan: Plan) -> list[str]:
    """Find queues and buckets that answer without TLS."""
    denied = {
        resource
        for _, statement in plan.statements()
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Action"] in ("sqs:*", "s3:*")
        for resource in listed(statement["Resource"])
    }
    ends = {resource.rpartition(":")[2] for resource in denied}
    open_queues = [one.address for one in queues(plan) if one.values["name"] not in ends]
    return open_queues + [
        one.address
        for one in plan.all("s3_bucket")
        if not {one.values["bucket"], f"{one.values['bucket']}/*"} <= ends
    ]


def buckets_are_private(plan: Plan) -> list[str]:
    """Find buckets that could be opened, by a policy or by an object's own list."""
    closed = (
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    )
    good = {
        "s3_bucket_public_access_block": [
            one
            for one in plan.all("s3_bucket_public_access_block")
            if all(one.values[key] for key in closed)
        ],
        "s3_bucket_ownership_controls": [
            one
            for one in plan.all("s3_bucket_ownership_controls")
            if one.block("rule").get("object_ownership") == "BucketOwnerEnforced"
        ],
    }
    buckets = len(plan.all("s3_bucket"))
    return [
        f"{kind}: {len(ones)} of {buckets}" for kind, ones in good.items() if len(ones) < buckets
    ]


def objects_are_encrypted(plan: Plan) -> list[str]:
    """Find buckets without encryption."""
    kind = "s3_bucket_server_side_encryption_configuration"
    good = [
        one
        for one in plan.all(kind)
        if (one.block("rule").get("apply_server_side_encryption_by_default") or [{}])[0].get(
            "sse_algorithm"
        )
    ]
    return [] if len(good) == len(plan.all("s3_bucket")) else [f"{kind}: {len(good)}"]


def objects_expire(plan: Plan) -> list[str]:
    """Find buckets that keep objects, or parts of uploads, for ever."""
    rules = [one.block("rule") for one in plan.all("s3_bucket_lifecycle_configuration")]
    good = [
        rule
        for rule in rules
        if rule.get("status") == "Enabled"
        and (rule.get("expiration") or [{}])[0].get("days")
        and rule.get("abort_incomplete_multipart_upload")
    ]
    return [] if len(good) == len(plan.all("s3_bucket")) else [f"{len(good)} expire"]


def objects_are_versioned(plan: Plan) -> list[str]:
    """Find buckets in which an object that is replaced is lost, or kept for ever."""
    versioned = [
        one
        for one in plan.all("s3_bucket_versioning")
        if one.block("versioning_configuration").get("status") == "Enabled"
    ]
    ending = [
        one
        for one in plan.all("s3_bucket_lifecycle_configuration")
        if one.block("rule").get("noncurrent_version_expiration")
    ]
    buckets = len(plan.all("s3_bucket"))
    return [] if len(versioned) == len(ending) == buckets else [f"{len(versioned)}, {len(ending)}"]


def objects_start_predictions_once(plan: Plan) -> list[str]:
    """Find notifications of every key, or of the bucket that results are written to."""
    return [
        one.address
        for one in plan.all("s3_bucket_notification")
        if not one.block("lambda_function").get("filter_prefix")
        or one.block("lambda_function").get("events") != ["s3:ObjectCreated:*"]
        or 'this["input"]' not in plan_bucket(plan, one)
    ] or absent(plan, "s3_bucket_notification")


def plan_bucket(plan: Plan, notification: Resource) -> str:
    """Return the address of a notification's bucket; of an unknown one the bucket of inputs."""
    named = notification.values.get("bucket")
    return next(
        (one.address for one in plan.all("s3_bucket") if one.values["bucket"] == named),
        'this["input"]' if notification.unknown.get("bucket") else "",
    )


def failures_are_kept(plan: Plan) -> list[str]:
    """Find that an asynchronous invocation can fail without a trace."""
    return [
        one.address
        for one in plan.all("lambda_function_event_invoke_config")
        if one.values["qualifier"] != "live"
        or not (one.values.get("destination_config") or one.unknown.get("destination_config"))
        or not (one.block("destination_config") or {"on_failure": True}).get("on_failure")
    ] or absent(plan, "lambda_function_event_invoke_config")


def bulk_runs_by_its_own_role(plan: Plan) -> list[str]:
    """Find a state machine that calls past the alias, logs what callers send, or lends its role;
    and one whose batches, which run as MACHINE/LABEL, could not take the role.
    """
    roles = {one.values["name"]: one.json("assume_role_policy") for one in plan.all("iam_role")}
    breaches = []
    for one in plan.all("sfn_state_machine"):
        (trust,) = roles[one.values["name"]]["Statement"]
        source = {key for test in trust.get("Condition", {}).values() for key in test}
        arns = listed(trust.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn", []))
        machine = one.values["name"]
        if (
            ":live" not in one.values["definition"]
            or one.block("logging_configuration").get("include_execution_data")
            or source != {"aws:SourceArn", "aws:SourceAccount"}
            or not {machine, f"{machine}/*"} <= {arn.rpartition(":")[2] for arn in arns}
        ):
            breaches.append(one.address)
    return breaches or absent(plan, "sfn_state_machine")


def actions_are_named(plan: Plan) -> list[str]:
    """Find grants of actions by a pattern."""
    return [
        f"{address} {action}"
        for address, statement in plan.statements()
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        if "*" in action
    ]


def resources_are_named(plan: Plan) -> list[str]:
    """Find grants on more than this stack's own, but for the actions that are listed."""
    names = [one.values["name"] for one in plan.all("ecr_repository")]
    # An API is named by its id, and that only once it stands.
    names += [one.values["id"] for one in plan.all("apigatewayv2_api") if one.values.get("id")]
    # A key of one's own, which the function's variables are encrypted with.
    names += [key for one in plan.all("lambda_function") if (key := one.values["kms_key_arn"])]
    breaches = []
    for address, statement in plan.statements():
        actions = set(listed(statement["Action"]))
        free = (ANYWHERE.keys(), ALL_OF_A_KIND.keys())
        for resource in listed(statement.get("Resource", [])):
            fine = (
                actions <= free[0]
                if resource == "*"
                else actions <= free[1]
                if resource.endswith(":alarm:*")
                else any(name in resource.partition("*")[0] for name in names)
            )
            if statement["Effect"] == "Allow" and not fine:
                breaches.append(f"{address} {resource}")
    return breaches


def grants_name_who(plan: Plan) -> list[str]:
    """Find grants to everybody, and to a service on behalf of another account's things."""
    breaches = []
    for address, statement in plan.statements():
        who = statement.get("Principal")
        lent = statement["Action"] != "sts:AssumeRole"
        sources = [
            source
            for test in statement.get("Condition", {}).values()
            for source in listed(test.get("aws:SourceArn", []))
        ]
        ours = sources and all(OF_AN_ACCOUNT.match(source) for source in sources)
        if statement["Effect"] != "Allow" or who is None:
            continue
        if "*" in json.dumps(who) or (lent and not ours):
            breaches.append(address)
    return breaches


def gone_is_told_from_forbidden(plan: Plan) -> list[str]:
    """Find leave to list that S3 does not see where an object is missing: it asks for it without a
    prefix then, and where there is none it answers 403 instead of 404.
    """
    return [
        address
        for address, statement in plan.statements()
        if address == "aws_iam_role_policy.function" and "s3:ListBucket" in statement["Action"]
        if any(not test.endswith("IfExists") for test in statement.get("Condition", {}))
    ]


def lists_end_at_prefixes(plan: Plan) -> list[str]:
    """Find leave to list a whole bucket."""
    return [
        f"{address} {statement['Sid']}"
        for address, statement in plan.statements()
        if "s3:ListBucket" in statement["Action"]
        and not any("s3:prefix" in test for test in statement.get("Condition", {}).values())
    ]


def roles_serve_this_account(plan: Plan) -> list[str]:
    """Find roles that Lambda could take on behalf of another account."""
    return [
        address
        for address, statement in plan.statements()
        if statement.get("Principal") == {"Service": "lambda.amazonaws.com"}
        and statement["Action"] == "sts:AssumeRole"
        and "aws:SourceAccount" not in statement.get("Condition", {}).get("StringEquals", {})
    ]


def names_have_the_stage(plan: Plan) -> list[str]:
    """Find names that another stage in the same account would take, too."""
    prefix = plan.all("ecr_repository")[0].values["name"]
    return [
        f"{one.address} {one.values[key]}"
        for one in plan.resources
        for key in NAMED_BY
        if isinstance(one.values.get(key), str)
        and prefix not in one.values[key]
        and one.kind not in NAMED_WITHIN
    ]


def nothing_outlives_the_stack(plan: Plan) -> list[str]:
    """Find what a destroy would leave or stop at; a full bucket stops it, but for dev's."""
    dev = plan.all("ecr_repository")[0].values["name"].endswith("-dev")
    wanted = {"ecr_repository": ("force_delete", True), "s3_bucket": ("force_destroy", dev)}
    left = [
        one.address
        for kind, (key, value) in wanted.items()
        for one in plan.all(kind)
        if one.values[key] is not value
    ]
    return left + [one.address for one in plan.resources if one.values.get("skip_destroy")]


def things_are_tagged(plan: Plan) -> list[str]:
    """Find things that no bill could be split by."""
    return [
        one.address
        for one in plan.resources
        if "tags_all" in one.values and set(one.values["tags_all"] or {}) < {"project", "stage"}
    ]


def queues(plan: Plan) -> list[Resource]:
    """List the queues."""
    return plan.all("sqs_queue")


def listed(one_or_more: Any) -> list[str]:
    """Make a list of what a policy may spell without one."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]
