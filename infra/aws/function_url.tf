# A second front: no 30 s limit, no cost of its own. Signed calls only: an open one would need
# grants to everybody, and provider 5 cannot tie them to the URL (lambda:InvokedViaFunctionUrl).

resource "aws_lambda_function_url" "live" {
  count = local.aws.function_url ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"

  dynamic "cors" {
    for_each = local.cors

    content {
      allow_origins  = cors.value.allow_origins
      allow_methods  = cors.value.allow_methods
      allow_headers  = cors.value.allow_headers
      expose_headers = cors.value.expose_headers
      max_age        = cors.value.max_age
    }
  }
}
