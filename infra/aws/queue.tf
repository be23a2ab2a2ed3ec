locals {
  visibility_s = 6 * local.timeout_s + local.aws.queue.window_s
  kept_s       = 14 * 24 * 3600 # the longest a queue keeps a message

  tls_only = {
    for key in ["requests", "dead_letters", "results", "failures"] : key => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.arns[key]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }]
    })
  }
}

resource "aws_sqs_queue" "requests" {
  name                       = local.names.requests
  visibility_timeout_seconds = local.visibility_s
  message_retention_seconds  = 4 * 24 * 3600 # shorter than the dead letters', which count from here
  sqs_managed_sse_enabled    = local.kms_key == null ? true : null
  kms_master_key_id          = local.kms_key
  policy                     = local.tls_only.requests

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.arns.dead_letters
    maxReceiveCount     = local.aws.queue.max_receives
  })

  lifecycle {
    precondition {
      condition     = local.aws.queue.max_receives >= 5
      error_message = "aws.queue.max_receives: expected 5 at least, got ${local.aws.queue.max_receives}; throttled messages would be taken for poison."
    }
    precondition {
      condition     = local.aws.queue.batch_size <= 10 || local.aws.queue.window_s >= 1
      error_message = "aws.queue.window_s: expected 1 at least for a batch_size above 10."
    }
    precondition {
      condition     = try(local.reserved_concurrency == 0 || local.aws.queue.max_concurrency <= local.reserved_concurrency, true)
      error_message = "aws.queue.max_concurrency: expected reserved_concurrency at most, got ${local.aws.queue.max_concurrency}; what is turned away too often is a dead letter."
    }
  }

  depends_on = [aws_sqs_queue.dead_letters]
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = local.names.dead_letters
  message_retention_seconds = local.kept_s
  sqs_managed_sse_enabled   = local.kms_key == null ? true : null
  kms_master_key_id         = local.kms_key
  policy                    = local.tls_only.dead_letters

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arns.requests]
  })
}

resource "aws_sqs_queue" "results" {
  name                      = local.names.results
  fifo_queue                = true
  message_retention_seconds = local.kept_s
  sqs_managed_sse_enabled   = local.kms_key == null ? true : null
  kms_master_key_id         = local.kms_key
  policy                    = local.tls_only.results
}

# The destination of asynchronous invocations that failed permanently.
resource "aws_sqs_queue" "failures" {
  name                      = local.names.failures
  message_retention_seconds = local.kept_s
  sqs_managed_sse_enabled   = local.kms_key == null ? true : null
  kms_master_key_id         = local.kms_key
  policy                    = local.tls_only.failures
}

resource "aws_lambda_event_source_mapping" "requests" {
  event_source_arn                   = aws_sqs_queue.requests.arn
  function_name                      = aws_lambda_alias.live.arn
  batch_size                         = local.aws.queue.batch_size
  maximum_batching_window_in_seconds = local.aws.queue.window_s
  # Without it the function's answer is ignored, and a failed message is deleted with its batch.
  function_response_types = ["ReportBatchItemFailures"]

  # The queue leaves environments for callers that wait for an answer.
  scaling_config {
    maximum_concurrency = local.aws.queue.max_concurrency
  }
}
