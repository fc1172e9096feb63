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
    error_message = "Tags must not begin with aws: or have more than 128 characters. Invalid: ${join(", ", [for key in keys(var.tags) : key if startswith(lower(key), "aws:") || length(key) > 128])}."
  }
}

variable "zone_name" {
  description = "The DNS zone of the service, such as mfa.example.com. Delegate it to the name servers in the outputs."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.zone_name))
    error_message = "Must be a lower-case domain name such as mfa.example.com, without https:// and without a path or a final dot."
  }
}

variable "encryption_keys" {
  description = "The names of the encryption keys. The first key seals records, and all keys open them. Each key is generated once and never changes."
  type        = list(string)
  default     = ["k1"]

  validation {
    condition     = length(var.encryption_keys) >= 1 && length(var.encryption_keys) == length(distinct(var.encryption_keys))
    error_message = "Must be one or more different names."
  }

  validation {
    condition     = alltrue([for id in var.encryption_keys : can(regex("^[A-Za-z0-9._-]{1,32}$", id))])
    error_message = "Names must be 1 to 32 characters of A-Z, a-z, 0-9, dot, underscore and hyphen. Invalid: ${join(", ", [for id in var.encryption_keys : jsonencode(id) if !can(regex("^[A-Za-z0-9._-]{1,32}$", id))])}."
  }
}

variable "api_keys" {
  description = "The names of the applications (tenants) that use the accounts API. A key is generated for each. shop/2 to shop/999 are further keys of the tenant shop, in addition to the key shop or instead of it."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.api_keys) == length(distinct(var.api_keys))
    error_message = "Names must be different. A further key of the tenant shop is shop/2."
  }

  validation {
    condition     = alltrue([for name in var.api_keys : can(regex("^[A-Za-z0-9._-]{1,32}(/([2-9]|[1-9][0-9]{1,2}))?$", name))])
    error_message = "Must be 1 to 32 characters of A-Z, a-z, 0-9, dot, underscore and hyphen. Further keys of a tenant have a slash and a number from 2 to 999. Invalid: ${join(", ", [for name in var.api_keys : jsonencode(name) if !can(regex("^[A-Za-z0-9._-]{1,32}(/([2-9]|[1-9][0-9]{1,2}))?$", name))])}."
  }
}

variable "redis_passwords" {
  description = "The names of the passwords that Redis accepts, one or two. The service uses the first. The second is needed during a change of the password."
  type        = list(string)
  default     = ["p1"]

  validation {
    condition     = contains([1, 2], length(var.redis_passwords)) && length(var.redis_passwords) == length(distinct(var.redis_passwords))
    error_message = "Must be one or two different names."
  }

  validation {
    condition     = alltrue([for id in var.redis_passwords : can(regex("^[A-Za-z0-9._-]{1,32}$", id))])
    error_message = "Names must be 1 to 32 characters of A-Z, a-z, 0-9, dot, underscore and hyphen. Invalid: ${join(", ", [for id in var.redis_passwords : jsonencode(id) if !can(regex("^[A-Za-z0-9._-]{1,32}$", id))])}."
  }
}

variable "optional_secrets" {
  description = "Settings that get a generated value and so enable a feature: the admin API, the codes of the audit trail, derived secrets, the gate, the signature of webhooks."
  type        = set(string)
  default     = ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_DERIVATION_SECRET"]

  validation {
    condition     = length(setsubtract(var.optional_secrets, ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_AUDIT_KEY", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET", "OPEN_MFA_WEBHOOK_SECRET"])) == 0
    error_message = "May be OPEN_MFA_ADMIN_PASSWORD, OPEN_MFA_AUDIT_KEY, OPEN_MFA_DERIVATION_SECRET, OPEN_MFA_GATE_SECRET and OPEN_MFA_WEBHOOK_SECRET. The value is: ${join(", ", var.optional_secrets)}."
  }
}

variable "provided_secrets" {
  description = "Settings whose values third parties issue. An empty secret is created for each. Enter the values before the service starts."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.provided_secrets, ["OPEN_MFA_GATE_SECRET_TEXT", "OPEN_MFA_SMTP_URL", "OPEN_MFA_WEBHOOK_URL"])) == 0
    error_message = "May be OPEN_MFA_GATE_SECRET_TEXT, OPEN_MFA_SMTP_URL and OPEN_MFA_WEBHOOK_URL. The value is: ${join(", ", var.provided_secrets)}."
  }

  validation {
    condition     = contains(var.provided_secrets, "OPEN_MFA_WEBHOOK_URL") == contains(var.optional_secrets, "OPEN_MFA_WEBHOOK_SECRET")
    error_message = "Set both OPEN_MFA_WEBHOOK_URL in provided_secrets and OPEN_MFA_WEBHOOK_SECRET in optional_secrets, or neither."
  }

  validation {
    condition     = !(contains(var.provided_secrets, "OPEN_MFA_GATE_SECRET_TEXT") && contains(var.optional_secrets, "OPEN_MFA_GATE_SECRET"))
    error_message = "Set OPEN_MFA_GATE_SECRET_TEXT in provided_secrets or OPEN_MFA_GATE_SECRET in optional_secrets, but not both, because the gate has one secret."
  }
}

variable "secret_generations" {
  description = "How many times the value of a secret was generated, if more than once. Increase the number to generate a new value. Never decrease a number or remove an entry, because that generates a new value, too. To replace an encryption key or a password of Redis, add another one to its list. Do the same for an API key whose former value must stay valid for a while. OPEN_MFA_DERIVATION_SECRET can't be replaced, because all derived secrets would be lost. Keep the former value of OPEN_MFA_AUDIT_KEY, because older lines of the audit trail need it."
  type        = map(number)
  default     = {}

  validation {
    condition     = !anytrue([for name in keys(var.secret_generations) : startswith(name, "encryption-keys/")])
    error_message = "An encryption key can't be generated again, because the records under it would be lost. Add another one to encryption_keys."
  }

  validation {
    condition     = !anytrue([for name in keys(var.secret_generations) : startswith(name, "redis-passwords/")])
    error_message = "A password of Redis can't be generated again, because running tasks would lose access. Add another one to redis_passwords."
  }

  validation {
    condition     = !contains(keys(var.secret_generations), "OPEN_MFA_DERIVATION_SECRET")
    error_message = "OPEN_MFA_DERIVATION_SECRET can't be replaced, because all derived secrets depend on it."
  }

  validation {
    condition     = length(setsubtract([for name in keys(var.secret_generations) : name if !startswith(name, "encryption-keys/") && !startswith(name, "redis-passwords/")], concat(local.renewable, ["OPEN_MFA_DERIVATION_SECRET"]))) == 0
    error_message = "No generated secrets: ${join(", ", setsubtract(keys(var.secret_generations), keys(local.generated)))}. Secrets that can be generated again: ${join(", ", local.renewable)}."
  }

  validation {
    condition     = alltrue([for generation in values(var.secret_generations) : generation >= 1 && floor(generation) == generation])
    error_message = "Must be whole numbers of at least 1."
  }
}
