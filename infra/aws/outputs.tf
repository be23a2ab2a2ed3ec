# What the release and its commands need; `lambake status` shows it.

output "name" {
  value = local.name
}

output "region" {
  value = local.region
}

output "repository_url" {
  value = aws_ecr_repository.images.repository_url
}

output "api_url" {
  # A simulated cloud has no domains.
  value = local.aws.api.domain == null || var.simulated_cloud != null ? aws_apigatewayv2_api.this.api_endpoint : "https://${local.aws.api.domain.name}"
}

output "auth" {
  description = "Whom the API lets in: iam, jwt or none."
  value       = local.aws.api.auth
}

output "function_url" {
  value = one(aws_lambda_function_url.live[*].function_url)
}

output "domain" {
  description = "The custom domain, and what its DNS record must point to."
  value = one([
    for domain in aws_apigatewayv2_domain_name.this : {
      name   = domain.domain_name
      target = domain.domain_name_configuration[0].target_domain_name
    }
  ])
}

output "function" {
  description = "newest_version is what this apply made; which one is live, the alias says."
  value = {
    name           = aws_lambda_function.this.function_name
    alias          = aws_lambda_alias.live.name
    newest_version = aws_lambda_function.this.version
    image          = aws_lambda_function.this.image_uri
    snap_start     = local.snap_start
  }
}

output "release" {
  value = {
    application   = aws_codedeploy_app.this.name
    group         = aws_codedeploy_deployment_group.live.deployment_group_name
    hook_function = one([for hook in aws_lambda_function.hook : hook.function_name])
    alarms        = [for key in local.canary_alarms : aws_cloudwatch_metric_alarm.this[key].alarm_name]
  }
}

output "queues" {
  value = {
    requests     = aws_sqs_queue.requests.url
    dead_letters = aws_sqs_queue.dead_letters.url
    results      = aws_sqs_queue.results.url
    failures     = aws_sqs_queue.failures.url
  }
}

output "buckets" {
  value = { for key, bucket in aws_s3_bucket.this : key => bucket.bucket }
}

output "prefixes" {
  value = {
    input  = local.input_prefix
    output = local.output_prefix
    bulk   = local.aws.buckets.bulk_prefix
  }
}

output "bulk" {
  value = aws_sfn_state_machine.bulk.arn
}

output "log_groups" {
  value = local.log_groups
}

output "callers_policies" {
  description = "Attach them to whoever may predict."
  value       = concat([aws_iam_policy.callers.arn], aws_iam_policy.api_callers[*].arn)
}

output "dashboard_url" {
  value = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards:name=${local.name}"
}

output "warnings" {
  value = local.aws.api.auth == "none" ? [local.open_api] : []
}
