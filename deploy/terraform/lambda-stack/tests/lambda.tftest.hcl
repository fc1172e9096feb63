# Properties of the plan. Ephemeral resources can't be mocked, so Secrets Manager really generates values. Run these tests with
# credentials, or against a stand-in for AWS as the project's own tests do. They create nothing.

variables {
  region     = "eu-central-1"
  account_id = "123456789012"
  image      = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/open-mfa-production-lambda@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  # These values override a terraform.tfvars in the directory.
  ephemeral            = false
  endpoint             = "http-api"
  gate_secret_arn      = null
  api_keys             = []
  encryption_keys      = ["k1"]
  secret_generations   = {}
  reserved_concurrency = 10
  settings             = {}
}

override_data {
  target = data.aws_kms_alias.lambda
  values = {
    target_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }
}

# One plan for all defaults, because a plan takes seconds.
run "defaults_are_safe" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.state.deletion_protection_enabled && aws_dynamodb_table.state.point_in_time_recovery[0].enabled && aws_dynamodb_table.state.server_side_encryption[0].enabled && aws_dynamodb_table.state.server_side_encryption[0].kms_key_arn == data.aws_kms_alias.lambda.target_key_arn
    error_message = "The table must be protected, recoverable, and encrypted with our own key."
  }

  assert {
    condition     = one(aws_dynamodb_table.state.ttl).enabled && one(aws_dynamodb_table.state.ttl).attribute_name == "expires" && aws_dynamodb_table.state.hash_key == "id" && aws_dynamodb_table.state.range_key == null
    error_message = "The table must have the key and the expiry that the service uses."
  }

  assert {
    condition     = aws_dynamodb_table.state.billing_mode == "PAY_PER_REQUEST"
    error_message = "An idle table must not cost anything."
  }

  assert {
    condition     = alltrue([for each in values(aws_secretsmanager_secret_version.generated) : each.secret_string == null && each.secret_string_wo_version > 0])
    error_message = "Secret values must be write-only."
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret.generated)) == toset(["OPEN_MFA_SECRET_KEY", "OPEN_MFA_GATE_SECRET", "encryption-keys/k1"]) && alltrue([for each in values(aws_secretsmanager_secret.generated) : each.recovery_window_in_days == 30 && each.kms_key_id == data.aws_kms_alias.lambda.target_key_arn])
    error_message = "All secrets must be generated, encrypted with our own key, and recoverable for a month."
  }

  assert {
    condition     = aws_cloudwatch_log_group.service.retention_in_days == 365 && aws_cloudwatch_log_group.service.kms_key_id == data.aws_kms_alias.lambda.target_key_arn
    error_message = "The log must be encrypted with our own key and kept for a year."
  }

  assert {
    condition     = one(aws_apigatewayv2_stage.main[0].default_route_settings).throttling_rate_limit == 50 && one(aws_apigatewayv2_stage.main[0].default_route_settings).throttling_burst_limit == 100
    error_message = "API Gateway must limit the requests."
  }

  assert {
    condition     = length([for key in keys(aws_apigatewayv2_route.public) : key if strcontains(key, "metrics") || strcontains(key, "readyz") || strcontains(key, "admin") || strcontains(key, "$default") || key == "ANY /{rest+}"]) == 0
    error_message = "/metrics, /readyz and the admin API must not be public."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.main["duration"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.main["duration"].threshold == 20000
    error_message = "The alarm must come before the timeout of 25 s."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.main)) == toset(["errors", "throttles", "duration", "read-throttles", "write-throttles", "unexpected-failures", "store-unavailable", "locks", "api-5xx"])
    error_message = "The alarms must notify someone."
  }
}

run "a_test_run_leaves_nothing_behind" {
  command = plan

  variables {
    ephemeral = true
  }

  assert {
    condition     = !aws_dynamodb_table.state.deletion_protection_enabled && alltrue([for each in values(aws_secretsmanager_secret.generated) : each.recovery_window_in_days == 0])
    error_message = "The table and the secrets must be destroyed at once."
  }
}

run "the_setup_key_of_the_gate_can_survive" {
  command = plan

  variables {
    gate_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:open-mfa-production-lambda-gate-AbCdEf"
    api_keys        = ["shop", "shop/2"]
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret.generated)) == toset(["OPEN_MFA_SECRET_KEY", "encryption-keys/k1", "api-keys/shop", "api-keys/shop/2"])
    error_message = "The stack must not generate another setup key."
  }

  assert {
    condition     = output.gate_secret == { id = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:open-mfa-production-lambda-gate-AbCdEf", option = "--key" }
    error_message = "The output must name the secret and the form of its value."
  }
}

run "a_function_url_replaces_the_api" {
  command = plan

  variables {
    endpoint = "function-url"
  }

  assert {
    condition     = length(aws_apigatewayv2_api.main) + length(aws_apigatewayv2_route.public) + length(aws_apigatewayv2_stage.main) == 0 && !contains(keys(aws_cloudwatch_metric_alarm.main), "api-5xx")
    error_message = "There must be one way to the function."
  }
}

run "a_function_url_needs_a_limit" {
  command = plan

  variables {
    endpoint             = "function-url"
    reserved_concurrency = null
  }

  expect_failures = [var.endpoint]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    image              = "ghcr.io/open-mfa/open-mfa:0.1.0"
    architecture       = "amd64"
    timeout            = 30
    public_paths       = ["/", "/metrics"]
    settings           = { OPEN_MFA_SECRET_KEY = "typed by somebody" }
    gate_secret_arn    = "open-mfa-gate"
    encryption_keys    = ["k1", "k 2"]
    api_keys           = ["shop", "shop/new"]
    log_retention_days = 2
    throttle           = { rate = 0 }
  }

  expect_failures = [
    var.image,
    var.architecture,
    var.timeout,
    var.public_paths,
    var.settings,
    var.gate_secret_arn,
    var.encryption_keys,
    var.api_keys,
    var.log_retention_days,
    var.throttle,
  ]
}

run "an_encryption_key_is_never_regenerated" {
  command = plan

  variables {
    secret_generations = { "encryption-keys/k1" = 2 }
  }

  expect_failures = [var.secret_generations]
}
