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

# --- Service ---

variable "state_bucket" {
  description = "The bucket with the state of core-stack: `state_bucket` in the outputs of bootstrap."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "Must be the name of a bucket: terraform -chdir=bootstrap output -raw state_bucket."
  }
}

variable "domain_name" {
  description = "The host name of the service, in the zone of core-stack."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "Must be a lower-case domain name such as mfa.example.com, without https:// and without a path or a final dot."
  }
}

variable "image" {
  description = "The image in the repository of core-stack: a digest (sha256:…) or a tag that never changes."
  type        = string

  validation {
    condition     = can(regex("^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$", var.image)) && var.image != "latest"
    error_message = "Only the tag or the digest, without the repository: 0.1.0, or sha256: and 64 hexadecimal digits. The tag latest is not allowed, because it does not identify an image."
  }
}

variable "cpu_architecture" {
  description = "The architecture of the image: ARM64, which costs a fifth less, or X86_64."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Must be ARM64 or X86_64."
  }
}

variable "task_cpu" {
  description = "CPU units of a task. 1024 units are one core."
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.task_cpu)
    error_message = "Must be 256, 512, 1024, 2048 or 4096."
  }
}

variable "task_memory" {
  description = "Memory of a task in MiB: two to eight times task_cpu, and a multiple of 1024."
  type        = number
  default     = 1024

  validation {
    condition     = var.task_memory >= 2 * var.task_cpu && var.task_memory <= min(8 * var.task_cpu, 30720) && (var.task_memory % 1024 == 0 || var.task_memory == 512)
    error_message = "Must be two to eight times task_cpu, at most 30720, and 512 or a multiple of 1024."
  }
}

variable "processes" {
  description = "Processes of the service in a task (WEB_CONCURRENCY)."
  type        = number
  default     = 2

  validation {
    condition     = var.processes >= 1 && var.processes <= 32
    error_message = "Must be 1 to 32."
  }
}

variable "tasks" {
  description = "The minimum and maximum number of tasks for autoscaling. At least two, so that they run in two zones."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }

  validation {
    condition     = var.tasks.min >= 2 && var.tasks.max >= var.tasks.min && var.tasks.max <= 50
    error_message = "min must be at least 2, and max must be between min and 50."
  }
}

variable "scaling" {
  description = "The targets of autoscaling for each task: CPU in percent, and requests per minute."
  type        = object({ cpu_percent = number, requests_per_minute = number })
  default     = { cpu_percent = 60, requests_per_minute = 6000 }

  validation {
    condition     = var.scaling.cpu_percent >= 10 && var.scaling.cpu_percent <= 90 && var.scaling.requests_per_minute >= 60
    error_message = "Must be 10 to 90 percent, and at least 60 requests per minute."
  }
}

variable "settings" {
  description = "Additional settings of the service, such as OPEN_MFA_ISSUER. They are readable in the task definition, so they must not be secrets."
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
  description = "The path of the tenants file, relative to this directory. Its text becomes OPEN_MFA_TENANTS_TOML, which is readable in the task definition. The file contains digests of keys and no secrets. Check it first: open-mfa tenants check."
  type        = string
  default     = null

  validation {
    condition     = var.tenants_file == null || length(setintersection(keys(var.settings), ["OPEN_MFA_TENANTS", "OPEN_MFA_TENANTS_TOML"])) == 0
    error_message = "Set either tenants_file or a tenants file in settings."
  }

  # base64 has 4 characters for 3 bytes.
  validation {
    condition     = var.tenants_file == null ? true : length(base64encode(jsonencode(file(var.tenants_file)))) <= 65536
    error_message = "A task definition has at most 64 KiB, so the tenants file may have 48 KiB as JSON. Put a larger file into the image, and set OPEN_MFA_TENANTS in settings to its path."
  }
}

# --- Network ---

variable "availability_zones" {
  description = "Two or three zones of the region, in any order. The letter of a zone determines the addresses of its subnets, so a third zone does not change the others. A zone with nodes of Redis can't be removed."
  type        = set(string)

  validation {
    condition     = contains([2, 3], length(var.availability_zones))
    error_message = "Must be two or three different zones."
  }

  validation {
    condition     = alltrue([for zone in var.availability_zones : can(regex("^${var.region}[a-h]$", zone))])
    error_message = "Must be zones of the region, such as ${var.region}a: ${join(", ", [for zone in var.availability_zones : zone if !can(regex("^${var.region}[a-h]$", zone))])}."
  }
}

variable "vpc_cidr" {
  description = "The addresses of the VPC: a /16 to /20 network of private addresses."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)[0-9.]+/(1[6-9]|20)$", var.vpc_cidr))
    error_message = "Must be a /16 to /20 of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "client_cidrs" {
  description = "The networks that may connect to the load balancer."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrnetmask(cidr))])
    error_message = "Must be one or more IPv4 networks, such as 203.0.113.0/24. Wrong: ${join(", ", [for cidr in var.client_cidrs : cidr if !can(cidrnetmask(cidr))])}."
  }
}

variable "backend_cidrs" {
  description = "The back ends of applications, which send codes of many users from few addresses. They are exempt from the rate limits of the firewall, but not from the locks of the service."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.backend_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "Must be IPv4 networks, such as 203.0.113.7/32, and not all addresses. Wrong: ${join(", ", [for cidr in var.backend_cidrs : cidr if !can(cidrnetmask(cidr)) || try(tonumber(split("/", cidr)[1]), 0) < 8])}."
  }
}

variable "admin_cidrs" {
  description = "The networks that may use the admin API through the load balancer. Without one, the admin API is not reachable."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.admin_cidrs) <= 3 && alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "Must be at most three IPv4 networks, such as 203.0.113.7/32, and not all addresses. There are ${length(var.admin_cidrs)}; wrong: ${join(", ", [for cidr in var.admin_cidrs : cidr if !can(cidrnetmask(cidr)) || try(tonumber(split("/", cidr)[1]), 0) < 8])}."
  }
}

variable "gate_proxies" {
  description = "Applications behind the gate: their host names, and the addresses of their proxies. Only these proxies may send X-Forwarded-Host."
  type        = object({ hosts = list(string), cidrs = list(string) })
  default     = { hosts = [], cidrs = [] }

  validation {
    condition = (
      length(var.gate_proxies.hosts) <= 40 && length(distinct(var.gate_proxies.hosts)) == length(var.gate_proxies.hosts)
      && alltrue([for host in var.gate_proxies.hosts : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", host))])
    )
    error_message = "hosts must be at most 40 different lower-case names, such as wiki.example.com."
  }

  validation {
    condition = (
      (length(var.gate_proxies.hosts) > 0) == (length(var.gate_proxies.cidrs) > 0) && length(var.gate_proxies.cidrs) <= 3
      && alltrue([for cidr in var.gate_proxies.cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    )
    error_message = "cidrs must be one to three IPv4 networks, such as 203.0.113.7/32, if there are hosts, and empty otherwise."
  }
}

variable "public_paths" {
  description = "Patterns of the public paths, where * matches any text. The load balancer answers all other paths with 404."
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
    error_message = "Must be paths, or paths that end with /*, but not all paths, /metrics, /readyz or the admin API (see admin_cidrs). Wrong: ${join(", ", [for path in var.public_paths : path if !can(regex("^/([a-z0-9][a-z0-9._/-]*)?(/\\*)?$", path)) || contains(["/*", "/api/*", "/api/v1/*", "/metrics", "/readyz"], path) || startswith(path, "/api/v1/admin")])}."
  }
}

variable "internet_egress" {
  description = "Whether tasks can connect to the internet over HTTPS, for a webhook, through a NAT gateway in each zone. Otherwise they reach only AWS, through endpoints in the VPC."
  type        = bool
  default     = false
}

variable "mail_server" {
  description = "The networks and the port of the mail server, if there is one."
  type        = object({ cidrs = list(string), port = number })
  default     = null

  validation {
    condition     = var.mail_server == null ? true : length(var.mail_server.cidrs) > 0 && contains([465, 587, 2465, 2587], var.mail_server.port) && alltrue([for cidr in var.mail_server.cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "Must be IPv4 networks, but not all addresses, and port 465, 587, 2465 or 2587."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer is protected from deletion."
  type        = bool
  default     = true
}

# --- Firewall ---

variable "rate_limits" {
  description = "Requests that one address may send in five minutes: all requests, and code checks including log-ins at the gate."
  type        = object({ all = number, codes = number })
  default     = { all = 2000, codes = 150 }

  validation {
    condition     = var.rate_limits.codes >= 10 && var.rate_limits.all > var.rate_limits.codes && var.rate_limits.all <= 2000000
    error_message = "codes must be at least 10, and all must be greater than codes."
  }
}

variable "waf_only_counted" {
  description = "Rules of AWS's common rule set that only count. Back ends often send no User-Agent, and the ID of an account in the path may look like the name of a file: j.log@example.com."
  type        = set(string)
  default     = ["NoUserAgent_HEADER", "RestrictedExtensions_URIPATH"]

  validation {
    condition     = length(setsubtract(var.waf_only_counted, local.common_rules)) == 0
    error_message = "Not among the rules of AWSManagedRulesCommonRuleSet: ${join(", ", setsubtract(var.waf_only_counted, local.common_rules))}. Its rules: ${join(", ", local.common_rules)}."
  }
}

# --- Redis ---

variable "redis_engine" {
  description = "valkey, which costs a fifth less, or redis."
  type        = string
  default     = "valkey"

  validation {
    condition     = contains(["valkey", "redis"], var.redis_engine)
    error_message = "Must be valkey or redis."
  }
}

variable "redis_engine_version" {
  description = "The version of the engine: 7.2 or newer for valkey, 7.0 or 7.1 for redis."
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex(var.redis_engine == "redis" ? "^7\\.[01]$" : "^(7\\.2|[89]\\.[0-9])$", var.redis_engine_version))
    error_message = "${var.redis_engine} has no version ${var.redis_engine_version}: valkey has 7.2, 8.0 and newer versions, redis has 7.0 and 7.1."
  }
}

variable "redis_node_type" {
  description = "The type of the nodes. An account with TOTP and recovery codes needs about one kilobyte."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.redis_node_type))
    error_message = "Must be a type of ElastiCache node, such as cache.t4g.small."
  }
}

variable "redis_wait" {
  description = "The number of replicas that must store a verdict before the answer (OPEN_MFA_REDIS_WAIT). 0 restores the service while replicas are missing. Until it is increased again, a fail-over can lose the fact that a code is spent."
  type        = number
  default     = 1

  validation {
    condition     = contains([0, 1, 2, 3], var.redis_wait)
    error_message = "Must be 0, 1, 2 or 3."
  }
}

variable "redis_nodes" {
  description = "The number of nodes: at least two more than redis_wait, so that verdicts are possible after the loss of one node."
  type        = number
  default     = 3

  validation {
    condition     = var.redis_nodes >= var.redis_wait + 2 && var.redis_nodes <= 6
    error_message = "Must be at least redis_wait + 2, and at most 6."
  }
}

variable "redis_snapshot_days" {
  description = "The number of days for which daily snapshots are kept."
  type        = number
  default     = 14

  validation {
    condition     = var.redis_snapshot_days >= 1 && var.redis_snapshot_days <= 35
    error_message = "Must be 1 to 35."
  }
}

variable "redis_snapshot_name" {
  description = "The snapshot that a new Redis is restored from. Use a copy, because ElastiCache deletes daily snapshots together with their Redis."
  type        = string
  default     = null

  validation {
    condition     = var.redis_snapshot_name == null ? true : !startswith(var.redis_snapshot_name, "automatic.")
    error_message = "An automatic snapshot is deleted together with its Redis. Copy it first (aws elasticache copy-snapshot), and use the name of the copy."
  }
}

# --- Monitoring ---

variable "alarm_emails" {
  description = "The e-mail addresses for alarms. Each must confirm the subscription once. The output with the topic allows other subscriptions."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Must be e-mail addresses. Wrong: ${join(", ", [for address in var.alarm_emails : address if !can(regex("^[^@ ]+@[^@ ]+$", address))])}."
  }
}

variable "alarm_thresholds" {
  description = "The thresholds of alarms: the 99th percentile of the latency in seconds; blocked requests and locked factors in five minutes."
  type        = object({ latency = optional(number, 2), waf_blocks = optional(number, 500), locks = optional(number, 50) })
  default     = {}
}

variable "log_retention_days" {
  description = "The number of days for which logs are kept, including the audit trail."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Must be a retention period of CloudWatch Logs between 30 and 3653 days."
  }
}

variable "container_insights" {
  description = "Metrics of each task, which cost extra: enhanced, enabled or disabled."
  type        = string
  default     = "enabled"

  validation {
    condition     = contains(["enhanced", "enabled", "disabled"], var.container_insights)
    error_message = "Must be enhanced, enabled or disabled."
  }
}
