resource "aws_ecr_repository" "images" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # destroy removes the repository with its images

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = local.kms_key == null ? "AES256" : "KMS"
    kms_key         = local.kms_key
  }

  # A registry keeps the key that it was made with: with another it would be made anew, without images.
  # Checked here, since the registry is made first: the rules of all names that derive from this one.
  lifecycle {
    ignore_changes = [encryption_configuration]

    precondition {
      condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", local.function.name))
      error_message = "name: expected small letters, digits and single dashes, as registries and buckets want them, got ${local.function.name}."
    }
    precondition {
      condition     = length(local.names.output) <= 63
      error_message = "name: expected a shorter one; ${local.names.output} is no name of a bucket."
    }
  }
}

# No rule counts images: it would know when they were pushed but not which one is live, so ten
# refused in a row would expire the one that Lambda runs; a higher limit only delays that.
# A release removes images that no version runs (infra/release/unused_images.py); until one succeeds,
# refused images stay, and cost their storage.
resource "aws_ecr_lifecycle_policy" "images" {
  repository = aws_ecr_repository.images.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "An image without a tag is an interrupted push"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 1 }
        action       = { type = "expire" }
      },
    ]
  })
}

# Lambda would write this grant itself, for every function of the account. It asks on behalf of the
# function or of one of its versions, whose ARNs have the account in them; that it would send
# aws:SourceAccount too is not documented, and without a match no image is found.
resource "aws_ecr_repository_policy" "images" {
  repository = aws_ecr_repository.images.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaPulls"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Condition = {
        StringLike = { "aws:SourceArn" = [local.arns.function, "${local.arns.function}:*"] }
      }
    }]
  })
}
