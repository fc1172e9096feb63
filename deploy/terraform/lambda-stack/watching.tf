# The log and the alarms. The description of an alarm is the first text that the operator on call reads.

locals {
  function = { FunctionName = local.prefix }
  table    = { TableName = local.prefix }

  # The operations that the service uses. DynamoDB counts its own errors for each of them.
  operations = ["BatchGetItem", "GetItem", "PutItem", "Scan", "UpdateItem"]

  # The counted lines of the service's log.
  log_metrics = {
    unexpected-failures = "{ $.level = \"CRITICAL\" }"
    store-unavailable   = "{ $.message = \"store unavailable\" || $.message = \"the store is unavailable*\" }"
    locks               = "{ $.logger = \"open_mfa.audit\" && $.message = \"locked\" }"
    refusals            = "{ $.logger = \"open_mfa.audit\" && $.outcome = \"refused\" }"
  }

  alarms = merge(
    {
      errors = {
        description = "The function ends without an answer: a crash, a timeout, or no permission. Its log names the cause."
        namespace   = "AWS/Lambda", metric = "Errors", dimensions = local.function
        statistic   = "Sum", above = 0, period = 60, evaluation_periods = 5, datapoints_to_alarm = 2
      }
      throttles = {
        description = "More requests arrive at the same time than reserved_concurrency allows, or than the quota of the account: an attack, or a store that answers slowly."
        namespace   = "AWS/Lambda", metric = "Throttles", dimensions = local.function
        statistic   = "Sum", above = 0, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
      }
      duration = {
        description = "One request in a hundred takes almost as long as the timeout of ${var.timeout} s. Check the alarms of the table, the mail server and the webhook."
        namespace   = "AWS/Lambda", metric = "Duration", dimensions = local.function
        statistic   = "p99", above = 800 * var.timeout, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
      }
      read-throttles = {
        description = "DynamoDB refuses reads, and requests get 503. A single owner gets too many requests, or the quota of the account is too small."
        namespace   = "AWS/DynamoDB", metric = "ReadThrottleEvents", dimensions = local.table
        statistic   = "Sum", above = 0, period = 60, evaluation_periods = 5, datapoints_to_alarm = 2
      }
      write-throttles = {
        description = "DynamoDB refuses writes, and requests get 503. A single owner gets too many requests, or the quota of the account is too small."
        namespace   = "AWS/DynamoDB", metric = "WriteThrottleEvents", dimensions = local.table
        statistic   = "Sum", above = 0, period = 60, evaluation_periods = 5, datapoints_to_alarm = 2
      }
      unexpected-failures = {
        description = "The service answered 500 because of an unexpected error. The log line with level CRITICAL contains the traceback."
        namespace   = local.prefix, metric = "unexpected-failures", dimensions = {}
        statistic   = "Sum", above = 0, period = 300, evaluation_periods = 1, datapoints_to_alarm = 1
      }
      store-unavailable = {
        description = "DynamoDB does not answer in time or refuses requests, so requests get 503. Check the alarms of the table and the permissions of the function's role."
        namespace   = local.prefix, metric = "store-unavailable", dimensions = {}
        statistic   = "Sum", above = 10, period = 60, evaluation_periods = 3, datapoints_to_alarm = 2
      }
      locks = {
        description = "Wrong codes have locked many factors: an attacker guesses codes, or an application sends wrong ones."
        namespace   = local.prefix, metric = "locks", dimensions = {}
        statistic   = "Sum", above = var.locks_threshold, period = 300, evaluation_periods = 1, datapoints_to_alarm = 1
      }
    },
    { for name in ["api-5xx"] : name => {
      description = "API Gateway answers 5xx, for the function or itself. Check the alarms errors and throttles, and the log."
      namespace   = "AWS/ApiGateway", metric = "5xx", dimensions = { ApiId = one(aws_apigatewayv2_api.main[*].id) }
      statistic   = "Sum", above = 5, period = 60, evaluation_periods = 5, datapoints_to_alarm = 3
    } if local.api == 1 },
  )
}

resource "aws_cloudwatch_log_group" "service" {
  # checkov:skip=CKV_AWS_338: one year by default; `log_retention_days` can be less, which may be a legal requirement
  name              = "/${local.prefix}/service"
  retention_in_days = var.log_retention_days
  kms_key_id        = data.aws_kms_alias.lambda.target_key_arn
}

resource "aws_cloudwatch_log_metric_filter" "main" {
  for_each = local.log_metrics

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.service.name
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
  kms_master_key_id = data.aws_kms_alias.lambda.target_key_arn
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
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = each.value.period
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.datapoints_to_alarm
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# DynamoDB reports its own errors only for each operation. This alarm adds them up.
resource "aws_cloudwatch_metric_alarm" "system_errors" {
  alarm_name          = "${local.prefix}-system-errors"
  alarm_description   = "DynamoDB answers with internal errors, and requests get 503. Check the health of DynamoDB in the region."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "all"
    expression  = "SUM(METRICS())"
    label       = "SystemErrors"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.operations

    content {
      id          = "m${metric_query.key}"
      return_data = false

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = "SystemErrors"
        dimensions  = merge(local.table, { Operation = metric_query.value })
        period      = 60
        stat        = "Sum"
      }
    }
  }
}
