variable "name" {
  description = "What the installation is called; begins the name of everything in it."
  type        = string
  default     = "open-mfa"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.name)) && !strcontains(var.name, "--") && !can(regex("^(internal|sg)(-|$)", var.name))
    error_message = "Must be 3 to 16 of a-z 0-9 and single hyphens, beginning with a letter, neither with internal- nor sg-, which AWS keeps for itself, and ending with no hyphen."
  }
}

variable "environment" {
  description = "Which of several installations this is, such as production or staging; the second part of every name."
  type        = string
  default     = "production"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "Must be 2 to 10 of a-z 0-9, beginning with a letter."
  }
}

variable "region" {
  description = "The AWS region that everything lies in."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Must be the name of a region, such as eu-central-1."
  }
}

variable "account_id" {
  description = "The AWS account that everything belongs to; with credentials of another one nothing is done."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Must be the 12 digits of an AWS account."
  }
}

variable "tags" {
  description = "Further tags for everything."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && length(key) <= 128])
    error_message = "No tag may begin with aws: or have more than 128 characters."
  }
}

variable "github_repository" {
  description = "The repository on GitHub whose workflows get roles here, as the subject of its tokens begins: OWNER/NAME, or OWNER@ID/NAME@ID for one made since July 2026. Letter case counts. Unless set, no role is made."
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
  description = "Whether the account has a provider for token.actions.githubusercontent.com already; it can have one only. It is used then, and left as it is."
  type        = bool
  default     = false
}
