# What lambda-stack needs, with a mocked AWS provider. These tests create nothing.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{}"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    }
  }
}

variables {
  region     = "eu-central-1"
  account_id = "123456789012"

  # These values override a terraform.tfvars in the directory.
  name                        = "open-mfa"
  environment                 = "production"
  github_repository           = "Example/open-mfa"
  github_oidc_provider_exists = false
  lambda                      = true
}

run "without_lambda_nothing_of_it_is_created" {
  command = plan

  variables {
    lambda = false
  }

  assert {
    condition = alltrue([for made in [
      aws_kms_key.lambda[*], aws_kms_alias.lambda[*], aws_ecr_repository.lambda[*], aws_ecr_repository_policy.lambda[*],
      aws_iam_role.lambda[*], aws_iam_role_policy.lambda[*], aws_iam_role_policy.github_lambda[*],
    ] : length(made) == 0]) && !contains(keys(output.github_roles), "AWS_LAMBDA_ROLE_ARN")
    error_message = "There must be no key, no repository and no role."
  }
}

run "the_key_rotates_and_the_images_are_immutable" {
  command = plan

  assert {
    condition     = aws_kms_key.lambda[0].enable_key_rotation && aws_kms_key.lambda[0].deletion_window_in_days == 30 && aws_kms_alias.lambda[0].name == "alias/open-mfa-production-lambda"
    error_message = "The key must rotate, be recoverable, and have the name that lambda-stack looks for."
  }

  assert {
    condition     = aws_ecr_repository.lambda[0].image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.lambda[0].image_scanning_configuration[0].scan_on_push && !aws_ecr_repository.lambda[0].force_delete && aws_ecr_repository.lambda[0].encryption_configuration[0].encryption_type == "KMS"
    error_message = "Tags must be immutable, and images scanned and encrypted."
  }

  assert {
    condition     = aws_iam_role.lambda[0].name == "open-mfa-production-lambda"
    error_message = "The role must have the name that lambda-stack uses."
  }
}
