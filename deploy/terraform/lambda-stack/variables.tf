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

# --- The function ---

variable "image" {
  description = "The image of the target lambda in deploy/Dockerfile, in a private repository of this account and region, by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…"
  type        = string

  validation {
    condition     = can(regex("^${var.account_id}\\.dkr\\.ecr\\.${var.region}\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Must be an image of this account and region by digest, because a tag may move and Lambda pulls from no other registry: ${var.account_id}.dkr.ecr.${var.region}.amazonaws.com/NAME@sha256:… The value is: ${var.image}."
  }
}

variable "architecture" {
  description = "The architecture of the image: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Must be x86_64 or arm64."
  }
}

variable "memory" {
  description = "The memory of the function in MB. The share of a CPU grows with it: 1769 MB are one core."
  type        = number
  default     = 1024

  validation {
    condition     = var.memory >= 256 && var.memory <= 10240 && floor(var.memory) == var.memory
    error_message = "Must be a whole number from 256 to 10240."
  }
}

variable "timeout" {
  description = "The seconds after which Lambda ends a request. API Gateway waits for 30 s."
  type        = number
  default     = 25

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 29 && floor(var.timeout) == var.timeout
    error_message = "Must be a whole number from 10 to 29, because mail may take 10 s and API Gateway answers for the function after 30 s."
  }
}

variable "reserved_concurrency" {
  description = "The largest number of requests at the same time. It is reserved, so other functions of the account cannot use it up. null reserves nothing: for new accounts, whose quota is too small for a reservation."
  type        = number
  default     = 10

  validation {
    condition     = var.reserved_concurrency == null ? true : var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "Must be a whole number of at least 1, or null."
  }
}

variable "settings" {
  description = "Additional settings of the service, such as OPEN_MFA_ISSUER. They are readable in the template of the function, so they must not be secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.free_settings)) == 0
    error_message = "These settings are secrets, are unknown, or are decided here: ${join(", ", setsubtract(keys(var.settings), local.free_settings))}. Allowed settings: ${join(", ", local.free_settings)}."
  }

  validation {
    condition     = alltrue([for name, values in local.setting_values : contains(values, lookup(var.settings, name, values[0]))])
    error_message = join(" ", [for name, values in local.setting_values : "${name} must be one of ${join(", ", values)}." if !contains(values, lookup(var.settings, name, values[0]))])
  }
}

variable "tenants_file" {
  description = "The path of the tenants file, relative to this directory. Its text becomes OPEN_MFA_TENANTS_TOML, which is readable in the template of the function. The file contains digests of keys and no secrets. Check it first: open-mfa tenants check."
  type        = string
  default     = null

  validation {
    condition     = var.tenants_file == null || length(setintersection(keys(var.settings), ["OPEN_MFA_TENANTS", "OPEN_MFA_TENANTS_TOML"])) == 0
    error_message = "Set either tenants_file or a tenants file in settings."
  }

  # base64 has 4 characters for 3 bytes.
  validation {
    condition     = var.tenants_file == null ? true : length(base64encode(file(var.tenants_file))) <= 4096
    error_message = "The environment of a function has at most 4 KiB, so the tenants file may have 3 KiB. Put a larger file into the image, and set OPEN_MFA_TENANTS in settings to its path."
  }
}

variable "ephemeral" {
  description = "Whether the installation is for a test run: the table has no protection against deletion, which also protects the secrets and the log, and destroyed secrets are gone at once."
  type        = bool
  default     = false
}

# --- The way to it ---

variable "endpoint" {
  description = "http-api: API Gateway, with a limit of requests and only the public paths. function-url: Lambda alone, with all paths, limited only by reserved_concurrency."
  type        = string
  default     = "http-api"

  validation {
    condition     = contains(["http-api", "function-url"], var.endpoint)
    error_message = "Must be http-api or function-url."
  }

  validation {
    condition     = var.endpoint != "function-url" || var.reserved_concurrency != null
    error_message = "A function URL has no limit of its own, so function-url requires reserved_concurrency."
  }
}

variable "throttle" {
  description = "The requests per second of all clients together, and how many may arrive at once. API Gateway answers further requests with 429."
  type        = object({ rate = optional(number, 50), burst = optional(number, 100) })
  default     = {}

  validation {
    condition     = var.throttle.rate >= 1 && var.throttle.burst >= 1 && floor(var.throttle.burst) == var.throttle.burst
    error_message = "Both must be at least 1, and burst a whole number."
  }
}

variable "public_paths" {
  description = "Patterns of the public paths, where a final /* matches any text. API Gateway answers all other paths with 404. /metrics, /readyz and the admin API are not public."
  type        = list(string)
  default = [
    "/api/v1/session", "/api/v1/session/*", "/api/v1/accounts", "/api/v1/accounts/*",
    "/api/v1/gate/*", "/auth/*", "/healthz", "/health",
    "/problems/*", "/assets/*", "/docs",
    "/openapi.json", "/", "/problems",
  ]

  validation {
    condition = length(var.public_paths) > 0 && alltrue([for path in var.public_paths :
      can(regex("^/([a-z0-9][a-z0-9._/-]*)?(/\\*)?$", path)) && path != "/*" && !contains(["/api/*", "/api/v1/*", "/metrics", "/readyz"], path) && !startswith(path, "/api/v1/admin")
    ])
    error_message = "Must be paths, or paths that end with /*, but not all paths, /metrics, /readyz or the admin API. Wrong: ${join(", ", [for path in var.public_paths : path if !can(regex("^/([a-z0-9][a-z0-9._/-]*)?(/\\*)?$", path)) || contains(["/*", "/api/*", "/api/v1/*", "/metrics", "/readyz"], path) || startswith(path, "/api/v1/admin")])}."
  }
}

# --- Secrets ---

variable "gate_secret_arn" {
  description = "The ARN of an existing secret in Secrets Manager with the setup key of the gate as text (OPEN_MFA_GATE_SECRET_TEXT). It survives the stack. Without it, the stack generates OPEN_MFA_GATE_SECRET."
  type        = string
  default     = null

  validation {
    condition     = var.gate_secret_arn == null || can(regex("^arn:aws[a-z-]*:secretsmanager:${var.region}:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", var.gate_secret_arn))
    error_message = "Must be the complete ARN of a secret in this region: arn:aws:secretsmanager:${var.region}:ACCOUNT:secret:NAME-SUFFIX."
  }
}

variable "audit_key" {
  description = "Whether the stack generates OPEN_MFA_AUDIT_KEY, so that the audit trail has codes. Set OPEN_MFA_AUDIT_PUBLIC_KEY in settings, too. Without it, anyone who takes over the function can rewrite all lines."
  type        = bool
  default     = false
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
  description = "The names of the applications (tenants) that use the accounts API, at most 20. A key is generated for each. shop/2 to shop/999 are further keys of the tenant shop, in addition to the key shop or instead of it."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.api_keys) == length(distinct(var.api_keys)) && length(var.api_keys) <= 20
    error_message = "Names must be different. A further key of the tenant shop is shop/2. The environment of a function has room for 20."
  }

  validation {
    condition     = alltrue([for name in var.api_keys : can(regex("^[A-Za-z0-9._-]{1,32}(/([2-9]|[1-9][0-9]{1,2}))?$", name))])
    error_message = "Must be 1 to 32 characters of A-Z, a-z, 0-9, dot, underscore and hyphen. Further keys of a tenant have a slash and a number from 2 to 999. Invalid: ${join(", ", [for name in var.api_keys : jsonencode(name) if !can(regex("^[A-Za-z0-9._-]{1,32}(/([2-9]|[1-9][0-9]{1,2}))?$", name))])}."
  }
}

variable "secret_generations" {
  description = "How many times the value of a secret was generated, if more than once. Increase the number to generate a new value. Never decrease a number or remove an entry, because that generates a new value, too. To replace an encryption key, add another one to its list."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.secret_generations), [for name in keys(local.generated) : name if !startswith(name, "encryption-keys/")])) == 0
    error_message = "These secrets can't be generated again: ${join(", ", setsubtract(keys(var.secret_generations), [for name in keys(local.generated) : name if !startswith(name, "encryption-keys/")]))}. An encryption key must not change, because the records under it would be lost."
  }

  validation {
    condition     = alltrue([for generation in values(var.secret_generations) : generation >= 1 && floor(generation) == generation])
    error_message = "Must be whole numbers of at least 1."
  }
}

# --- Watching ---

variable "alarm_emails" {
  description = "The e-mail addresses for alarms. Each must confirm the subscription once. The output with the topic allows other subscriptions."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Must be e-mail addresses. Wrong: ${join(", ", [for address in var.alarm_emails : address if !can(regex("^[^@ ]+@[^@ ]+$", address))])}."
  }
}

variable "locks_threshold" {
  description = "The number of locked factors in five minutes that raises an alarm."
  type        = number
  default     = 50
}

variable "log_retention_days" {
  description = "The number of days for which the log is kept, including the audit trail."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Must be a retention period of CloudWatch Logs between 1 and 3653 days."
  }
}
