provider "aws" {
  region = try(local.function.region, null)

  # A simulated cloud gets no real credentials, and no question that only AWS can answer.
  access_key                  = var.simulated_cloud == null ? null : "simulated"
  secret_key                  = var.simulated_cloud == null ? null : "simulated"
  token                       = var.simulated_cloud == null ? null : ""
  skip_credentials_validation = var.simulated_cloud != null
  skip_metadata_api_check     = var.simulated_cloud != null
  skip_requesting_account_id  = false # API Gateway's ARNs have the account in them
  s3_use_path_style           = var.simulated_cloud != null
  max_retries                 = var.simulated_cloud == null ? null : 2 # retries do not fill its gaps

  default_tags {
    tags = { project = local.function.name, stage = var.stage }
  }

  dynamic "endpoints" {
    for_each = var.simulated_cloud == null ? [] : [var.simulated_cloud]

    content {
      apigatewayv2   = endpoints.value
      cloudwatch     = endpoints.value
      cloudwatchlogs = endpoints.value
      codedeploy     = endpoints.value
      ecr            = endpoints.value
      iam            = endpoints.value
      lambda         = endpoints.value
      s3             = endpoints.value
      sfn            = endpoints.value
      sns            = endpoints.value
      sqs            = endpoints.value
      sts            = endpoints.value
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}
