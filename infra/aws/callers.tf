# What a caller needs: attach these policies to the users and roles that may predict.

locals {
  # Since October 2025 a Function URL asks for both grants.
  # Source: Lambda developer guide, control access to Lambda function URLs.
  may_call_url = !local.aws.function_url ? [] : [
    {
      Sid       = "CallUrl"
      Effect    = "Allow"
      Action    = ["lambda:InvokeFunctionUrl"]
      Resource  = local.arns.live
      Condition = { StringEquals = { "lambda:FunctionUrlAuthType" = "AWS_IAM" } }
    },
    {
      Sid       = "InvokeByUrl"
      Effect    = "Allow"
      Action    = ["lambda:InvokeFunction"]
      Resource  = local.arns.live
      Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
    },
  ]
}

resource "aws_iam_policy" "callers" {
  name        = "${local.name}-callers"
  description = "May predict by ${local.name}."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.may_call_url, local.use_key, [
      {
        Sid      = "Enqueue"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = local.arns.requests
      },
      {
        Sid      = "PutInput"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = "${local.arns.input}/${local.input_prefix}*"
      },
      {
        Sid      = "GetOutput"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "${local.arns.output}/${local.output_prefix}*"
      },
    ])
  })
}

# Separate, since the API's id is known only once it exists: so the plan shows the other in full.
resource "aws_iam_policy" "api_callers" {
  count = local.aws.api.auth == "iam" ? 1 : 0

  name        = "${local.name}-api-callers"
  description = "May call the API of ${local.name}."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "CallApi"
      Effect   = "Allow"
      Action   = ["execute-api:Invoke"]
      Resource = "${aws_apigatewayv2_api.this.execution_arn}/*"
    }]
  })
}
