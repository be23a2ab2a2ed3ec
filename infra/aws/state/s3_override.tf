# State in a bucket, for more than one person: laid beside versions.tf where aws.state_bucket is set.
# `init -backend-config` gives bucket, key (one a stage) and region. The bucket must be there already.
terraform {
  backend "s3" {
    use_lockfile = true # a lock is an object beside the state: no table needed
    encrypt      = true
  }
}
