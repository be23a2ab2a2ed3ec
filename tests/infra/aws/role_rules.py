"""The rule of the roles: each may do what its service asks of it. A simulated cloud lets anybody do
anything, so a right that is missing shows on AWS alone, or here.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.infra.aws.plan import Plan

LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")

Work = tuple[tuple[str, ...], str]

WORK: dict[str, tuple[Work, ...]] = {
    # Lambda checks those on queues and X-Ray when it makes mapping, destination and function.
    "function": (
        (TRACES, "*"),
        (LOGS, ":log-group:/aws/lambda/{name}:*"),
        (("s3:GetObject", "s3:GetObjectVersion"), "-in/in/*"),
        (("s3:GetObject", "s3:GetObjectVersion"), "-in/bulk/*"),
        (("s3:GetObject", "s3:PutObject"), "-out/out/*"),
        (("s3:GetObject", "s3:PutObject"), "-out/bulk/*"),
        (("s3:ListBucket",), "-in"),
        (("s3:ListBucket",), "-out"),
        (("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), ":{name}-requests"),
        (("sqs:SendMessage",), ":{name}-results.fifo"),
        (("sqs:SendMessage",), ":{name}-failures"),
    ),
    # Source: the managed policy AWSCodeDeployRoleForLambda, but for SNS and S3, which it needs not.
    "release": (
        (("lambda:GetAlias", "lambda:UpdateAlias"), ":function:{name}"),
        (("lambda:GetProvisionedConcurrencyConfig",), ":function:{name}:live"),
        (("lambda:InvokeFunction",), ":function:{name}-hook"),
        (("cloudwatch:DescribeAlarms",), ":alarm:*"),
    ),
    "hook": (
        (LOGS, ":log-group:/aws/lambda/{name}-hook:*"),
        (("lambda:InvokeFunction",), ":function:{name}:*"),
        (
            ("codedeploy:GetDeployment", "codedeploy:PutLifecycleEventHookExecutionStatus"),
            ":deploymentgroup:{name}/live",
        ),
    ),
    # Source: Step Functions developer guide, IAM policies for using Distributed Map states, and
    # for logging to CloudWatch Logs.
    "bulk": (
        ((*TRACES, "xray:GetSamplingRules", "xray:GetSamplingTargets"), "*"),
        (
            (
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ),
            "*",
        ),
        (("lambda:InvokeFunction",), ":function:{name}:live"),
        (("s3:ListBucket",), "-in"),
        (
            (
                "s3:AbortMultipartUpload",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ),
            "-out/bulk/*",
        ),
        (("states:StartExecution",), ":stateMachine:{name}-bulk"),
        (("states:DescribeExecution", "states:StopExecution"), ":execution:{name}-bulk/*"),
    ),
}
"""Role, actions, and how the resource ends that it may do them on."""


def roles_may_do_their_work(plan: Plan) -> list[str]:
    """Find what a service would be refused."""
    (name,) = (one.values["name"] for one in plan.all("ecr_repository"))
    policies = {one.address.partition("[")[0] for one in plan.all("iam_role_policy")}
    return [
        f"{role} {action} {ending}"
        for role, work in WORK.items()
        if role != "hook" or f"aws_iam_role_policy.{role}" in policies
        for actions, ending in work
        for action in actions
        if not any(
            granted == action and (resource == "*" or resource.endswith(ending.format(name=name)))
            for granted, resource in _granted(plan, role)
        )
    ]


def _granted(plan: Plan, role: str) -> Iterator[tuple[str, str]]:
    """Yield each action that a role may do, with each resource that it may do it on."""
    for address, statement in plan.statements():
        if address.partition("[")[0] == f"aws_iam_role_policy.{role}":
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                for action in statement["Action"]:
                    yield action, resource
