variable "name" {
  description = "What the installation is called; begins the name of everything in it."
  type        = string
  default     = "open-mfa"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "Must be 3 to 16 of a-z 0-9 and single hyphens, beginning with a letter and ending with no hyphen."
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

variable "zone_name" {
  description = "The DNS zone that is made here and that the service's name will lie in, such as mfa.example.com. Delegate it to the name servers that come out."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.zone_name))
    error_message = "Must be a domain name in small letters, without a dot at its end."
  }
}

variable "encryption_keys" {
  description = "Names of the keys that secrets at rest are sealed under. The first seals, all open. Each is generated once and never changed."
  type        = list(string)
  default     = ["k1"]

  validation {
    condition     = length(var.encryption_keys) >= 1 && length(var.encryption_keys) == length(distinct(var.encryption_keys)) && alltrue([for id in var.encryption_keys : can(regex("^[A-Za-z0-9._-]{1,32}$", id))])
    error_message = "At least one name, each only once, of 1 to 32 of A-Z a-z 0-9 . _ -"
  }
}

variable "api_keys" {
  description = "Names of the applications (tenants) that use the accounts API; a key is generated for each."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.api_keys) == length(distinct(var.api_keys)) && alltrue([for name in var.api_keys : can(regex("^[A-Za-z0-9._-]{1,32}$", name))])
    error_message = "Each name only once, of 1 to 32 of A-Z a-z 0-9 . _ -"
  }
}

variable "redis_passwords" {
  description = "Names of the passwords that Redis accepts, one or two. The service uses the first; two are there while it is changed."
  type        = list(string)
  default     = ["p1"]

  validation {
    condition     = contains([1, 2], length(var.redis_passwords)) && length(var.redis_passwords) == length(distinct(var.redis_passwords)) && alltrue([for id in var.redis_passwords : can(regex("^[A-Za-z0-9._-]{1,32}$", id))])
    error_message = "One or two different names, of 1 to 32 of A-Z a-z 0-9 . _ -"
  }
}

variable "optional_secrets" {
  description = "Which further settings get a generated value, and so are switched on: the admin API, derived secrets, the gate, the webhook's signature."
  type        = set(string)
  default     = ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_DERIVATION_SECRET"]

  validation {
    condition     = length(setsubtract(var.optional_secrets, ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET", "OPEN_MFA_WEBHOOK_SECRET"])) == 0
    error_message = "May be OPEN_MFA_ADMIN_PASSWORD, OPEN_MFA_DERIVATION_SECRET, OPEN_MFA_GATE_SECRET and OPEN_MFA_WEBHOOK_SECRET."
  }
}

variable "provided_secrets" {
  description = "Which settings somebody else issues, so that they can't be generated: an empty secret is made for each, to be filled before the service starts."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.provided_secrets, ["OPEN_MFA_SMTP_URL", "OPEN_MFA_WEBHOOK_URL"])) == 0
    error_message = "May be OPEN_MFA_SMTP_URL and OPEN_MFA_WEBHOOK_URL."
  }

  validation {
    condition     = contains(var.provided_secrets, "OPEN_MFA_WEBHOOK_URL") == contains(var.optional_secrets, "OPEN_MFA_WEBHOOK_SECRET")
    error_message = "OPEN_MFA_WEBHOOK_URL here and OPEN_MFA_WEBHOOK_SECRET among optional_secrets go together."
  }
}

variable "secret_generations" {
  description = "Raise the number of a secret to have its value generated anew. Encryption keys and OPEN_MFA_DERIVATION_SECRET can't be: what hangs on them would be lost."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.secret_generations) : !startswith(name, "encryption-keys/") && name != "OPEN_MFA_DERIVATION_SECRET"])
    error_message = "An encryption key is replaced by adding another one to encryption_keys; OPEN_MFA_DERIVATION_SECRET can't be replaced."
  }

  validation {
    condition     = alltrue([for generation in values(var.secret_generations) : generation >= 1 && floor(generation) == generation])
    error_message = "Must be whole numbers from 1."
  }
}
