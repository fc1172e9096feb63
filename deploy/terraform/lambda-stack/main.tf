# Open-MFA as a function, with its state in DynamoDB. This stack has no network and nothing that takes minutes, so that it can be
# applied for a test run and destroyed afterwards.
#
# The encryption key, the repository of the images and the role of the function are in bootstrap (lambda.tf), because they contain
# or protect permissions. So the workflows that apply and destroy this stack can change neither roles nor keys.

locals {
  # Also the name of the table and of the function. Neither waits for the other, because both take the longest to create.
  prefix = "${var.name}-${var.environment}-lambda"
  arn    = "arn:${data.aws_partition.current.partition}"

  # bootstrap creates the role under this name. The permissions of the role contain the names of the table and of the log.
  role_arn = "${local.arn}:iam::${var.account_id}:role/${local.prefix}"
}

data "aws_partition" "current" {}

data "aws_kms_alias" "lambda" {
  name = "alias/${local.prefix}"
}

# --- The table ---

resource "aws_dynamodb_table" "state" {
  name                        = local.prefix
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = !var.ephemeral

  attribute {
    name = "id"
    type = "S"
  }

  # DynamoDB deletes expired items within a few days. The service checks the time itself.
  ttl {
    enabled        = true
    attribute_name = "expires"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = data.aws_kms_alias.lambda.target_key_arn
  }

  # A destroy deletes the secrets and the log after the table. So if the table is protected, neither the keys of its records nor the
  # audit trail are deleted.
  depends_on = [aws_secretsmanager_secret_version.generated, aws_cloudwatch_log_group.service]
}
