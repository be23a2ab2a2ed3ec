locals {
  # One line per chart: its title, and its metrics in CloudWatch's form.
  widgets = [
    ["Invocations, errors, throttles", "Sum", [
      for metric in ["Invocations", "Errors", "Throttles"] :
      ["AWS/Lambda", metric, "FunctionName", local.name, "Resource", "${local.name}:live"]
    ]],
    ["Duration, ms", "p99", [
      ["AWS/Lambda", "Duration", "FunctionName", local.name, "Resource", "${local.name}:live"],
      ["AWS/Lambda", "Duration", "FunctionName", local.name, "Resource", "${local.name}:live", { stat = "p50" }],
    ]],
    ["Environments at once", "Maximum", [
      ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", local.name],
    ]],
    ["API", "Sum", [
      for metric in ["Count", "4xx", "5xx"] :
      ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.this.id]
    ]],
    ["Drift, population stability index", "Maximum", [
      for metric in ["DriftInputs", "DriftLabels", "DriftConfidence"] :
      [{ expression = "SEARCH('{${local.metrics_namespace},service,model,version} MetricName=\"${metric}\" service=\"${local.name}\"', 'Maximum', 3600)" }]
    ]],
    ["Messages", "Maximum", [
      for queue in ["requests", "dead_letters", "results", "failures"] :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.names[queue]]
    ]],
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget[0]
          stat    = widget[1]
          metrics = widget[2]
          region  = local.region
          period  = 60
          view    = "timeSeries"
        }
      }
    ]
  })
}
