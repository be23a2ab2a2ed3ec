# A second front: no 30 s limit, no cost of its own. Signed calls only: an open one would need
# grants to everybody, and provider 5 cannot tie them to the URL (lambda:InvokedViaFunctionUrl).

resource "aws_lambda_function_url" "live" {
  count = local.aws.function_url ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
}
