# The workflows on GitHub that may assume a role, with a mocked AWS provider. These tests create nothing. The project's own tests
# compare the permissions of the roles with the requests that Terraform sends.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{}"
    }
  }

  mock_data "aws_iam_openid_connect_provider" {
    defaults = {
      arn            = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      client_id_list = ["sts.amazonaws.com"]
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
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

run "without_a_repository_no_resource_is_created" {
  command = plan

  variables {
    github_repository = null
  }

  assert {
    condition = alltrue([for made in [
      aws_iam_openid_connect_provider.github[*], values(aws_iam_role.github), aws_iam_policy.github_plan[*], values(aws_iam_role_policy_attachment.github_plan),
      aws_iam_role_policy.github_release[*], aws_iam_role_policy.github_apply[*], data.aws_iam_openid_connect_provider.github[*],
    ] : length(made) == 0])
    error_message = "There must be no provider, no role and no policy."
  }

  assert {
    condition     = output.github_roles == {}
    error_message = "There must be no output with a role."
  }
}

run "without_a_repository_an_existing_provider_changes_nothing" {
  command = plan

  variables {
    github_repository           = null
    github_oidc_provider_exists = true
  }

  assert {
    condition     = length(data.aws_iam_openid_connect_provider.github) == 0 && length(aws_iam_role.github) == 0
    error_message = "The existing provider must not be read."
  }
}

run "each_role_trusts_one_environment_of_one_repository" {
  command = plan

  assert {
    condition = {
      for role, trust in data.aws_iam_policy_document.github_trust : role => join(" and ", sort([for condition in one(trust.statement).condition :
        "${condition.variable} ${condition.test} ${join(" or ", condition.values)}"
      ]))
      } == {
      for role, environment in { release = "release", plan = "terraform-plan", apply = "terraform-apply", lambda = "lambda" } : role => join(" and ", [
        "token.actions.githubusercontent.com:aud StringEquals sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub StringEquals repo:Example/open-mfa:environment:${environment}",
      ])
    }
    error_message = "The audience must be AWS and the subject one environment, both compared without wildcards."
  }

  assert {
    condition     = alltrue([for trust in data.aws_iam_policy_document.github_trust : one(trust.statement).effect != "Deny" && join(" ", one(trust.statement).actions) == "sts:AssumeRoleWithWebIdentity" && one(one(trust.statement).principals).type == "Federated"])
    error_message = "Only GitHub's tokens may assume the role."
  }

  assert {
    condition     = one(aws_iam_openid_connect_provider.github).url == "https://token.actions.githubusercontent.com" && one(aws_iam_openid_connect_provider.github).client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The provider must accept GitHub's tokens for the audience of AWS."
  }

  assert {
    condition     = toset(keys(output.github_roles)) == toset(["AWS_RELEASE_ROLE_ARN", "AWS_PLAN_ROLE_ARN", "AWS_APPLY_ROLE_ARN", "AWS_LAMBDA_ROLE_ARN"])
    error_message = "The outputs must have the names that the workflows use."
  }
}

run "the_subject_of_a_recent_repository_also_contains_ids" {
  command = plan

  variables {
    github_repository = "Example@123456/open-mfa@456789"
  }

  assert {
    condition     = one([for condition in one(data.aws_iam_policy_document.github_trust["apply"].statement).condition : one(condition.values) if endswith(condition.variable, ":sub")]) == "repo:Example@123456/open-mfa@456789:environment:terraform-apply"
    error_message = "The subject must have GitHub's format."
  }
}

run "an_existing_provider_is_used_and_not_changed" {
  command = plan

  variables {
    github_oidc_provider_exists = true
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An AWS account can have only one provider for a URL."
  }

  assert {
    condition     = alltrue([for trust in data.aws_iam_policy_document.github_trust : one(one(trust.statement).principals).identifiers == toset(["arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"])])
    error_message = "The roles must trust the existing provider."
  }
}

run "a_provider_for_another_audience_is_refused" {
  command = plan

  variables {
    github_oidc_provider_exists = true
  }

  override_data {
    target = data.aws_iam_openid_connect_provider.github
    values = {
      client_id_list = ["somebody.else.example"]
    }
  }

  expect_failures = [data.aws_iam_openid_connect_provider.github]
}

run "a_wildcard_for_a_repository_is_refused" {
  command = plan

  variables {
    github_repository = "Example/*"
  }

  expect_failures = [var.github_repository]
}

run "a_wildcard_for_an_owner_is_refused" {
  command = plan

  variables {
    github_repository = "*/open-mfa"
  }

  expect_failures = [var.github_repository]
}

run "a_wildcard_for_one_character_is_refused" {
  command = plan

  variables {
    github_repository = "Example/open-mf?"
  }

  expect_failures = [var.github_repository]
}

run "an_owner_without_a_repository_is_refused" {
  command = plan

  variables {
    github_repository = "Example"
  }

  expect_failures = [var.github_repository]
}

run "a_url_is_refused" {
  command = plan

  variables {
    github_repository = "https://github.com/Example/open-mfa"
  }

  expect_failures = [var.github_repository]
}

run "a_name_with_a_separator_is_refused" {
  command = plan

  variables {
    github_repository = "Example/open-mfa:environment:release"
  }

  expect_failures = [var.github_repository]
}

run "an_id_of_only_one_part_is_refused" {
  command = plan

  variables {
    github_repository = "Example@123456/open-mfa"
  }

  expect_failures = [var.github_repository]
}

run "an_empty_name_is_refused" {
  command = plan

  variables {
    github_repository = ""
  }

  expect_failures = [var.github_repository]
}
