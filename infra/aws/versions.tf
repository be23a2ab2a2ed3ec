terraform {
  required_version = ">= 1.10" # use_lockfile: the lock is in the bucket

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # `init -backend-config=path=…` sets the path, one per stage. If aws.state_bucket is set, the
  # file state/s3_override.tf is copied beside this one, and replaces this block.
  backend "local" {}
}
