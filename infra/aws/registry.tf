resource "aws_ecr_repository" "images" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # what destroy removes, it removes with its images

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

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
      {
        rulePriority = 2
        description  = "Enough to roll back to"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = local.aws.images_kept }
        action       = { type = "expire" }
      },
    ]
  })
}

# Lambda would write this grant itself, for every function of the account.
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
        ArnLike      = { "aws:SourceArn" = local.arns.function }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })
}
