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

# --- What runs ---

variable "state_bucket" {
  description = "Where the state of core-stack lies: `state_bucket` of bootstrap's outputs."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "Must be the name of a bucket: terraform -chdir=bootstrap output -raw state_bucket."
  }
}

variable "domain_name" {
  description = "The service's name, within core-stack's zone."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "Must be a domain name in small letters, such as mfa.example.com: without https://, without a path, without a dot at its end."
  }
}

variable "image" {
  description = "Which image of core-stack's repository runs: a digest (sha256:…), or a tag that is never moved."
  type        = string

  validation {
    condition     = can(regex("^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$", var.image)) && var.image != "latest"
    error_message = "Only the tag or the digest, without the repository: 0.1.0, or sha256: and 64 hexadecimal digits. «latest» does not say what runs."
  }
}

variable "cpu_architecture" {
  description = "What the image was built for: ARM64, which costs a fifth less, or X86_64."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Must be ARM64 or X86_64."
  }
}

variable "task_cpu" {
  description = "CPU units of a task; 1024 are one core."
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.task_cpu)
    error_message = "Must be 256, 512, 1024, 2048 or 4096."
  }
}

variable "task_memory" {
  description = "MiB of a task: two to eight for each CPU unit's thousandth, in steps of 1024."
  type        = number
  default     = 1024

  validation {
    condition     = var.task_memory >= 2 * var.task_cpu && var.task_memory <= min(8 * var.task_cpu, 30720) && (var.task_memory % 1024 == 0 || var.task_memory == 512)
    error_message = "Must be two to eight times task_cpu, 30720 at most, and 512 or a multiple of 1024."
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
  description = "Between how many tasks autoscaling chooses. Two or more, so that they lie in two zones."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }

  validation {
    condition     = var.tasks.min >= 2 && var.tasks.max >= var.tasks.min && var.tasks.max <= 50
    error_message = "min must be 2 or more, and max not less than min, and 50 at most."
  }
}

variable "scaling" {
  description = "What autoscaling keeps a task at: percent of its CPU, and requests a minute."
  type        = object({ cpu_percent = number, requests_per_minute = number })
  default     = { cpu_percent = 60, requests_per_minute = 6000 }

  validation {
    condition     = var.scaling.cpu_percent >= 10 && var.scaling.cpu_percent <= 90 && var.scaling.requests_per_minute >= 60
    error_message = "10 to 90 percent, and 60 requests a minute or more."
  }
}

variable "settings" {
  description = "Further settings of the service, such as OPEN_MFA_ISSUER. They stand in the task definition for all to read: no secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.free_settings)) == 0
    error_message = "Not among the settings that are no secrets and are not decided here: ${join(", ", setsubtract(keys(var.settings), local.free_settings))}. These are: ${join(", ", local.free_settings)}."
  }

  validation {
    condition     = alltrue([for name, values in local.setting_values : contains(values, lookup(var.settings, name, values[0]))])
    error_message = join(" ", [for name, values in local.setting_values : "${name} must be one of ${join(", ", values)}." if !contains(values, lookup(var.settings, name, values[0]))])
  }
}

# --- Network ---

variable "availability_zones" {
  description = "Two or three zones of the region; their order does not matter. A zone's letter decides its subnets' addresses, so a third one leaves the others where they are. None can be given up that nodes of Redis lie in."
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
  description = "The VPC's addresses: a /16 to /20 of a private network."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)[0-9.]+/(1[6-9]|20)$", var.vpc_cidr))
    error_message = "Must be a /16 to /20 of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "client_cidrs" {
  description = "Who may reach the load balancer at all."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrnetmask(cidr))])
    error_message = "Must be one or more IPv4 networks, such as 203.0.113.0/24. Wrong: ${join(", ", [for cidr in var.client_cidrs : cidr if !can(cidrnetmask(cidr))])}."
  }
}

variable "backend_cidrs" {
  description = "The applications' back ends, which send many people's codes from few addresses: the firewall's rate limits do not count them. The service's own locks do."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.backend_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "Must be IPv4 networks, such as 203.0.113.7/32, and not everybody. Wrong: ${join(", ", [for cidr in var.backend_cidrs : cidr if !can(cidrnetmask(cidr)) || try(tonumber(split("/", cidr)[1]), 0) < 8])}."
  }
}

variable "admin_cidrs" {
  description = "From where the admin API may be used through the load balancer. None: from nowhere."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.admin_cidrs) <= 3 && alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "At most three IPv4 networks, such as 203.0.113.7/32, and not everybody. There are ${length(var.admin_cidrs)}; wrong: ${join(", ", [for cidr in var.admin_cidrs : cidr if !can(cidrnetmask(cidr)) || try(tonumber(split("/", cidr)[1]), 0) < 8])}."
  }
}

variable "gate_proxies" {
  description = "Applications behind the gate: their host names, and the addresses that their proxies come from. Nobody else may say X-Forwarded-Host."
  type        = object({ hosts = list(string), cidrs = list(string) })
  default     = { hosts = [], cidrs = [] }

  validation {
    condition = (
      length(var.gate_proxies.hosts) <= 40 && length(distinct(var.gate_proxies.hosts)) == length(var.gate_proxies.hosts)
      && alltrue([for host in var.gate_proxies.hosts : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", host))])
    )
    error_message = "hosts must be at most 40 different names in small letters, such as wiki.example.com."
  }

  validation {
    condition = (
      (length(var.gate_proxies.hosts) > 0) == (length(var.gate_proxies.cidrs) > 0) && length(var.gate_proxies.cidrs) <= 3
      && alltrue([for cidr in var.gate_proxies.cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    )
    error_message = "cidrs must be one to three IPv4 networks, such as 203.0.113.7/32, where there are hosts, and none where there are none."
  }
}

variable "public_paths" {
  description = "What of the service the world sees; everything else is 404 at the load balancer. Patterns, where * is anything."
  type        = list(string)
  default = [
    "/api/v1/session", "/api/v1/session/*", "/api/v1/accounts/*",
    "/api/v1/gate/*", "/auth/*", "/healthz", "/health",
    "/problems/*", "/assets/*", "/docs",
    "/openapi.json", "/",
  ]

  validation {
    condition = length(var.public_paths) > 0 && alltrue([for path in var.public_paths :
      can(regex("^/([a-z0-9][a-z0-9._/-]*)?(/\\*)?$", path)) && path != "/*" && !contains(["/api/*", "/api/v1/*", "/metrics", "/readyz"], path) && !startswith(path, "/api/v1/admin")
    ])
    error_message = "Paths, or paths with /* at their end; not everything, and not /metrics, /readyz or the admin API (see admin_cidrs). Wrong: ${join(", ", [for path in var.public_paths : path if !can(regex("^/([a-z0-9][a-z0-9._/-]*)?(/\\*)?$", path)) || contains(["/*", "/api/*", "/api/v1/*", "/metrics", "/readyz"], path) || startswith(path, "/api/v1/admin")])}."
  }
}

variable "internet_egress" {
  description = "Whether tasks reach the internet by HTTPS, through a NAT gateway in each zone: for a webhook. Without it they reach AWS only, through endpoints in the VPC."
  type        = bool
  default     = false
}

variable "mail_server" {
  description = "Where the mail server lies that tasks may reach, if any: its networks and its port."
  type        = object({ cidrs = list(string), port = number })
  default     = null

  validation {
    condition     = var.mail_server == null ? true : length(var.mail_server.cidrs) > 0 && contains([465, 587, 2465, 2587], var.mail_server.port) && alltrue([for cidr in var.mail_server.cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "IPv4 networks other than everything, and port 465, 587, 2465 or 2587."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}

# --- Firewall ---

variable "rate_limits" {
  description = "Requests that one address may send in five minutes: of all kinds, and of code checks and gate log-ins."
  type        = object({ all = number, codes = number })
  default     = { all = 2000, codes = 150 }

  validation {
    condition     = var.rate_limits.codes >= 10 && var.rate_limits.all > var.rate_limits.codes && var.rate_limits.all <= 2000000
    error_message = "10 or more code checks, and more requests of all kinds than of these."
  }
}

variable "waf_only_counted" {
  description = "Rules of AWS's common rule set that are counted but do not block. Back ends seldom send a User-Agent, and an account's id, which stands in the path, may look like the name of a file: j.log@example.com."
  type        = set(string)
  default     = ["NoUserAgent_HEADER", "RestrictedExtensions_URIPATH"]

  validation {
    condition     = length(setsubtract(var.waf_only_counted, local.common_rules)) == 0
    error_message = "Not among the rules of AWSManagedRulesCommonRuleSet: ${join(", ", setsubtract(var.waf_only_counted, local.common_rules))}. These are: ${join(", ", local.common_rules)}."
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
  description = "The engine's version: 7.2 or newer for valkey, 7.0 or 7.1 for redis."
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex(var.redis_engine == "redis" ? "^7\\.[01]$" : "^(7\\.2|[89]\\.[0-9])$", var.redis_engine_version))
    error_message = "${var.redis_engine} has no version ${var.redis_engine_version}: valkey has 7.2, 8.0 and newer ones, redis has 7.0 and 7.1."
  }
}

variable "redis_node_type" {
  description = "The nodes' size. An account with TOTP and recovery codes takes about a kilobyte."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.redis_node_type))
    error_message = "Must be a type of ElastiCache node, such as cache.t4g.small."
  }
}

variable "redis_wait" {
  description = "How many replicas must have a verdict before it is answered (OPEN_MFA_REDIS_WAIT). 0 gives service back while replicas are missing; until it is raised again, a fail-over may forget that a code is spent."
  type        = number
  default     = 1

  validation {
    condition     = contains([0, 1, 2, 3], var.redis_wait)
    error_message = "Must be 0, 1, 2 or 3."
  }
}

variable "redis_nodes" {
  description = "The primary and its replicas: two nodes more than redis_wait, so that one may be lost, and the verdicts go on."
  type        = number
  default     = 3

  validation {
    condition     = var.redis_nodes >= var.redis_wait + 2 && var.redis_nodes <= 6
    error_message = "Must be redis_wait + 2 or more, and 6 at most."
  }
}

variable "redis_snapshot_days" {
  description = "For how many days the daily snapshots are kept."
  type        = number
  default     = 14

  validation {
    condition     = var.redis_snapshot_days >= 1 && var.redis_snapshot_days <= 35
    error_message = "Must be 1 to 35."
  }
}

variable "redis_snapshot_name" {
  description = "The snapshot that Redis begins with; heeded only when it is made. A copy: ElastiCache deletes the daily ones together with what they were taken of."
  type        = string
  default     = null

  validation {
    condition     = var.redis_snapshot_name == null ? true : !startswith(var.redis_snapshot_name, "automatic.")
    error_message = "This one is deleted together with the Redis that it would restore. Copy it first (aws elasticache copy-snapshot), and name the copy."
  }
}

# --- Watching ---

variable "alarm_emails" {
  description = "Who gets the alarms; each has to confirm once. Or subscribe something else to the topic that comes out."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Must be e-mail addresses. Wrong: ${join(", ", [for address in var.alarm_emails : address if !can(regex("^[^@ ]+@[^@ ]+$", address))])}."
  }
}

variable "alarm_thresholds" {
  description = "When to wake somebody: seconds that 99 of 100 requests take; requests that the firewall blocks, and factors that are locked, in five minutes."
  type        = object({ latency = optional(number, 2), waf_blocks = optional(number, 500), locks = optional(number, 50) })
  default     = {}
}

variable "log_retention_days" {
  description = "For how many days logs are kept, the audit trail among them."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Must be one of the numbers that CloudWatch Logs knows, from 30 to 3653."
  }
}

variable "container_insights" {
  description = "Metrics of every single task, at a price: enhanced, enabled or disabled."
  type        = string
  default     = "enabled"

  validation {
    condition     = contains(["enhanced", "enabled", "disabled"], var.container_insights)
    error_message = "Must be enhanced, enabled or disabled."
  }
}
