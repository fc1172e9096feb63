variable "name" {
  description = "The name of the installation, and the first part of the names of its resources."
  type        = string
  default     = "open-mfa"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.name)) && !strcontains(var.name, "--") && !can(regex("^(internal|sg)(-|$)", var.name))
    error_message = "Must be 3 to 16 characters of a-z, 0-9 and single hyphens, begin with a letter, and not end with a hyphen. AWS reserves the prefixes internal- and sg-."
  }
}

variable "environment" {
  description = "The environment, such as production or staging, and the second part of every name."
  type        = string
  default     = "production"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "Must be 2 to 10 characters of a-z and 0-9, and begin with a letter."
  }
}

variable "region" {
  description = "The AWS region of all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Must be the name of a region, such as eu-central-1."
  }
}

variable "account_id" {
  description = "The AWS account of all resources. Terraform refuses credentials of other accounts."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Must be the 12 digits of an AWS account."
  }
}

variable "tags" {
  description = "Additional tags of all resources."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && length(key) <= 128])
    error_message = "Tags must not begin with aws: or have more than 128 characters."
  }
}

variable "github_repository" {
  description = "The repository on GitHub whose workflows get roles, in the form of the subject of its tokens: OWNER/NAME, or OWNER@ID/NAME@ID for repositories created since July 2026. The value is case-sensitive. Without it, no role is created."
  type        = string
  default     = null

  validation {
    condition = var.github_repository == null || can(regex(
      "^([A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}|[A-Za-z0-9][A-Za-z0-9_-]{0,38}@[0-9]+/[A-Za-z0-9._-]{1,100}@[0-9]+)$", var.github_repository
    ))
    error_message = "Must be OWNER/NAME or OWNER@ID/NAME@ID: one repository, without wildcards."
  }
}

variable "github_oidc_provider_exists" {
  description = "Whether the account already has a provider for token.actions.githubusercontent.com. An account can have only one, so the existing one is used and not changed."
  type        = bool
  default     = false
}

variable "lambda" {
  description = "Whether to create the key, the repository of the images and the role of the function, which lambda-stack needs. The key is then protected against deletion."
  type        = bool
  default     = false
}
