# Resources that are independent of deployments: names, images, and the encryption key.

locals {
  prefix = "${var.name}-${var.environment}"
}

data "aws_partition" "current" {}

# --- The key ---

resource "aws_kms_key" "data" {
  description             = "Secrets, images, logs, alarms and Redis of ${local.prefix}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "data" {
  name          = "alias/${local.prefix}"
  target_key_id = aws_kms_key.data.key_id
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: this is the policy of a key; without the account, it could never be changed again
  # checkov:skip=CKV_AWS_111: likewise
  # checkov:skip=CKV_AWS_356: in the policy of a key, * is this key
  statement {
    sid       = "TheAccountDecides"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"]
    }
  }

  statement {
    sid       = "LogGroupsOfThisInstallation"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values = [for name in ["/${local.prefix}/*", "aws-waf-logs-${local.prefix}"] :
        "arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:${name}"
      ]
    }
  }

  # An alarm that can't use the key of its topic is lost without an error.
  statement {
    sid       = "AlarmsToAnEncryptedTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

# --- Images ---

resource "aws_ecr_repository" "service" {
  name                 = local.prefix
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.data.arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  repository = aws_ecr_repository.service.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "What lost its tag two weeks ago"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        # Counted by tags, because an image for two platforms has parts without a tag.
        description = "All but the newest hundred that have a tag"
        selection   = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 100 }
        action      = { type = "expire" }
      },
    ]
  })
}

# --- Names ---

resource "aws_route53_zone" "service" {
  # checkov:skip=CKV2_AWS_38: DNSSEC needs a record in the parent zone, whose operator decides
  # checkov:skip=CKV2_AWS_39: queries for one public name contain no more information than the log of the load balancer
  name          = var.zone_name
  comment       = "${local.prefix}: delegated from the parent zone"
  force_destroy = false

  lifecycle {
    prevent_destroy = true
  }
}

# Only Amazon, which renews the certificate of the load balancer, may issue certificates for these names.
resource "aws_route53_record" "authorities" {
  zone_id = aws_route53_zone.service.zone_id
  name    = var.zone_name
  type    = "CAA"
  ttl     = 3600
  records = [
    "0 issue \"amazon.com\"",
    "0 issuewild \";\"",
  ]
}
