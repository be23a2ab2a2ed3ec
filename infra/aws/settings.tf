# The settings of function.yaml. Names and ARNs are made here, not taken from resources: so a plan
# shows every policy in full before anything exists.

locals {
  function = yamldecode(file("${path.module}/${var.function_file}"))
  aws      = local.function.aws

  name      = "${local.function.name}-${var.stage}"
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.id
  partition = data.aws_partition.this.partition
  suffix    = data.aws_partition.this.dns_suffix
  sqs       = coalesce(var.simulated_cloud, "https://sqs.${local.region}.${local.suffix}")

  # Keys that the emulator also knows, with its defaults.
  timeout_s               = local.function.timeout_s
  snap_start              = try(local.function.snap_start, false)
  tmp_mb                  = try(local.function.tmp_mb, 512)
  provisioned_concurrency = try(local.function.provisioned_concurrency, 0)
  reserved_concurrency    = try(local.function.reserved_concurrency, local.aws.reserved_concurrency)
  environment             = local.function.environment == null ? {} : local.function.environment
  input_prefix            = try(local.environment.LAMBAKE_INPUT_PREFIX, "in/")
  output_prefix           = try(local.environment.LAMBAKE_OUTPUT_PREFIX, "out/")
  cors_origins            = compact([for origin in split(",", try(local.environment.LAMBAKE_CORS_ORIGINS, "")) : trimspace(origin)])
  metrics_namespace       = try(local.environment.LAMBAKE_METRICS_NAMESPACE, "Lambake")
  read                    = [local.input_prefix, local.aws.buckets.bulk_prefix]
  written                 = [local.output_prefix, local.aws.buckets.bulk_prefix]

  names = {
    # Names of buckets are globally unique.
    input        = "${local.name}-${local.account}-${local.region}-in"
    output       = "${local.name}-${local.account}-${local.region}-out"
    requests     = "${local.name}-requests"
    dead_letters = "${local.name}-dead-letters"
    results      = "${local.name}-results.fifo"
    failures     = "${local.name}-failures"
    bulk         = "${local.name}-bulk"
    hook         = "${local.name}-hook"
  }

  here = "${local.region}:${local.account}"
  arns = merge(
    { for key in ["input", "output"] : key => "arn:${local.partition}:s3:::${local.names[key]}" },
    {
      for key in ["requests", "dead_letters", "results", "failures"] :
      key => "arn:${local.partition}:sqs:${local.here}:${local.names[key]}"
    },
    {
      function  = "arn:${local.partition}:lambda:${local.here}:function:${local.name}"
      live      = "arn:${local.partition}:lambda:${local.here}:function:${local.name}:live"
      hook      = "arn:${local.partition}:lambda:${local.here}:function:${local.names.hook}"
      bulk      = "arn:${local.partition}:states:${local.here}:stateMachine:${local.names.bulk}"
      bulk_runs = "arn:${local.partition}:states:${local.here}:execution:${local.names.bulk}"
      logs      = "arn:${local.partition}:logs:${local.here}:log-group"
      release   = "arn:${local.partition}:codedeploy:${local.here}:deploymentgroup:${local.name}/live"
    },
  )
}
