# Properties of the plan, with a mocked AWS provider. These tests create nothing.

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
}

run "the_state_is_versioned_encrypted_and_private" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "Former versions of the state must be recoverable."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && aws_kms_key.state.enable_key_rotation
    error_message = "The state must be encrypted with our own key, which rotates."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.state.block_public_acls && aws_s3_bucket_public_access_block.state.block_public_policy && aws_s3_bucket_public_access_block.state.ignore_public_acls && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "The bucket must block public access."
  }

  assert {
    condition     = aws_s3_bucket.state.bucket == "open-mfa-production-state-123456789012" && aws_s3_bucket.state.force_destroy == false
    error_message = "A bucket with objects must not be deleted."
  }
}

run "requests_need_tls" {
  command = plan

  assert {
    condition     = alltrue([for each in data.aws_iam_policy_document.bucket.statement : each.effect == "Deny"]) && toset(flatten([for each in data.aws_iam_policy_document.bucket.statement : [for condition in each.condition : condition.variable]])) == toset(["aws:SecureTransport", "s3:TlsVersion"])
    error_message = "Requests without TLS or with an old version of it must be denied."
  }
}

run "an_account_has_twelve_digits" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}
