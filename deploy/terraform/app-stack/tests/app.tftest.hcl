# What must hold of the plan. Terraform can't make up what is ephemeral, so core-stack must have been applied: run this with
# credentials, or against a stand-in as the project's own tests do. Nothing is created.

variables {
  region             = "eu-central-1"
  account_id         = "123456789012"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  state_bucket       = "open-mfa-production-state-123456789012"
  domain_name        = "mfa.example.com"
  image              = "0.1.0"

  # Whatever a terraform.tfvars beside this says.
  admin_cidrs         = []
  settings            = {}
  internet_egress     = false
  mail_server         = null
  deletion_protection = true
}

# One plan for all that nobody has to ask for: a plan takes seconds.
run "what_nobody_has_to_ask_for" {
  command = plan

  # The firewall limits first and most where codes are checked.
  assert {
    condition = { for rule in aws_wafv2_web_acl.main.rule : rule.name => rule.priority } == {
      code-checks = 0, all-requests = 10, ip-reputation = 20, known-bad-inputs = 30, common = 40
    }
    error_message = "The two rate limits come first, the tighter one before the other, then AWS's managed rules."
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.main.rule : rule.statement[0].rate_based_statement[0].limit if rule.name == "code-checks"]) == 150
    error_message = "150 code checks an address in five minutes."
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.main.rule : rule.statement[0].rate_based_statement[0].limit if rule.name == "all-requests"]) == 2000
    error_message = "2000 requests an address in five minutes."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.main.rule : rule.statement[0].rate_based_statement[0].evaluation_window_sec == 300 && rule.statement[0].rate_based_statement[0].aggregate_key_type == "IP" && length(rule.action[0].block) == 1 if rule.priority < 20])
    error_message = "Both limits count addresses over five minutes, and block."
  }

  assert {
    condition     = one(flatten([for rule in aws_wafv2_web_acl.main.rule : [for each in rule.statement[0].rate_based_statement[0].scope_down_statement[0].and_statement[0].statement : each.regex_match_statement[0].text_transformation[*].type if length(each.regex_match_statement) > 0] if rule.name == "code-checks"])) == "URL_DECODE"
    error_message = "The path is decoded before it is compared: otherwise /%61uth/login would go uncounted."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.main.rule : length(rule.override_action[0].none) == 1 && rule.statement[0].managed_rule_group_statement[0].vendor_name == "AWS" if rule.priority >= 20])
    error_message = "AWS's rules block, not only count."
  }

  # Clients speak TLS 1.2 or better.
  assert {
    condition     = aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06" && aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.port == 443
    error_message = "TLS 1.2 and 1.3 only."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    error_message = "Port 80 only sends on to HTTPS."
  }

  assert {
    condition     = aws_lb_listener.https.routing_http_response_strict_transport_security_header_value == "max-age=31536000"
    error_message = "Browsers are told to stay with HTTPS."
  }

  assert {
    condition     = aws_lb.main.drop_invalid_header_fields && aws_lb.main.xff_header_processing_mode == "append" && aws_lb.main.enable_deletion_protection && aws_lb.main.idle_timeout < 75
    error_message = "The service believes the last X-Forwarded-For; the load balancer must append to it."
  }

  # Only what is public reaches the service.
  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "fixed-response" && aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "404"
    error_message = "Whatever no rule names is 404."
  }

  assert {
    condition     = alltrue([for rule in aws_lb_listener_rule.public : length(flatten([for each in rule.condition : each.host_header[*].values])) == 1 && length(flatten([for each in rule.condition : each.path_pattern[*].values])) <= 3])
    error_message = "Every rule asks for the service's own name, and has no more paths than a condition takes."
  }

  assert {
    condition     = length([for path in flatten([for rule in aws_lb_listener_rule.public : [for each in rule.condition : [for pattern in each.path_pattern : tolist(pattern.values)]]]) : path if strcontains(path, "metrics") || strcontains(path, "readyz") || strcontains(path, "admin") || path == "/*"]) == 0
    error_message = "/metrics, /readyz and the admin API are nobody's business out there."
  }

  assert {
    condition     = length(aws_lb_listener_rule.admin) == 0
    error_message = "Unless somebody is named, nobody reaches the admin API."
  }

  assert {
    condition     = aws_lb_listener_rule.forged_host.priority < min([for rule in aws_lb_listener_rule.public : rule.priority]...) && length(aws_lb_listener_rule.gate) == 0
    error_message = "A forged X-Forwarded-Host is refused before anything is let through."
  }

  assert {
    condition     = aws_lb_target_group.service.health_check[0].path == "/healthz"
    error_message = "/readyz would have every task replaced while Redis is away."
  }

  # Tasks and redis are private and spread over zones.
  assert {
    condition     = length(aws_subnet.private) == 3 && length(aws_subnet.public) == 3 && length(distinct(concat([for each in aws_subnet.private : each.cidr_block], [for each in aws_subnet.public : each.cidr_block]))) == 6
    error_message = "A public and a private subnet in each zone."
  }

  assert {
    condition     = alltrue([for each in concat(values(aws_subnet.private), values(aws_subnet.public)) : each.map_public_ip_on_launch == false]) && aws_ecs_service.main.network_configuration[0].assign_public_ip == false
    error_message = "Nothing gets a public address of its own."
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 0 && length(aws_route.private) == 0 && length(aws_vpc_security_group_egress_rule.tasks_to_internet) == 0 && toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager"])
    error_message = "Without a webhook or mail there is no way to the internet."
  }

  assert {
    condition     = aws_ecs_service.main.desired_count >= 2 && aws_ecs_service.main.availability_zone_rebalancing == "ENABLED" && aws_appautoscaling_target.service.min_capacity >= 2
    error_message = "Two tasks or more, in different zones."
  }

  assert {
    condition     = aws_ecs_service.main.deployment_circuit_breaker[0].enable && aws_ecs_service.main.deployment_circuit_breaker[0].rollback && aws_ecs_service.main.deployment_minimum_healthy_percent == 100 && !aws_ecs_service.main.enable_execute_command
    error_message = "A deployment that fails is rolled back, and never leaves fewer tasks; nobody gets a shell in one."
  }

  # Redis is encrypted survives a zone and forgets nothing.
  assert {
    condition     = aws_elasticache_replication_group.redis.transit_encryption_enabled && aws_elasticache_replication_group.redis.transit_encryption_mode == "required" && tobool(aws_elasticache_replication_group.redis.at_rest_encryption_enabled) && aws_elasticache_replication_group.redis.kms_key_id != null
    error_message = "Encrypted on the way and at rest, under a key of ours."
  }

  assert {
    condition     = aws_elasticache_replication_group.redis.multi_az_enabled && aws_elasticache_replication_group.redis.automatic_failover_enabled && aws_elasticache_replication_group.redis.num_cache_clusters >= var.redis_wait + 2
    error_message = "One node may be lost, and there are still replicas enough to wait for."
  }

  assert {
    condition     = one([for each in aws_elasticache_parameter_group.redis.parameter : each.value if each.name == "maxmemory-policy"]) == "noeviction" && aws_elasticache_replication_group.redis.snapshot_retention_limit >= 1
    error_message = "Nothing is evicted, and there are snapshots."
  }

  assert {
    condition     = aws_elasticache_replication_group.redis.auth_token == null && alltrue([for each in jsondecode(aws_cloudformation_stack.redis_user.template_body).Resources.User.Properties.AuthenticationMode.Passwords : can(regex("^\\{\\{resolve:secretsmanager:arn:[^{}]+:SecretString:::[^{}:]+\\}\\}$", each))])
    error_message = "The template, which the state keeps, says where the password lies and no more."
  }

  assert {
    condition     = length(jsondecode(aws_cloudformation_stack.redis_user.template_body).Resources.User.Properties.AuthenticationMode.Passwords) == length(data.terraform_remote_state.core.outputs.redis_passwords)
    error_message = "Redis accepts every password of core-stack's list."
  }

  # Logs are kept and encrypted.
  assert {
    condition     = alltrue([for each in aws_cloudwatch_log_group.main : each.retention_in_days == 365 && each.kms_key_id != null]) && length(aws_cloudwatch_log_group.main) == 4
    error_message = "For a year, under a key of ours."
  }

  assert {
    condition     = toset([for each in aws_wafv2_web_acl_logging_configuration.main.redacted_fields : each.single_header[0].name]) == toset(["authorization", "cookie"])
    error_message = "The firewall's log holds neither API keys nor cookies."
  }

  assert {
    condition     = alltrue([for name in ["service-5xx", "balancer-5xx", "latency", "unhealthy-hosts", "waf-blocks", "redis-memory-open-mfa-production-redis-003", "redis-evictions-open-mfa-production-redis-001", "store-unavailable"] : contains(keys(aws_cloudwatch_metric_alarm.main), name)])
    error_message = "Somebody is woken."
  }
}

run "a_zone_keeps_its_addresses_whatever_others_there_are" {
  command = plan

  variables {
    availability_zones = ["eu-central-1c", "eu-central-1b"]
  }

  assert {
    condition = { for zone, subnet in merge({ for zone, subnet in aws_subnet.public : "${zone} public" => subnet }, { for zone, subnet in aws_subnet.private : "${zone} private" => subnet }) : zone => subnet.cidr_block } == {
      "eu-central-1b public" = "10.20.16.0/20", "eu-central-1b private" = "10.20.144.0/20"
      "eu-central-1c public" = "10.20.32.0/20", "eu-central-1c private" = "10.20.160.0/20"
    }
    error_message = "The second and the third place, as with all three zones."
  }
}

run "a_way_out_is_for_https_only" {
  command = plan

  variables {
    internet_egress = true
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 3 && length(aws_vpc_endpoint.interface) == 0
    error_message = "A gateway in each zone."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tasks_to_internet[0].from_port == 443 && aws_vpc_security_group_egress_rule.tasks_to_internet[0].to_port == 443
    error_message = "HTTPS only."
  }
}

run "secrets_never_stand_in_the_environment" {
  command = plan

  variables {
    settings = { OPEN_MFA_ISSUER = "Example" }
  }

  assert {
    condition     = toset(keys(local.secrets)) == toset(concat(keys(data.terraform_remote_state.core.outputs.secrets), ["OPEN_MFA_REDIS_URL"])) && contains(keys(local.secrets), "OPEN_MFA_ENCRYPTION_KEYS")
    error_message = "Every secret comes from Secrets Manager."
  }

  assert {
    condition = jsonencode(local.environment) == jsonencode({
      HOST                     = "0.0.0.0"
      PORT                     = "8080"
      TMPDIR                   = "/dev/shm"
      WEB_CONCURRENCY          = "2"
      OPEN_MFA_ENV             = "production"
      OPEN_MFA_ISSUER          = "Example"
      OPEN_MFA_ADMIN_USER      = "admin"
      OPEN_MFA_REDIS_WAIT      = "1"
      OPEN_MFA_COOKIE_SECURE   = "true"
      OPEN_MFA_TRUSTED_PROXIES = "1"
    })
    error_message = "What stands in the environment is this, and the settings that were asked for."
  }

  assert {
    condition     = endswith(local.image, "/open-mfa-production:0.1.0")
    error_message = "The image of the tag that was named."
  }
}

run "the_gate_of_other_hosts" {
  command = plan

  variables {
    gate_proxies = { hosts = ["wiki.example.com", "ci.example.com"], cidrs = ["203.0.113.7/32"] }
  }

  assert {
    condition = toset([for rule in aws_lb_listener_rule.gate :
      "${rule.priority} ${join(" ", flatten([for each in rule.condition : [for header in each.http_header : header.values]]))}"
    ]) == toset(["1 wiki.example.com", "2 ci.example.com"])
    error_message = "Each host has a rule of its own."
  }

  assert {
    condition = alltrue([for rule in aws_lb_listener_rule.gate :
      rule.priority < aws_lb_listener_rule.forged_host.priority
      && flatten([for each in rule.condition : [for path in each.path_pattern : path.values]]) == ["/auth/*"]
      && flatten([for each in rule.condition : [for source in each.source_ip : source.values]]) == ["203.0.113.7/32"]
    ])
    error_message = "From the proxies' addresses, to the gate, and to nothing else."
  }
}

run "without_a_replica_to_wait_for_somebody_is_warned" {
  command = plan

  variables {
    redis_wait = 0
  }

  expect_failures = [check.verdicts_wait_for_a_replica]
}

run "a_name_outside_the_zone" {
  command = plan

  variables {
    domain_name = "mfa.example.org"
  }

  expect_failures = [aws_acm_certificate.service]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    tasks               = { min = 1, max = 4 }
    redis_engine        = "redis"
    redis_snapshot_name = "automatic.open-mfa-production-redis-001-2026-01-01-02-00"
    settings            = { OPEN_MFA_LOG_LEVEL = "verbose" }
    waf_only_counted    = ["NoUserAgent_HEADER", "Typo_RULE"]
    state_bucket        = ""
    domain_name         = "https://mfa.example.com"
    image               = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/open-mfa-production:0.1.0"
    public_paths        = ["/", "/metrics"]
    availability_zones  = ["eu-west-1a", "eu-west-1b"]
    gate_proxies        = { hosts = ["wiki.example.com"], cidrs = ["0.0.0.0/0"] }
  }

  expect_failures = [
    var.tasks,
    var.redis_engine_version,
    var.redis_snapshot_name,
    var.settings,
    var.waf_only_counted,
    var.state_bucket,
    var.domain_name,
    var.image,
    var.public_paths,
    var.availability_zones,
    var.gate_proxies,
  ]
}

run "more_wrong_values_are_refused" {
  command = plan

  variables {
    redis_nodes          = 2
    redis_engine_version = "7.1"
    settings             = { OPEN_MFA_ALGORITHM = "MD5" }
    image                = "latest"
    gate_proxies         = { hosts = ["wiki.example.com"], cidrs = [] }
  }

  expect_failures = [
    var.redis_nodes,
    var.redis_engine_version,
    var.settings,
    var.image,
    var.gate_proxies,
  ]
}

run "a_secret_is_no_setting" {
  command = plan

  variables {
    settings = { OPEN_MFA_SECRET_KEY = "typed by somebody" }
  }

  expect_failures = [var.settings]
}
