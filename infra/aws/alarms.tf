locals {
  # AWS/Lambda counts calls through the alias under this resource, for both versions of a canary.
  of_alias = { FunctionName = local.name, Resource = "${local.name}:live" }
  of_api   = { ApiId = aws_apigatewayv2_api.this.id }
  # While the alias has two versions, it tells them apart by this dimension.
  of_newest = merge(local.of_alias, { ExecutedVersion = aws_lambda_function.this.version })

  # Watched while a new version takes over: each of these rolls it back.
  canary_alarms = ["api_5xx", "canary", "duration", "errors", "throttles"]

  # A percentage, so that one rule fits ten calls a minute and ten thousand.
  shares = {
    errors = {
      says      = "Invocations fail: a crash, a timeout, or an event that was given up"
      namespace = "AWS/Lambda", part = "Errors", all = "Invocations", of = local.of_alias
      threshold = local.aws.alarms.error_percent
    }
    # Among all calls, failures of a tenth of them are hard to see.
    canary = {
      says      = "Of what the newest version was given, too much fails"
      namespace = "AWS/Lambda", part = "Errors", all = "Invocations", of = local.of_newest
      threshold = local.aws.alarms.error_percent
    }
    api_5xx = {
      says      = "The API answers 5xx"
      namespace = "AWS/ApiGateway", part = "5xx", all = "Count", of = local.of_api
      threshold = local.aws.alarms.error_percent
    }
  }

  values = {
    throttles = {
      says      = "Calls are turned away: reserved_concurrency or the account's limit is reached"
      namespace = "AWS/Lambda", metric = "Throttles", stat = "Sum", of = local.of_alias
      threshold = local.aws.alarms.throttles
    }
    duration = {
      says      = "One call in a hundred takes longer than this, in ms"
      namespace = "AWS/Lambda", metric = "Duration", stat = "p99", of = local.of_alias
      threshold = local.aws.alarms.p99_ms
    }
    dead_letters = {
      says      = "Messages were given up"
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", stat = "Maximum"
      of        = { QueueName = local.names.dead_letters }, threshold = 0
    }
    failures = {
      says      = "Asynchronous invocations were given up"
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", stat = "Maximum"
      of        = { QueueName = local.names.failures }, threshold = 0
    }
  }
}

# SNS asks the address to confirm, and tells it nothing before.
resource "aws_sns_topic" "alarms" {
  count = local.aws.alarms.email == null ? 0 : 1

  name              = "${local.name}-alarms"
  kms_master_key_id = local.kms_key
}

resource "aws_sns_topic_subscription" "alarms" {
  count = local.aws.alarms.email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = local.aws.alarms.email
}

locals {
  told = concat(local.aws.alarms.topics, aws_sns_topic.alarms[*].arn)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge(local.shares, local.values)

  alarm_name          = "${local.name}-${replace(each.key, "_", "-")}"
  alarm_description   = "${each.value.says}."
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # no calls, no trouble
  alarm_actions       = local.told
  ok_actions          = local.told

  namespace          = try(each.value.metric, null) == null ? null : each.value.namespace
  metric_name        = try(each.value.metric, null)
  dimensions         = try(each.value.metric, null) == null ? null : each.value.of
  period             = try(each.value.metric, null) == null ? null : 60
  statistic          = try(startswith(each.value.stat, "p") ? null : each.value.stat, null)
  extended_statistic = try(startswith(each.value.stat, "p") ? each.value.stat : null, null)

  dynamic "metric_query" {
    for_each = try({ part = each.value.part, all = each.value.all }, {})

    content {
      id = metric_query.key

      metric {
        namespace   = each.value.namespace
        metric_name = metric_query.value
        dimensions  = each.value.of
        period      = 60
        stat        = "Sum"
      }
    }
  }

  dynamic "metric_query" {
    for_each = try(each.value.part, null) == null ? [] : ["share"]

    content {
      id          = "share"
      label       = "percent"
      expression  = "100 * part / MAX([part, all])"
      return_data = true
    }
  }
}

# The function measures drift itself, one metric a model and version (function/telemetry/cloudwatch.py);
# a query finds them all, including those of models baked later.
resource "aws_cloudwatch_metric_alarm" "drift" {
  for_each = {
    inputs = { metric = "DriftInputs", says = "What comes in is unlike what the model was trained on" }
    labels = { metric = "DriftLabels", says = "What the model says is unlike what it said when it was trained" }
  }

  alarm_name          = "${local.name}-drift-${each.key}"
  alarm_description   = "${each.value.says}: population stability index."
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.aws.alarms.drift
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told
  ok_actions          = local.told

  metric_query {
    id          = "drift"
    label       = "the worst model's"
    period      = 3600
    return_data = true
    # In quotes: SQL's keywords are reserved there, whatever they mean.
    expression = "SELECT MAX(\"${each.value.metric}\") FROM SCHEMA(\"${local.metrics_namespace}\", \"service\", \"model\", \"version\") WHERE \"service\" = '${local.name}'"
  }
}
