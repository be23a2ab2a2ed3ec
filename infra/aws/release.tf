# Terraform describes, infra/release releases.
#
# `publish` makes each change of the function a new version in the same apply, so that no
# change of the code or the settings can be live without a number to roll back to. Callers
# use the alias `live`. Terraform creates it at the first version and never moves it:
# CodeDeploy and rollbacks do, by weights. If version and weights were not ignored, the next
# plan would show every canary as drift and every apply would end it at once.

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = local.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = local.provisioned_concurrency
}

resource "aws_codedeploy_app" "this" {
  name             = local.name
  compute_platform = "Lambda"
}

# CodeDeploy changes no configuration and removes none in use: so a new one has another
# name, and exists before the old one is removed.
resource "aws_codedeploy_deployment_config" "canary" {
  deployment_config_name = "${local.name}-canary-${local.aws.canary.percent}-percent-${local.aws.canary.minutes}-minutes"
  compute_platform       = "Lambda"

  traffic_routing_config {
    type = "TimeBasedCanary"

    time_based_canary {
      percentage = local.aws.canary.percent
      interval   = local.aws.canary.minutes
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_codedeploy_deployment_group" "live" {
  app_name               = aws_codedeploy_app.this.name
  deployment_group_name  = "live"
  deployment_config_name = aws_codedeploy_deployment_config.canary.id
  service_role_arn       = aws_iam_role.release.arn

  deployment_style {
    deployment_type   = "BLUE_GREEN"
    deployment_option = "WITH_TRAFFIC_CONTROL"
  }

  alarm_configuration {
    enabled = true
    alarms  = [for key in local.canary_alarms : aws_cloudwatch_metric_alarm.this[key].alarm_name]
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
  }

  depends_on = [aws_iam_role_policy.release]
}

resource "aws_iam_role" "release" {
  name               = "${local.name}-release"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [local.trust.codedeploy] })
}

resource "aws_iam_role_policy" "release" {
  name = "release"
  role = aws_iam_role.release.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Shift"
        Effect   = "Allow"
        Action   = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
        Resource = [local.arns.function, local.arns.live]
      },
      {
        Sid      = "RunHook"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = local.arns.hook
      },
      {
        # Without a narrower resource: CloudWatch checks this action against all alarms of the region.
        Sid      = "SeeAlarms"
        Effect   = "Allow"
        Action   = ["cloudwatch:DescribeAlarms"]
        Resource = "arn:${local.partition}:cloudwatch:${local.here}:alarm:*"
      },
    ]
  })
}
