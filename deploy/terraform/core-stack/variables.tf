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
    error_message = "No tag may begin with aws: or have more than 128 characters: ${join(", ", [for key in keys(var.tags) : key if startswith(lower(key), "aws:") || length(key) > 128])}."
  }
}

variable "zone_name" {
  description = "The DNS zone that is made here and that the service's name will lie in, such as mfa.example.com. Delegate it to the name servers that come out."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.zone_name))
    error_message = "Must be a domain name in small letters, such as mfa.example.com: without https://, without a path, without a dot at its end."
  }
}

variable "encryption_keys" {
  description = "Names of the keys that secrets at rest are sealed under. The first seals, all open. Each is generated once and never changed."
  type        = list(string)
  default     = ["k1"]

  validation {
    condition     = length(var.encryption_keys) >= 1 && length(var.encryption_keys) == length(distinct(var.encryption_keys))
    error_message = "At least one name, and each only once."
  }

  validation {
    condition     = alltrue([for id in var.encryption_keys : can(regex("^[A-Za-z0-9._-]{1,32}$", id))])
    error_message = "No names of 1 to 32 of A-Z a-z 0-9 . _ - are: ${join(", ", [for id in var.encryption_keys : jsonencode(id) if !can(regex("^[A-Za-z0-9._-]{1,32}$", id))])}."
  }
}

variable "api_keys" {
  description = "Names of the applications (tenants) that use the accounts API; a key is generated for each. «shop/2» is a further key of the tenant shop, beside «shop» or in its place, and so on to «shop/999»."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.api_keys) == length(distinct(var.api_keys))
    error_message = "Each name only once; a further key of a tenant is «shop/2»."
  }

  validation {
    condition     = alltrue([for name in var.api_keys : can(regex("^[A-Za-z0-9._-]{1,32}(/([2-9]|[1-9][0-9]{1,2}))?$", name))])
    error_message = "Must be 1 to 32 of A-Z a-z 0-9 . _ - and for a tenant's further keys a slash and a number from 2 to 999: ${join(", ", [for name in var.api_keys : jsonencode(name) if !can(regex("^[A-Za-z0-9._-]{1,32}(/([2-9]|[1-9][0-9]{1,2}))?$", name))])}."
  }
}

variable "redis_passwords" {
  description = "Names of the passwords that Redis accepts, one or two. The service uses the first; two are there while it is changed."
  type        = list(string)
  default     = ["p1"]

  validation {
    condition     = contains([1, 2], length(var.redis_passwords)) && length(var.redis_passwords) == length(distinct(var.redis_passwords))
    error_message = "One or two different names."
  }

  validation {
    condition     = alltrue([for id in var.redis_passwords : can(regex("^[A-Za-z0-9._-]{1,32}$", id))])
    error_message = "No names of 1 to 32 of A-Z a-z 0-9 . _ - are: ${join(", ", [for id in var.redis_passwords : jsonencode(id) if !can(regex("^[A-Za-z0-9._-]{1,32}$", id))])}."
  }
}

variable "optional_secrets" {
  description = "Which further settings get a generated value, and so are switched on: the admin API, derived secrets, the gate, the webhook's signature."
  type        = set(string)
  default     = ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_DERIVATION_SECRET"]

  validation {
    condition     = length(setsubtract(var.optional_secrets, ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET", "OPEN_MFA_WEBHOOK_SECRET"])) == 0
    error_message = "May be OPEN_MFA_ADMIN_PASSWORD, OPEN_MFA_DERIVATION_SECRET, OPEN_MFA_GATE_SECRET and OPEN_MFA_WEBHOOK_SECRET. Given are: ${join(", ", var.optional_secrets)}."
  }
}

variable "provided_secrets" {
  description = "Which settings somebody else issues, so that they can't be generated: an empty secret is made for each, to be filled before the service starts."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.provided_secrets, ["OPEN_MFA_GATE_SECRET_TEXT", "OPEN_MFA_SMTP_URL", "OPEN_MFA_WEBHOOK_URL"])) == 0
    error_message = "May be OPEN_MFA_GATE_SECRET_TEXT, OPEN_MFA_SMTP_URL and OPEN_MFA_WEBHOOK_URL. Given are: ${join(", ", var.provided_secrets)}."
  }

  validation {
    condition     = contains(var.provided_secrets, "OPEN_MFA_WEBHOOK_URL") == contains(var.optional_secrets, "OPEN_MFA_WEBHOOK_SECRET")
    error_message = "OPEN_MFA_WEBHOOK_URL here and OPEN_MFA_WEBHOOK_SECRET among optional_secrets go together."
  }

  validation {
    condition     = !(contains(var.provided_secrets, "OPEN_MFA_GATE_SECRET_TEXT") && contains(var.optional_secrets, "OPEN_MFA_GATE_SECRET"))
    error_message = "OPEN_MFA_GATE_SECRET_TEXT here takes the place of OPEN_MFA_GATE_SECRET among optional_secrets: the gate has one secret."
  }
}

variable "secret_generations" {
  description = "How often the value of a secret was generated, where that is more than once: raise its number to have it generated anew. A number never goes down and an entry never goes away: that would generate it anew, too. What has a list of its own is renewed by a second one there; OPEN_MFA_DERIVATION_SECRET never is, for what hangs on it would be lost."
  type        = map(number)
  default     = {}

  validation {
    condition     = !anytrue([for name in keys(var.secret_generations) : startswith(name, "encryption-keys/")])
    error_message = "An encryption key is never generated anew, for what is sealed under it would be lost. Add another one to encryption_keys."
  }

  validation {
    condition     = !anytrue([for name in keys(var.secret_generations) : startswith(name, "redis-passwords/")])
    error_message = "A password of Redis is never generated anew, for the running tasks would be shut out. Add another one to redis_passwords."
  }

  validation {
    condition     = !contains(keys(var.secret_generations), "OPEN_MFA_DERIVATION_SECRET")
    error_message = "OPEN_MFA_DERIVATION_SECRET can't be replaced: everybody's derived secret hangs on it."
  }

  validation {
    condition     = length(setsubtract([for name in keys(var.secret_generations) : name if !startswith(name, "encryption-keys/") && !startswith(name, "redis-passwords/")], concat(local.renewable, ["OPEN_MFA_DERIVATION_SECRET"]))) == 0
    error_message = "Not generated here: ${join(", ", setsubtract(keys(var.secret_generations), keys(local.generated)))}. What can be generated anew: ${join(", ", local.renewable)}."
  }

  validation {
    condition     = alltrue([for generation in values(var.secret_generations) : generation >= 1 && floor(generation) == generation])
    error_message = "Must be whole numbers from 1."
  }
}
