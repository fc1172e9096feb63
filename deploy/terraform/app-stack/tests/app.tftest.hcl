# Properties of the plan. Terraform cannot mock ephemeral resources, so core-stack must be applied first. Run these tests
# with credentials, or against a stand-in for AWS as the project's own tests do. They create nothing.

variables {
  region             = "eu-central-1"
  account_id         = "123456789012"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  state_bucket       = "open-mfa-production-state-123456789012"
  domain_name        = "mfa.example.com"
  image              = "0.1.0"

  # These values override a terraform.tfvars in the directory.
  admin_cidrs         = []
  settings            = {}
  internet_egress     = false
  mail_server         = null
  deletion_protection = true
}

# One plan for all defaults, because a plan takes seconds.
run "defaults_are_safe" {
  command = plan

  # The firewall limits code checks before everything else.
  assert {
    condition = { for rule in aws_wafv2_web_acl.main.rule : rule.name => rule.priority } == {
      code-checks = 0, all-requests = 10, ip-reputation = 20, known-bad-inputs = 30, common = 40
    }
    error_message = "The two rate limits must come first, the lower one before the other. AWS's managed rules follow."
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.main.rule : rule.statement[0].rate_based_statement[0].limit if rule.name == "code-checks"]) == 150
    error_message = "The limit must be 150 code checks per address in five minutes."
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.main.rule : rule.statement[0].rate_based_statement[0].limit if rule.name == "all-requests"]) == 2000
    error_message = "The limit must be 2000 requests per address in five minutes."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.main.rule : rule.statement[0].rate_based_statement[0].evaluation_window_sec == 300 && rule.statement[0].rate_based_statement[0].aggregate_key_type == "IP" && length(rule.action[0].block) == 1 if rule.priority < 20])
    error_message = "Both limits must count per address over five minutes, and block."
  }

  assert {
    condition     = one(flatten([for rule in aws_wafv2_web_acl.main.rule : [for each in rule.statement[0].rate_based_statement[0].scope_down_statement[0].and_statement[0].statement : each.regex_match_statement[0].text_transformation[*].type if length(each.regex_match_statement) > 0] if rule.name == "code-checks"])) == "URL_DECODE"
    error_message = "The path must be decoded before the comparison. Otherwise requests to /%61uth/login are not counted."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.main.rule : length(rule.override_action[0].none) == 1 && rule.statement[0].managed_rule_group_statement[0].vendor_name == "AWS" if rule.priority >= 20])
    error_message = "AWS's managed rules must block, not only count."
  }

  # Clients use TLS 1.2 or later.
  assert {
    condition     = aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06" && aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.port == 443
    error_message = "Only TLS 1.2 and 1.3 are allowed."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    error_message = "Port 80 must only redirect to HTTPS."
  }

  assert {
    condition     = aws_lb_listener.https.routing_http_response_strict_transport_security_header_value == "max-age=31536000"
    error_message = "Responses must have the header Strict-Transport-Security."
  }

  assert {
    condition     = aws_lb.main.drop_invalid_header_fields && aws_lb.main.xff_header_processing_mode == "append" && aws_lb.main.enable_deletion_protection && aws_lb.main.idle_timeout < 75
    error_message = "The load balancer must append to X-Forwarded-For, because the service trusts the last value."
  }

  # Only public paths reach the service.
  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "fixed-response" && aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "404"
    error_message = "A request that matches no rule must get 404."
  }

  assert {
    condition     = alltrue([for rule in aws_lb_listener_rule.public : length(flatten([for each in rule.condition : each.host_header[*].values])) == 1 && length(flatten([for each in rule.condition : each.path_pattern[*].values])) <= 3])
    error_message = "Every rule must check the service's own host name, and have no more paths than a condition allows."
  }

  assert {
    condition     = length([for path in flatten([for rule in aws_lb_listener_rule.public : [for each in rule.condition : [for pattern in each.path_pattern : tolist(pattern.values)]]]) : path if strcontains(path, "metrics") || strcontains(path, "readyz") || strcontains(path, "admin") || path == "/*"]) == 0
    error_message = "/metrics, /readyz and the admin API must not be public."
  }

  assert {
    condition     = length(aws_lb_listener_rule.admin) == 0
    error_message = "Without configured addresses, no one may reach the admin API."
  }

  assert {
    condition     = aws_lb_listener_rule.forged_host.priority < min([for rule in aws_lb_listener_rule.public : rule.priority]...) && length(aws_lb_listener_rule.gate) == 0
    error_message = "A forged X-Forwarded-Host must be refused before any rule forwards a request."
  }

  assert {
    condition     = aws_lb_target_group.service.health_check[0].path == "/healthz"
    error_message = "The health check must not be /readyz. Otherwise ECS replaces every task while Redis is unavailable."
  }

  # Tasks and Redis are private and spread over zones.
  assert {
    condition     = length(aws_subnet.private) == 3 && length(aws_subnet.public) == 3 && length(distinct(concat([for each in aws_subnet.private : each.cidr_block], [for each in aws_subnet.public : each.cidr_block]))) == 6
    error_message = "Each zone must have a public and a private subnet."
  }

  assert {
    condition     = alltrue([for each in concat(values(aws_subnet.private), values(aws_subnet.public)) : each.map_public_ip_on_launch == false]) && aws_ecs_service.main.network_configuration[0].assign_public_ip == false
    error_message = "No task may have a public address."
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 0 && length(aws_route.private) == 0 && length(aws_vpc_security_group_egress_rule.tasks_to_internet) == 0 && toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager"])
    error_message = "Without a webhook or mail, there must be no route to the internet."
  }

  assert {
    condition     = aws_ecs_service.main.desired_count >= 2 && aws_ecs_service.main.availability_zone_rebalancing == "ENABLED" && aws_appautoscaling_target.service.min_capacity >= 2
    error_message = "There must be at least two tasks, in different zones."
  }

  assert {
    condition     = aws_ecs_service.main.deployment_circuit_breaker[0].enable && aws_ecs_service.main.deployment_circuit_breaker[0].rollback && aws_ecs_service.main.deployment_minimum_healthy_percent == 100 && !aws_ecs_service.main.enable_execute_command
    error_message = "A failed deployment must be rolled back and never reduce the number of tasks. No task may allow a shell."
  }

  # Redis is encrypted, survives the loss of a zone and evicts nothing.
  assert {
    condition     = aws_elasticache_replication_group.redis.transit_encryption_enabled && aws_elasticache_replication_group.redis.transit_encryption_mode == "required" && tobool(aws_elasticache_replication_group.redis.at_rest_encryption_enabled) && aws_elasticache_replication_group.redis.kms_key_id != null
    error_message = "Redis must be encrypted in transit and at rest, with our own key."
  }

  assert {
    condition     = aws_elasticache_replication_group.redis.multi_az_enabled && aws_elasticache_replication_group.redis.automatic_failover_enabled && aws_elasticache_replication_group.redis.num_cache_clusters >= var.redis_wait + 2
    error_message = "After the loss of one node, enough replicas must remain for WAIT."
  }

  assert {
    condition     = one([for each in aws_elasticache_parameter_group.redis.parameter : each.value if each.name == "maxmemory-policy"]) == "noeviction" && aws_elasticache_replication_group.redis.snapshot_retention_limit >= 1
    error_message = "Redis must evict nothing and have snapshots."
  }

  assert {
    condition     = aws_elasticache_replication_group.redis.auth_token == null && alltrue([for each in jsondecode(aws_cloudformation_stack.redis_user.template_body).Resources.User.Properties.AuthenticationMode.Passwords : can(regex("^\\{\\{resolve:secretsmanager:arn:[^{}]+:SecretString:::[^{}:]+\\}\\}$", each))])
    error_message = "The template is stored in the state. It must contain only the location of the password."
  }

  assert {
    condition     = length(jsondecode(aws_cloudformation_stack.redis_user.template_body).Resources.User.Properties.AuthenticationMode.Passwords) == length(data.terraform_remote_state.core.outputs.redis_passwords)
    error_message = "Redis must accept every password in core-stack's list."
  }

  # Logs are kept and encrypted.
  assert {
    condition     = alltrue([for each in aws_cloudwatch_log_group.main : each.retention_in_days == 365 && each.kms_key_id != null]) && length(aws_cloudwatch_log_group.main) == 4
    error_message = "Logs must be kept for a year, encrypted with our own key."
  }

  assert {
    condition     = toset([for each in aws_wafv2_web_acl_logging_configuration.main.redacted_fields : each.single_header[0].name]) == toset(["authorization", "cookie"])
    error_message = "The firewall's log must not contain API keys or cookies."
  }

  assert {
    condition     = alltrue([for name in ["service-5xx", "balancer-5xx", "latency", "unhealthy-hosts", "waf-blocks", "redis-memory-open-mfa-production-redis-003", "redis-evictions-open-mfa-production-redis-001", "store-unavailable"] : contains(keys(aws_cloudwatch_metric_alarm.main), name)])
    error_message = "The alarms must notify someone."
  }
}

run "the_addresses_of_a_zone_do_not_depend_on_other_zones" {
  command = plan

  variables {
    availability_zones = ["eu-central-1c", "eu-central-1b"]
  }

  assert {
    condition = { for zone, subnet in merge({ for zone, subnet in aws_subnet.public : "${zone} public" => subnet }, { for zone, subnet in aws_subnet.private : "${zone} private" => subnet }) : zone => subnet.cidr_block } == {
      "eu-central-1b public" = "10.20.16.0/20", "eu-central-1b private" = "10.20.144.0/20"
      "eu-central-1c public" = "10.20.32.0/20", "eu-central-1c private" = "10.20.160.0/20"
    }
    error_message = "The zones must get the second and the third address range, as with all three zones."
  }
}

run "the_route_to_the_internet_allows_only_https" {
  command = plan

  variables {
    internet_egress = true
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 3 && length(aws_vpc_endpoint.interface) == 0
    error_message = "Each zone must have a NAT gateway."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tasks_to_internet[0].from_port == 443 && aws_vpc_security_group_egress_rule.tasks_to_internet[0].to_port == 443
    error_message = "Only HTTPS may leave."
  }
}

run "no_environment_variable_contains_a_secret" {
  command = plan

  variables {
    settings = { OPEN_MFA_ISSUER = "Example" }
  }

  assert {
    condition     = toset(keys(local.secrets)) == toset(concat(keys(data.terraform_remote_state.core.outputs.secrets), ["OPEN_MFA_REDIS_URL"])) && contains(keys(local.secrets), "OPEN_MFA_ENCRYPTION_KEYS")
    error_message = "Every secret must come from Secrets Manager."
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
    error_message = "The environment must contain only these variables and the configured settings."
  }

  assert {
    condition     = endswith(local.image, "/open-mfa-production:0.1.0")
    error_message = "The task must run the image with the configured tag."
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
    error_message = "Each host must have its own rule."
  }

  assert {
    condition = alltrue([for rule in aws_lb_listener_rule.gate :
      rule.priority < aws_lb_listener_rule.forged_host.priority
      && flatten([for each in rule.condition : [for path in each.path_pattern : path.values]]) == ["/auth/*"]
      && flatten([for each in rule.condition : [for source in each.source_ip : source.values]]) == ["203.0.113.7/32"]
    ])
    error_message = "The proxies' addresses must reach the gate and nothing else."
  }
}

run "a_missing_replica_for_wait_causes_a_warning" {
  command = plan

  variables {
    redis_wait = 0
  }

  expect_failures = [check.verdicts_wait_for_a_replica]
}

run "a_host_name_outside_the_dns_zone_is_refused" {
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

run "a_secret_is_refused_as_a_setting" {
  command = plan

  variables {
    settings = { OPEN_MFA_SECRET_KEY = "typed by somebody" }
  }

  expect_failures = [var.settings]
}
