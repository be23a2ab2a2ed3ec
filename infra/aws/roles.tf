# Who may do what. Nothing here has a wildcard for an action.

# A key of one's own: its policy lets the account's roles use it, and the services that write logs and
# alarms (docs/cloud.md).
locals {
  kms_key = local.aws.kms_key
  use_key = local.kms_key == null ? [] : [{
    Sid      = "UseKey"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = local.kms_key
  }]

  # The only grants on every resource: AWS has no narrower ones for these actions.
  # Source: the service authorization reference, actions without a resource type.
  anywhere = {
    # Trace segments belong to no resource.
    traces = {
      Sid      = "Traces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = "*"
    }
    # Sampling rules are the account's.
    sampling = {
      Sid      = "Sampling"
      Effect   = "Allow"
      Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets"]
      Resource = "*"
    }
    # Step Functions logs through a delivery that it makes itself.
    log_delivery = {
      Sid    = "LogDelivery"
      Effect = "Allow"
      Action = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
        "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      Resource = "*"
    }
  }

  trust = {
    for service in ["codedeploy", "lambda", "states"] : service => {
      Effect    = "Allow"
      Principal = { Service = "${service}.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }
  }

  # On behalf of this account's functions only.
  trust_lambda = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.trust.lambda, { Condition = { StringEquals = { "aws:SourceAccount" = local.account } } })]
  })
}

resource "aws_iam_role" "function" {
  name               = "${local.name}-function"
  assume_role_policy = local.trust_lambda
}

resource "aws_iam_role_policy" "function" {
  name = "function"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.aws.tracing ? [local.anywhere.traces] : [], local.use_key, [
      {
        # No logs:CreateLogGroup: a late line must not bring back a group that destroy removed.
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.arns.logs}:${local.log_groups.function}:*"
      },
      {
        Sid      = "ReadInput"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"] # an event names the version
        Resource = [for prefix in local.read : "${local.arns.input}/${prefix}*"]
      },
      {
        # An existing result may be newer than the event.
        Sid      = "WriteOutput"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = [for prefix in local.written : "${local.arns.output}/${prefix}*"]
      },
      {
        # Without it a missing object looks like a forbidden one. GetObject, for which S3 checks this,
        # has no s3:prefix.
        Sid       = "TellGoneFromForbidden"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.arns.input, local.arns.output]
        Condition = { StringLikeIfExists = { "s3:prefix" = [for prefix in concat(local.read, local.written) : "${prefix}*"] } }
      },
      {
        Sid      = "Receive"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = local.arns.requests
      },
      {
        Sid      = "Send"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [local.arns.failures, local.arns.results]
      },
    ])
  })
}
