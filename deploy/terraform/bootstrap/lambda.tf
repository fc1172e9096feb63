# What lambda-stack needs and what survives it: the encryption key, the repository of the images, and the role of the function.
#
# They are not in lambda-stack, because the workflow that applies and destroys it could then create roles and keys. The policies
# contain the names that lambda-stack uses. An apply of lambda-stack is also quicker, because new roles and keys take time to become
# effective everywhere.

locals {
  lambda = "${local.prefix}-lambda"

  # Resources of lambda-stack, by name.
  lambda_table    = "${local.arn}:dynamodb:${local.of}:table/${local.lambda}"
  lambda_function = "${local.arn}:lambda:${local.of}:function:${local.lambda}"
  lambda_log      = "${local.arn}:logs:${local.of}:log-group:/${local.lambda}/service"
  lambda_stack    = "${local.arn}:cloudformation:${local.of}:stack/${local.lambda}/*"
}

# --- The key ---

resource "aws_kms_key" "lambda" {
  count = var.lambda ? 1 : 0

  description             = "Table, secrets, function, images, log and alarms of ${local.lambda}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.lambda_key.json

  lifecycle {
    prevent_destroy = true
  }
}

# lambda-stack finds the key by this name.
resource "aws_kms_alias" "lambda" {
  count = var.lambda ? 1 : 0

  name          = "alias/${local.lambda}"
  target_key_id = aws_kms_key.lambda[0].key_id
}

data "aws_iam_policy_document" "lambda_key" {
  # checkov:skip=CKV_AWS_109: this is the policy of a key; without the account, it could never be changed again
  # checkov:skip=CKV_AWS_111: likewise
  # checkov:skip=CKV_AWS_356: in the policy of a key, * is this key
  statement {
    sid       = "TheAccountDecides"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["${local.iam}:root"]
    }
  }

  statement {
    sid       = "TheLogOfTheFunction"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [local.lambda_log]
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

resource "aws_ecr_repository" "lambda" {
  count = var.lambda ? 1 : 0

  name                 = local.lambda
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.lambda[0].arn
  }
}

resource "aws_ecr_lifecycle_policy" "lambda" {
  count = var.lambda ? 1 : 0

  repository = aws_ecr_repository.lambda[0].name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "All but the newest twenty that have a tag"
      selection    = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}

data "aws_iam_policy_document" "lambda_images" {
  statement {
    sid     = "TheFunctionStartsTheImage"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.lambda_function]
    }
  }
}

resource "aws_ecr_repository_policy" "lambda" {
  count = var.lambda ? 1 : 0

  repository = aws_ecr_repository.lambda[0].name
  policy     = data.aws_iam_policy_document.lambda_images.json
}

# --- The role of the function ---

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "lambda" {
  count = var.lambda ? 1 : 0

  name               = local.lambda
  description        = "The function ${local.lambda}"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

data "aws_iam_policy_document" "lambda" {
  # The tests run the service against a stand-in for DynamoDB, and compare its calls with this list.
  statement {
    sid = "TheStateInOneTable"
    actions = [
      "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem",
    ]
    resources = [local.lambda_table]
  }

  # DynamoDB uses the key with the permissions of its caller.
  statement {
    sid       = "TheKeyForThisTable"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = aws_kms_key.lambda[*].arn

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:dynamodb:tableName"
      values   = [local.lambda]
    }
  }

  statement {
    sid       = "TheKeyForItsEnvironment"
    actions   = ["kms:Decrypt"]
    resources = aws_kms_key.lambda[*].arn

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:lambda:FunctionArn"
      values   = [local.lambda_function]
    }
  }

  statement {
    sid       = "WriteTheLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.lambda_log}:*"]
  }
}

resource "aws_iam_role_policy" "lambda" {
  count = var.lambda ? 1 : 0

  name   = "run"
  role   = aws_iam_role.lambda[0].id
  policy = data.aws_iam_policy_document.lambda.json
}

# --- lambda: the role of the workflows lambda-apply and lambda-destroy ---
#
# It can create and destroy everything in lambda-stack, but no role, key or repository, and it has no access to items of the table.

data "aws_iam_policy_document" "github_lambda" {
  # checkov:skip=CKV_AWS_108: it must read the state and the secrets of lambda-stack
  # checkov:skip=CKV_AWS_356: actions with * read configuration and support no resource, or generate a value without storing it
  statement {
    sid       = "State"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.state.arn}/lambda-stack.tfstate"]
  }

  statement {
    sid       = "LockOfTheState"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.state.arn}/lambda-stack.tfstate.tflock"]
  }

  statement {
    sid       = "NamesOfStates"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.state.arn]
  }

  statement {
    sid       = "KeyOfTheState"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.state.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  # The table, but no item.
  statement {
    sid = "Table"
    actions = [
      "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:Describe*", "dynamodb:ListTagsOfResource", "dynamodb:TagResource",
      "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
    ]
    resources = [local.lambda_table]
  }

  statement {
    sid = "Secrets"
    actions = [
      "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy",
      "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:TagResource", "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = ["${local.secrets}-lambda/*"]
  }

  # The setup key of the gate, which an operator has entered and which survives the stack. CloudFormation reads it for the function.
  statement {
    sid       = "SetupKeyOfTheGate"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["${local.secrets}-lambda-gate-??????"]
  }

  statement {
    sid       = "KeyForTableSecretsAndFunction"
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = aws_kms_key.lambda[*].arn

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["dynamodb", "lambda", "secretsmanager"] : "${service}.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "DescribeTheKey"
    actions   = ["kms:DescribeKey"]
    resources = aws_kms_key.lambda[*].arn
  }

  statement {
    sid = "StackOfTheFunction"
    actions = [
      "cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:DescribeStack*", "cloudformation:GetTemplate",
      "cloudformation:TagResource", "cloudformation:UntagResource", "cloudformation:UpdateStack",
    ]
    resources = [local.lambda_stack]
  }

  # With the permissions of the caller, because no role is passed to CloudFormation. It may not call the function.
  statement {
    sid = "Function"
    actions = [
      "lambda:AddPermission", "lambda:CreateFunction", "lambda:CreateFunctionUrlConfig", "lambda:DeleteFunction",
      "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionUrlConfig", "lambda:GetFunction*", "lambda:GetPolicy",
      "lambda:GetRuntimeManagementConfig", "lambda:ListTags", "lambda:PutFunctionConcurrency", "lambda:PutFunctionRecursionConfig",
      "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionUrlConfig",
    ]
    resources = [local.lambda_function]
  }

  statement {
    sid       = "RoleOfTheFunction"
    actions   = ["iam:PassRole"]
    resources = ["${local.iam}:role/${local.lambda}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy"]
    resources = ["${local.arn}:ecr:${local.of}:repository/${local.lambda}"]
  }

  # An API has a number instead of a name. The tags protect the APIs of other installations.
  statement {
    sid       = "Api"
    actions   = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
    resources = [for path in ["apis", "apis/*", "tags/*"] : "${local.arn}:apigateway:${var.region}::/${path}"]
  }

  dynamic "statement" {
    for_each = { Application = var.name, Environment = var.environment, Stack = "lambda-stack" }

    content {
      sid       = "NotOfAnother${statement.key}"
      effect    = "Deny"
      actions   = ["apigateway:*"]
      resources = ["*"]

      condition {
        test     = "StringNotEquals"
        variable = "aws:ResourceTag/${statement.key}"
        values   = [statement.value]
      }

      condition {
        test     = "Null"
        variable = "aws:ResourceTag/${statement.key}"
        values   = ["false"]
      }
    }
  }

  statement {
    sid = "Log"
    actions = [
      "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteMetricFilter", "logs:ListTagsForResource",
      "logs:PutMetricFilter", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
    ]
    resources = [local.lambda_log, "${local.lambda_log}:*"]
  }

  statement {
    sid       = "Alarms"
    actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
    resources = ["${local.arn}:cloudwatch:${local.of}:alarm:${local.lambda}-*"]
  }

  statement {
    sid = "AlarmTopic"
    actions = [
      "sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe",
      "sns:TagResource", "sns:UntagResource",
    ]
    resources = ["${local.arn}:sns:${local.of}:${local.lambda}-alarms"]
  }

  statement {
    sid = "WhatKnowsNoName"
    actions = [
      "cloudwatch:DescribeAlarms", "ecr:GetAuthorizationToken", "kms:ListAliases", "logs:DescribeLogGroups", "logs:DescribeMetricFilters",
      "secretsmanager:GetRandomPassword", "sns:GetSubscriptionAttributes", "sns:Unsubscribe",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "github_lambda" {
  count = contains(keys(local.github), "lambda") ? 1 : 0

  name   = "apply-and-destroy"
  role   = aws_iam_role.github["lambda"].id
  policy = data.aws_iam_policy_document.github_lambda.json
}
