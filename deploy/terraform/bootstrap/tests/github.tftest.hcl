# Who gets a role of the workflows on GitHub, with AWS made up. Nothing is created. What the roles may do is compared with what
# Terraform asks for by the project's own tests.

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

  # Whatever a terraform.tfvars beside this says.
  name                        = "open-mfa"
  environment                 = "production"
  github_repository           = "Example/open-mfa"
  github_oidc_provider_exists = false
}

run "unless_a_repository_is_named_nothing_is_made" {
  command = plan

  variables {
    github_repository = null
  }

  assert {
    condition = alltrue([for made in [
      aws_iam_openid_connect_provider.github[*], values(aws_iam_role.github), aws_iam_policy.github_plan[*], values(aws_iam_role_policy_attachment.github_plan),
      aws_iam_role_policy.github_release[*], aws_iam_role_policy.github_apply[*], data.aws_iam_openid_connect_provider.github[*],
    ] : length(made) == 0])
    error_message = "No provider, no role and no policy."
  }

  assert {
    condition     = output.github_roles == {}
    error_message = "No role is told."
  }
}

run "nor_is_it_where_only_the_provider_is_there" {
  command = plan

  variables {
    github_repository           = null
    github_oidc_provider_exists = true
  }

  assert {
    condition     = length(data.aws_iam_openid_connect_provider.github) == 0 && length(aws_iam_role.github) == 0
    error_message = "It is not even looked for."
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
      for role, environment in { release = "release", plan = "terraform-plan", apply = "terraform-apply" } : role => join(" and ", [
        "token.actions.githubusercontent.com:aud StringEquals sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub StringEquals repo:Example/open-mfa:environment:${environment}",
      ])
    }
    error_message = "The audience is AWS, and the subject one environment; nothing is compared loosely."
  }

  assert {
    condition     = alltrue([for trust in data.aws_iam_policy_document.github_trust : one(trust.statement).effect != "Deny" && join(" ", one(trust.statement).actions) == "sts:AssumeRoleWithWebIdentity" && one(one(trust.statement).principals).type == "Federated"])
    error_message = "GitHub's tokens are the only way in."
  }

  assert {
    condition     = one(aws_iam_openid_connect_provider.github).url == "https://token.actions.githubusercontent.com" && one(aws_iam_openid_connect_provider.github).client_id_list == toset(["sts.amazonaws.com"])
    error_message = "Tokens that are made out to AWS, by GitHub."
  }

  assert {
    condition     = toset(keys(output.github_roles)) == toset(["AWS_RELEASE_ROLE_ARN", "AWS_PLAN_ROLE_ARN", "AWS_APPLY_ROLE_ARN"])
    error_message = "Told under the names that the workflows know them by."
  }
}

run "the_subject_of_a_younger_repository_has_numbers_too" {
  command = plan

  variables {
    github_repository = "Example@123456/open-mfa@456789"
  }

  assert {
    condition     = one([for condition in one(data.aws_iam_policy_document.github_trust["apply"].statement).condition : one(condition.values) if endswith(condition.variable, ":sub")]) == "repo:Example@123456/open-mfa@456789:environment:terraform-apply"
    error_message = "As GitHub writes it."
  }
}

run "a_provider_that_is_there_is_used_and_left_alone" {
  command = plan

  variables {
    github_oidc_provider_exists = true
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account can have only one of a URL."
  }

  assert {
    condition     = alltrue([for trust in data.aws_iam_policy_document.github_trust : one(one(trust.statement).principals).identifiers == toset(["arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"])])
    error_message = "The roles trust it."
  }
}

run "a_provider_for_something_else_is_not" {
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

run "no_wildcard_for_a_repository" {
  command = plan

  variables {
    github_repository = "Example/*"
  }

  expect_failures = [var.github_repository]
}

run "no_wildcard_for_an_owner" {
  command = plan

  variables {
    github_repository = "*/open-mfa"
  }

  expect_failures = [var.github_repository]
}

run "no_wildcard_for_a_single_character" {
  command = plan

  variables {
    github_repository = "Example/open-mf?"
  }

  expect_failures = [var.github_repository]
}

run "no_owner_alone" {
  command = plan

  variables {
    github_repository = "Example"
  }

  expect_failures = [var.github_repository]
}

run "no_url" {
  command = plan

  variables {
    github_repository = "https://github.com/Example/open-mfa"
  }

  expect_failures = [var.github_repository]
}

run "nothing_that_ends_the_name_early" {
  command = plan

  variables {
    github_repository = "Example/open-mfa:environment:release"
  }

  expect_failures = [var.github_repository]
}

run "a_number_for_both_or_for_neither" {
  command = plan

  variables {
    github_repository = "Example@123456/open-mfa"
  }

  expect_failures = [var.github_repository]
}

run "no_empty_name" {
  command = plan

  variables {
    github_repository = ""
  }

  expect_failures = [var.github_repository]
}
