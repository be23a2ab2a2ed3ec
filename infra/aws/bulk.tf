# Bulk prediction over a bucket: `lambake bulk` starts an execution.

resource "aws_sfn_state_machine" "bulk" {
  name       = local.names.bulk
  role_arn   = aws_iam_role.bulk.arn
  definition = templatefile("${path.module}/bulk.asl.json", { function_arn = local.arns.live })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false # callers' data stays out of the logs
    log_destination        = "${aws_cloudwatch_log_group.this["bulk"].arn}:*"
  }

  tracing_configuration {
    enabled = local.aws.tracing
  }

  depends_on = [aws_iam_role_policy.bulk]
}

resource "aws_iam_role" "bulk" {
  name = local.names.bulk
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(local.trust.states, {
      Condition = {
        # To Step Functions, the batches' executions belong to the state machine BULK/LABEL.
        ArnLike      = { "aws:SourceArn" = [local.arns.bulk, "${local.arns.bulk}/*"] }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    })]
  })
}

resource "aws_iam_role_policy" "bulk" {
  name = "bulk"
  role = aws_iam_role.bulk.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.aws.tracing ? [local.anywhere.traces, local.anywhere.sampling] : [],
      [local.anywhere.log_delivery],
      local.use_key,
      [
        {
          Sid      = "Predict"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = local.arns.live
        },
        {
          Sid       = "ListInput"
          Effect    = "Allow"
          Action    = ["s3:ListBucket"]
          Resource  = local.arns.input
          Condition = { StringLike = { "s3:prefix" = [for prefix in local.read : "${prefix}*"] } }
        },
        {
          Sid      = "WriteResults"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
          Resource = [for prefix in local.written : "${local.arns.output}/${prefix}*"]
        },
        {
          Sid      = "StartBatches"
          Effect   = "Allow"
          Action   = ["states:StartExecution"]
          Resource = local.arns.bulk
        },
        {
          Sid      = "WatchBatches"
          Effect   = "Allow"
          Action   = ["states:DescribeExecution", "states:StopExecution"]
          Resource = ["${local.arns.bulk_runs}/*", "${local.arns.bulk_runs}:*"]
        },
      ],
    )
  })
}
