# State in a bucket, for several people: copied beside versions.tf if aws.state_bucket is set.
# `init -backend-config` sets bucket, key (one per stage) and region. The bucket must exist.
terraform {
  backend "s3" {
    use_lockfile = true # the lock is an object beside the state: no table needed
    encrypt      = true
  }
}
