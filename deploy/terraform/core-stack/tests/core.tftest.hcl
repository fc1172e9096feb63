# Properties of the plan. Terraform cannot mock ephemeral resources, so Secrets Manager really generates a value. Run these
# tests with credentials, or against a stand-in for AWS as the project's own tests do. They create nothing.

variables {
  region     = "eu-central-1"
  account_id = "123456789012"
  zone_name  = "mfa.example.com"
}

run "images_are_scanned_and_their_tags_are_immutable" {
  command = plan

  assert {
    condition     = aws_ecr_repository.service.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.service.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.service.encryption_configuration[0].encryption_type == "KMS" && !aws_ecr_repository.service.force_delete
    error_message = "Tags must be immutable and images scanned."
  }
}

run "no_state_contains_a_secret" {
  command = plan

  variables {
    api_keys         = ["shop", "desk"]
    optional_secrets = ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_AUDIT_KEY", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET", "OPEN_MFA_WEBHOOK_SECRET"]
    provided_secrets = ["OPEN_MFA_WEBHOOK_URL"]
  }

  assert {
    condition     = alltrue([for each in concat(values(aws_secretsmanager_secret_version.generated), values(aws_secretsmanager_secret_version.list)) : each.secret_string == null && each.secret_binary == null && each.secret_string_wo_version > 0])
    error_message = "Secret values must be write-only."
  }

  assert {
    condition = toset(keys(aws_secretsmanager_secret_version.generated)) == toset([
      "OPEN_MFA_SECRET_KEY", "OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_AUDIT_KEY", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET", "OPEN_MFA_WEBHOOK_SECRET",
      "encryption-keys/k1", "api-keys/shop", "api-keys/desk", "redis-passwords/p1",
    ])
    error_message = "Every secret that can be generated must be generated."
  }

  assert {
    condition     = alltrue([for each in concat(values(aws_secretsmanager_secret.generated), values(aws_secretsmanager_secret.list), values(aws_secretsmanager_secret.provided)) : each.recovery_window_in_days == 30])
    error_message = "Deleted secrets must be recoverable for a month."
  }

  assert {
    condition     = toset(keys(output.secrets)) == toset(["OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_API_KEYS", "OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_AUDIT_KEY", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET", "OPEN_MFA_WEBHOOK_SECRET", "OPEN_MFA_WEBHOOK_URL"])
    error_message = "The secrets must be complete settings, not parts of them."
  }
}

run "an_encryption_key_is_never_regenerated" {
  command = plan

  variables {
    secret_generations = { "encryption-keys/k1" = 2 }
  }

  expect_failures = [var.secret_generations]
}

run "a_password_of_redis_is_never_regenerated" {
  command = plan

  variables {
    secret_generations = { "redis-passwords/p1" = 2 }
  }

  expect_failures = [var.secret_generations]
}

run "the_derivation_secret_is_never_regenerated" {
  command = plan

  variables {
    secret_generations = { OPEN_MFA_DERIVATION_SECRET = 2 }
  }

  expect_failures = [var.secret_generations]
}

run "a_list_is_not_generated" {
  command = plan

  variables {
    api_keys           = ["shop"]
    secret_generations = { OPEN_MFA_API_KEYS = 2 }
  }

  expect_failures = [var.secret_generations]
}

run "a_secret_that_is_not_generated_cannot_be_regenerated" {
  command = plan

  variables {
    api_keys           = ["shop"]
    secret_generations = { "api-key/shop" = 2 }
  }

  expect_failures = [var.secret_generations]
}

run "a_generated_secret_can_be_regenerated" {
  command = plan

  variables {
    api_keys           = ["shop", "shop/2"]
    secret_generations = { "api-keys/shop/2" = 2, OPEN_MFA_SECRET_KEY = 3, OPEN_MFA_ADMIN_PASSWORD = 1 }
  }

  assert {
    condition     = { for name, version in aws_secretsmanager_secret_version.generated : name => version.secret_string_wo_version if startswith(name, "api-keys/") } == { "api-keys/shop" = 1, "api-keys/shop/2" = 2 }
    error_message = "Only the named secret may change."
  }
}

run "another_key_of_a_tenant_has_its_name" {
  command = plan

  variables {
    api_keys = ["shop/2"]
  }

  assert {
    condition     = local.lists.OPEN_MFA_API_KEYS == [{ name = "shop", secret = "api-keys/shop/2" }]
    error_message = "The key must belong to the tenant in its name."
  }
}

run "another_key_needs_a_number" {
  command = plan

  variables {
    api_keys = ["shop", "shop/new"]
  }

  expect_failures = [var.api_keys]
}

run "the_first_key_has_no_number" {
  command = plan

  variables {
    api_keys = ["shop/1"]
  }

  expect_failures = [var.api_keys]
}

run "a_webhook_is_signed" {
  command = plan

  variables {
    provided_secrets = ["OPEN_MFA_WEBHOOK_URL"]
  }

  expect_failures = [var.provided_secrets]
}

run "the_gate_has_one_secret" {
  command = plan

  variables {
    optional_secrets = ["OPEN_MFA_GATE_SECRET"]
    provided_secrets = ["OPEN_MFA_GATE_SECRET_TEXT"]
  }

  expect_failures = [var.provided_secrets]
}
