# Logs, alarms and a dashboard. The description of an alarm is the first text that the operator on call reads.

locals {
  log_groups = {
    service  = "/${local.prefix}/service"
    flow     = "/${local.prefix}/flow"
    redis    = "/${local.prefix}/redis"
    firewall = "aws-waf-logs-${local.prefix}" # WAF requires this prefix
  }

  # The names that ElastiCache gives the nodes. Any of them can be the primary.
  redis_nodes = [for number in range(1, var.redis_nodes + 1) : format("%s-redis-%03d", local.prefix, number)]

  balancer = { LoadBalancer = aws_lb.main.arn_suffix }
  targets  = { LoadBalancer = aws_lb.main.arn_suffix, TargetGroup = aws_lb_target_group.service.arn_suffix }
  service  = { ClusterName = aws_ecs_cluster.main.name, ServiceName = aws_ecs_service.main.name }

  # The counted lines of the service's log.
  log_metrics = {
    unexpected-failures = "{ $.level = \"CRITICAL\" }"
    store-unavailable   = "{ $.message = \"store unavailable\" || $.message = \"the store is unavailable*\" }"
    locks               = "{ $.logger = \"open_mfa.audit\" && $.message = \"locked\" }"
    refusals            = "{ $.logger = \"open_mfa.audit\" && $.outcome = \"refused\" }"
  }

  alarms = merge(
    {
      service-5xx = {
        description = "The service answers 5xx. With the alarm store-unavailable, check Redis first. Otherwise check the log for ERROR and CRITICAL."
        namespace   = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.targets
        statistic   = "Sum", above = 5, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
      }
      balancer-5xx = {
        description = "The load balancer answers 5xx: no task accepts requests, or a task closed a connection. Check the events of the service in ECS."
        namespace   = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.balancer
        statistic   = "Sum", above = 5, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
      }
      latency = {
        description = "One request in a hundred takes longer than ${var.alarm_thresholds.latency} s. Check Redis (CPU, fail-over) and the CPU of the tasks."
        namespace   = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.targets
        statistic   = "p99", above = var.alarm_thresholds.latency, period = 60, evaluation_periods = 5, datapoints_to_alarm = 5
      }
      unhealthy-hosts = {
        description = "A task does not answer /healthz. ECS replaces it. If this persists, check the events of the service and the stop reason of the task."
        namespace   = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.targets
        statistic   = "Maximum", above = 0, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
      }
      few-hosts = {
        description = "Fewer than ${var.tasks.min} tasks serve. Check the events of the service: image, secrets, capacity."
        namespace   = "AWS/ApplicationELB", metric = "HealthyHostCount", dimensions = local.targets
        statistic   = "Minimum", below = var.tasks.min, period = 60, evaluation_periods = 5, datapoints_to_alarm = 5, treat_missing_data = "breaching"
      }
      cpu = {
        description = "The CPU of the tasks is busy, although autoscaling had time. Check whether `tasks.max` is reached."
        namespace   = "AWS/ECS", metric = "CPUUtilization", dimensions = local.service
        statistic   = "Average", above = 85, period = 60, evaluation_periods = 15, datapoints_to_alarm = 15
      }
      memory = {
        description = "Tasks need almost all of their memory and are killed at 100 %. Increase `task_memory` or decrease `processes`."
        namespace   = "AWS/ECS", metric = "MemoryUtilization", dimensions = local.service
        statistic   = "Maximum", above = 90, period = 60, evaluation_periods = 5, datapoints_to_alarm = 5
      }
      waf-blocks = {
        description = "The firewall blocks many requests: an attack, or false positives of a rule. Its log shows rules and clients."
        namespace   = "AWS/WAFV2", metric = "BlockedRequests", dimensions = { WebACL = aws_wafv2_web_acl.main.name, Region = var.region, Rule = "ALL" }
        statistic   = "Sum", above = var.alarm_thresholds.waf_blocks, period = 300, evaluation_periods = 1, datapoints_to_alarm = 1
      }
      certificate = {
        description = "The certificate expires soon and was not renewed. Check its validation record in the zone and the delegation of the zone."
        namespace   = "AWS/CertificateManager", metric = "DaysToExpiry", dimensions = { CertificateArn = aws_acm_certificate.service.arn }
        statistic   = "Minimum", below = 21, period = 86400, evaluation_periods = 1, datapoints_to_alarm = 1
      }
      unexpected-failures = {
        description = "The service answered 500 because of an unexpected error. The log line with level CRITICAL contains the traceback."
        namespace   = local.prefix, metric = "unexpected-failures", dimensions = {}
        statistic   = "Sum", above = 0, period = 300, evaluation_periods = 1, datapoints_to_alarm = 1
      }
      store-unavailable = {
        description = "Redis is unavailable, full, or has too few replicas, so requests get 503. A fail-over takes a minute. After that, check its events."
        namespace   = local.prefix, metric = "store-unavailable", dimensions = {}
        statistic   = "Sum", above = 10, period = 60, evaluation_periods = 3, datapoints_to_alarm = 2
      }
      locks = {
        description = "Wrong codes have locked many factors: an attacker guesses codes, or an application sends wrong ones."
        namespace   = local.prefix, metric = "locks", dimensions = {}
        statistic   = "Sum", above = var.alarm_thresholds.locks, period = 300, evaluation_periods = 1, datapoints_to_alarm = 1
      }
    },
    { for node in local.redis_nodes : "redis-memory-${node}" => {
      description = "The memory of Redis is almost full, and Redis will refuse writes. Choose a larger `redis_node_type` now."
      namespace   = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = { CacheClusterId = node }
      statistic   = "Maximum", above = 75, period = 300, evaluation_periods = 3, datapoints_to_alarm = 3
    } },
    { for node in local.redis_nodes : "redis-evictions-${node}" => {
      description = "Redis has evicted keys, although the policy is noeviction. Check the parameter group. Spent codes may be accepted again."
      namespace   = "AWS/ElastiCache", metric = "Evictions", dimensions = { CacheClusterId = node }
      statistic   = "Sum", above = 0, period = 60, evaluation_periods = 1, datapoints_to_alarm = 1
    } },
    { for node in local.redis_nodes : "redis-cpu-${node}" => {
      description = "The main thread of Redis is busy. Choose a larger `redis_node_type`."
      namespace   = "AWS/ElastiCache", metric = "EngineCPUUtilization", dimensions = { CacheClusterId = node }
      statistic   = "Average", above = 80, period = 60, evaluation_periods = 10, datapoints_to_alarm = 10
    } },
    { for node in local.redis_nodes : "redis-lag-${node}" => {
      description = "A replica lags, and verdicts that wait for it get 503."
      namespace   = "AWS/ElastiCache", metric = "ReplicationLag", dimensions = { CacheClusterId = node }
      statistic   = "Maximum", above = 2, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
    } },
  )
}

resource "aws_cloudwatch_log_group" "main" {
  # checkov:skip=CKV_AWS_338: one year by default; `log_retention_days` can be less, which may be a legal requirement
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = local.core.kms_key_arn
}

resource "aws_cloudwatch_log_metric_filter" "main" {
  for_each = local.log_metrics

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.main["service"].name
  pattern        = each.value

  metric_transformation {
    namespace = local.prefix
    name      = each.key
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${local.prefix}-alarms"
  kms_master_key_id = local.core.kms_key_arn
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = local.alarms

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = try(each.value.above, null) != null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(each.value.above, each.value.below)
  period              = each.value.period
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.datapoints_to_alarm
  treat_missing_data  = try(each.value.treat_missing_data, "notBreaching")
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = local.prefix

  dashboard_body = jsonencode({
    widgets = [for index, widget in [
      { title = "Requests", stat = "Sum", metrics = [
        ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", aws_lb.main.arn_suffix],
        ["AWS/ApplicationELB", "HTTPCode_Target_4XX_Count", "LoadBalancer", aws_lb.main.arn_suffix],
        ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", aws_lb.main.arn_suffix],
        ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", aws_lb.main.arn_suffix],
      ] },
      { title = "Seconds for an answer", stat = "p99", metrics = [
        ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", aws_lb.main.arn_suffix],
        ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", aws_lb.main.arn_suffix, { stat = "p50" }],
      ] },
      { title = "Tasks that serve", stat = "Minimum", metrics = [
        ["AWS/ApplicationELB", "HealthyHostCount", "TargetGroup", aws_lb_target_group.service.arn_suffix, "LoadBalancer", aws_lb.main.arn_suffix],
        ["AWS/ApplicationELB", "UnHealthyHostCount", "TargetGroup", aws_lb_target_group.service.arn_suffix, "LoadBalancer", aws_lb.main.arn_suffix, { stat = "Maximum" }],
      ] },
      { title = "Tasks: percent of CPU and memory", stat = "Average", metrics = [
        ["AWS/ECS", "CPUUtilization", "ClusterName", aws_ecs_cluster.main.name, "ServiceName", aws_ecs_service.main.name],
        ["AWS/ECS", "MemoryUtilization", "ClusterName", aws_ecs_cluster.main.name, "ServiceName", aws_ecs_service.main.name],
      ] },
      { title = "Blocked by the firewall", stat = "Sum", metrics = [for rule in concat(["ALL", "code-checks", "all-requests"], keys(local.managed_rules)) :
        ["AWS/WAFV2", "BlockedRequests", "WebACL", aws_wafv2_web_acl.main.name, "Region", var.region, "Rule", rule]
      ] },
      { title = "From the service's log", stat = "Sum", metrics = [for name in keys(local.log_metrics) : [local.prefix, name]] },
      { title = "Redis: percent of memory", stat = "Maximum", metrics = [for node in local.redis_nodes : ["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node]] },
      { title = "Redis: percent of CPU", stat = "Average", metrics = [for node in local.redis_nodes : ["AWS/ElastiCache", "EngineCPUUtilization", "CacheClusterId", node]] },
      { title = "Redis: evictions", stat = "Sum", metrics = [for node in local.redis_nodes : ["AWS/ElastiCache", "Evictions", "CacheClusterId", node]] },
      { title = "Redis: replication lag in seconds", stat = "Maximum", metrics = [for node in local.redis_nodes : ["AWS/ElastiCache", "ReplicationLag", "CacheClusterId", node]] },
      ] : {
      type       = "metric", x = 12 * (index % 2), y = 6 * floor(index / 2), width = 12, height = 6
      properties = { title = widget.title, region = var.region, view = "timeSeries", period = 60, stat = widget.stat, metrics = widget.metrics }
    }]
  })
}
