# The pre-traffic hook: CodeDeploy waits for its report before the new version gets any traffic.

locals {
  hooks = var.hook_package == null ? {} : { this = var.hook_package }
}

resource "aws_lambda_function" "hook" {
  for_each = local.hooks

  function_name    = local.names.hook
  description      = "Invokes a new version of ${local.name} with the golden vectors."
  role             = aws_iam_role.hook[each.key].arn
  runtime          = "python3.13"
  handler          = "hook.handler"
  architectures    = ["arm64"]
  filename         = each.value
  source_code_hash = filebase64sha256(each.value)
  kms_key_arn      = local.kms_key
  timeout          = 900 # the maximum; hook.py ends earlier
  memory_size      = 256

  environment {
    variables = {
      FUNCTION_NAME = local.name
      # The versions share their environments with callers: a throttled hook retries.
      AWS_RETRY_MODE   = "standard"
      AWS_MAX_ATTEMPTS = "4"
    }
  }

  logging_config {
    log_group  = aws_cloudwatch_log_group.this["hook"].name
    log_format = "JSON"
  }

  tracing_config {
    mode = "PassThrough"
  }

  depends_on = [aws_iam_role_policy.hook]
}

resource "aws_iam_role" "hook" {
  for_each = local.hooks

  name               = local.names.hook
  assume_role_policy = local.trust_lambda
}

resource "aws_iam_role_policy" "hook" {
  for_each = local.hooks

  name = "hook"
  role = aws_iam_role.hook[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.use_key, [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.arns.logs}:${local.log_groups.hook}:*"
      },
      {
        Sid      = "InvokeVersions"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = "${local.arns.function}:*"
      },
      {
        Sid      = "SayHowItWent"
        Effect   = "Allow"
        Action   = ["codedeploy:GetDeployment", "codedeploy:PutLifecycleEventHookExecutionStatus"]
        Resource = local.arns.release
      },
    ])
  })
}
