locals {
  auth_types = { iam = "AWS_IAM", jwt = "JWT", none = "NONE" }

  # Pages of other origins may call. To a browser * is every header but Authorization.
  cors = length(local.cors_origins) == 0 ? [] : [{
    allow_origins  = local.cors_origins
    allow_methods  = ["*"]
    allow_headers  = ["authorization", "*"]
    expose_headers = ["*"]
    max_age        = 600
  }]

  # Routes without authorisation, where the others have one. The playground is a page that asks for
  # the token, so its files need none; they hold no data. Browsers send no credentials in a preflight,
  # and the $default route would refuse it (http-api-cors: "add an OPTIONS /{proxy+} route that
  # doesn't require authorization").
  open_routes = local.aws.api.auth == "none" ? [] : concat(
    local.aws.api.auth == "jwt" && local.aws.api.open_page ? ["GET /", "GET /playground/{proxy+}"] : [],
    [for _ in local.cors : "OPTIONS /{proxy+}"],
  )
}

resource "aws_apigatewayv2_api" "this" {
  name          = local.name
  protocol_type = "HTTP"
  description   = "The front of ${local.name}; authorisation: ${local.aws.api.auth}."

  # With a domain it is the only address.
  disable_execute_api_endpoint = local.aws.api.domain != null

  dynamic "cors_configuration" {
    for_each = local.cors

    content {
      allow_origins  = cors_configuration.value.allow_origins
      allow_methods  = cors_configuration.value.allow_methods
      allow_headers  = cors_configuration.value.allow_headers
      expose_headers = cors_configuration.value.expose_headers
      max_age        = cors_configuration.value.max_age
    }
  }

  lifecycle {
    precondition {
      condition     = contains(keys(local.auth_types), local.aws.api.auth)
      error_message = "aws.api.auth: expected iam, jwt or none (in quotes), got ${local.aws.api.auth}."
    }
    precondition {
      condition     = local.aws.api.auth != "jwt" || try(startswith(local.aws.api.jwt.issuer, "https://") && length(local.aws.api.jwt.audience) > 0, false)
      error_message = "aws.api.jwt: expected issuer (https://…) and audience (a list), since auth is jwt."
    }
  }
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  timeout_milliseconds   = min(local.timeout_s, 30) * 1000 # an HTTP API waits 30 s at most
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.aws.api.auth == "jwt" ? 1 : 0

  name             = local.name
  api_id           = aws_apigatewayv2_api.this.id
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = local.aws.api.jwt.issuer
    audience = local.aws.api.jwt.audience
  }
}

# The function knows its routes itself.
resource "aws_apigatewayv2_route" "default" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
  authorization_type = lookup(local.auth_types, local.aws.api.auth, "AWS_IAM")
  authorizer_id      = one(aws_apigatewayv2_authorizer.jwt[*].id)

  # A token needs one of them.
  authorization_scopes = local.aws.api.auth == "jwt" ? try(local.aws.api.jwt.scopes, null) : null
}

resource "aws_apigatewayv2_route" "open" {
  for_each = toset(local.open_routes)

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = local.aws.api.rate_per_s
    throttling_burst_limit   = local.aws.api.burst
    detailed_metrics_enabled = false # billed by the route, and there is one
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this["api"].arn
    # No path, query or header: callers' data stays out of the logs.
    format = jsonencode({
      request_id        = "$context.requestId"
      time              = "$context.requestTimeEpoch"
      ip                = "$context.identity.sourceIp"
      caller            = "$context.identity.caller"
      method            = "$context.httpMethod"
      status            = "$context.status"
      response_bytes    = "$context.responseLength"
      latency_ms        = "$context.responseLatency"
      function_ms       = "$context.integrationLatency"
      function_status   = "$context.integrationStatus"
      integration_error = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_lambda_permission" "api" {
  statement_id   = "api"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "apigateway.amazonaws.com"
  source_account = local.account
  source_arn     = "${aws_apigatewayv2_api.this.execution_arn}/*/$default" # stage, route
}

resource "aws_lambda_permission" "open" {
  for_each = aws_apigatewayv2_route.open

  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "apigateway.amazonaws.com"
  source_account = local.account
  source_arn     = "${aws_apigatewayv2_api.this.execution_arn}/*/${replace(replace(each.key, " ", ""), "{proxy+}", "*")}"
}

# Anyone can call an open API at your cost: each plan and apply says so.
check "api_is_not_open" {
  assert {
    condition     = local.aws.api.auth != "none"
    error_message = local.open_api
  }
}

locals {
  open_api = "THE API IS OPEN: aws.api.auth is none, so anybody who finds its address predicts at your cost."
}

resource "aws_apigatewayv2_domain_name" "this" {
  count = local.aws.api.domain == null ? 0 : 1

  domain_name = local.aws.api.domain.name

  domain_name_configuration {
    certificate_arn = local.aws.api.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  count = local.aws.api.domain == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  stage       = aws_apigatewayv2_stage.default.id
}
