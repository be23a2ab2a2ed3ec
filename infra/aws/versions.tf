terraform {
  required_version = ">= 1.10" # S3 state that locks itself: use_lockfile

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The path is given by `init -backend-config=path=…`, one a stage. With aws.state_bucket set, the
  # file state/s3_override.tf is laid beside this one, and takes this block's place.
  backend "local" {}
}
