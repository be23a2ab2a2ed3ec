locals {
  log_groups = {
    function = "/aws/lambda/${local.name}"
    hook     = "/aws/lambda/${local.names.hook}"
    api      = "/aws/vendedlogs/${local.name}-api"
    bulk     = "/aws/vendedlogs/states/${local.names.bulk}"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = local.aws.log_retention_days
  kms_key_id        = local.kms_key
}

resource "aws_lambda_function" "this" {
  function_name = local.name
  description   = "Predicts by baked models."
  role          = aws_iam_role.function.arn
  package_type  = "Image"
  image_uri     = "${local.account}.dkr.ecr.${local.region}.${local.suffix}/${local.name}@${coalesce(var.image_digest, "none")}"
  architectures = [local.aws.architecture]
  kms_key_arn   = local.kms_key
  memory_size   = local.function.memory_mb
  timeout       = local.timeout_s
  publish       = true # release.tf says why

  reserved_concurrent_executions = local.reserved_concurrency == null ? -1 : local.reserved_concurrency

  image_config {
    command = [local.function.handler]
  }

  ephemeral_storage {
    size = local.tmp_mb
  }

  environment {
    variables = merge({
      LAMBAKE_INPUT_PREFIX  = local.input_prefix
      LAMBAKE_OUTPUT_PREFIX = local.output_prefix
      LAMBAKE_OUTPUT_BUCKET = local.names.output
      LAMBAKE_RESULTS_QUEUE = "${local.sqs}/${local.account}/${local.names.results}"
    }, local.environment)
  }

  logging_config {
    log_group  = aws_cloudwatch_log_group.this["function"].name
    log_format = local.function.log_format
  }

  tracing_config {
    mode = local.aws.tracing ? "Active" : "PassThrough"
  }

  dynamic "snap_start" {
    for_each = local.snap_start ? ["PublishedVersions"] : []

    content {
      apply_on = snap_start.value
    }
  }

  lifecycle {
    precondition {
      condition     = var.image_digest != null
      error_message = "image_digest: expected the digest of an image in the registry, got none."
    }
    precondition {
      condition     = !(local.snap_start && local.provisioned_concurrency > 0)
      error_message = "snap_start: expected it without provisioned_concurrency; Lambda has either."
    }
    precondition {
      condition     = !(local.snap_start && local.tmp_mb > 512)
      error_message = "snap_start: expected tmp_mb of 512 at most, got ${local.tmp_mb}."
    }
    precondition {
      condition     = local.timeout_s == floor(local.timeout_s)
      error_message = "timeout_s: expected whole seconds, got ${local.timeout_s}."
    }
    precondition {
      condition     = local.reserved_concurrency == null || try(local.provisioned_concurrency <= local.reserved_concurrency, false)
      error_message = "provisioned_concurrency: expected reserved_concurrency at most."
    }
    precondition {
      condition     = alltrue([for prefix in local.written : prefix != "" && !startswith(prefix, local.input_prefix)])
      error_message = "LAMBAKE_OUTPUT_PREFIX, aws.buckets.bulk_prefix: expected both outside of ${local.input_prefix}."
    }
  }

  depends_on = [
    aws_ecr_repository_policy.images,
    aws_iam_role_policy.function, # without its grants a function's first start fails
  ]
}

# Asynchronous invocations, including the bucket's: permanent failures are kept.
resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = local.function.events.retries
  maximum_event_age_in_seconds = local.function.events.max_age_s

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }
}
