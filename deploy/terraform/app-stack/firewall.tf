# Blocks requests before they reach the service. The limits and locks of the service do not depend on the firewall.

locals {
  # All paths that judge codes, for all owners. The firewall decodes the path first: /%61uth/login is /auth/login.
  code_checks = "^/(api/v1/(session|accounts/[^/]+)/(.*/)?(verify|resync|challenge|disable)|api/v1/gate/verify|auth/login)/?$"

  # The period in seconds over which requests are counted. Clients can try again after it.
  window = 300

  # The problem document of the service without request_id. The media type is application/json, because WAF supports neither
  # application/problem+json nor a custom Content-Type.
  rate_limited = jsonencode({
    type   = "/problems/rate-limited"
    title  = "Too many requests"
    status = 429
    detail = "Try again in ${local.window} s."
  })

  # aws wafv2 describe-managed-rule-group --vendor-name AWS --name AWSManagedRulesCommonRuleSet --scope REGIONAL
  common_rules = [
    "NoUserAgent_HEADER", "UserAgent_BadBots_HEADER",
    "SizeRestrictions_QUERYSTRING", "SizeRestrictions_Cookie_HEADER", "SizeRestrictions_BODY", "SizeRestrictions_URIPATH",
    "EC2MetaDataSSRF_BODY", "EC2MetaDataSSRF_COOKIE", "EC2MetaDataSSRF_URIPATH", "EC2MetaDataSSRF_QUERYARGUMENTS",
    "GenericLFI_QUERYARGUMENTS", "GenericLFI_URIPATH", "GenericLFI_BODY",
    "RestrictedExtensions_URIPATH", "RestrictedExtensions_QUERYARGUMENTS",
    "GenericRFI_QUERYARGUMENTS", "GenericRFI_BODY", "GenericRFI_URIPATH",
    "CrossSiteScripting_COOKIE", "CrossSiteScripting_QUERYARGUMENTS", "CrossSiteScripting_BODY", "CrossSiteScripting_URIPATH",
  ]

  managed_rules = {
    ip-reputation    = { priority = 20, group = "AWSManagedRulesAmazonIpReputationList", counted = [] }
    known-bad-inputs = { priority = 30, group = "AWSManagedRulesKnownBadInputsRuleSet", counted = [] }
    common           = { priority = 40, group = "AWSManagedRulesCommonRuleSet", counted = var.waf_only_counted }
  }
}

resource "aws_wafv2_ip_set" "backends" {
  name               = "${local.prefix}-backends"
  description        = "Applications that send many codes from few addresses"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = var.backend_cidrs
}

resource "aws_wafv2_web_acl" "main" {
  # checkov:skip=CKV_AWS_192: managed_rules contains AWS's known bad inputs, including those of Log4j; the check does not read dynamic rules
  name        = local.prefix
  description = "In front of ${local.prefix}"
  scope       = "REGIONAL"

  # The rules take no samples, because samples are complete requests, including allowed ones with API keys and cookies, and
  # can't be redacted. The log contains the blocked requests.
  default_action {
    allow {}
  }

  custom_response_body {
    key          = "rate-limited"
    content_type = "APPLICATION_JSON"
    content      = local.rate_limited
  }

  rule {
    name     = "code-checks"
    priority = 0

    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "rate-limited"

          response_header {
            name  = "Retry-After"
            value = tostring(local.window)
          }
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.rate_limits.codes
        evaluation_window_sec = local.window
        aggregate_key_type    = "IP"

        scope_down_statement {
          and_statement {
            statement {
              regex_match_statement {
                regex_string = local.code_checks

                field_to_match {
                  uri_path {}
                }

                text_transformation {
                  priority = 0
                  type     = "URL_DECODE"
                }
              }
            }

            statement {
              byte_match_statement {
                search_string         = "POST"
                positional_constraint = "EXACTLY"

                field_to_match {
                  method {}
                }

                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }

            statement {
              not_statement {
                statement {
                  ip_set_reference_statement {
                    arn = aws_wafv2_ip_set.backends.arn
                  }
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      metric_name                = "code-checks"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = false
    }
  }

  rule {
    name     = "all-requests"
    priority = 10

    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "rate-limited"

          response_header {
            name  = "Retry-After"
            value = tostring(local.window)
          }
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.rate_limits.all
        evaluation_window_sec = local.window
        aggregate_key_type    = "IP"

        scope_down_statement {
          not_statement {
            statement {
              ip_set_reference_statement {
                arn = aws_wafv2_ip_set.backends.arn
              }
            }
          }
        }
      }
    }

    visibility_config {
      metric_name                = "all-requests"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value.group

          # Back ends often have addresses of a cloud. Such addresses are listed because of their former users.
          dynamic "scope_down_statement" {
            for_each = rule.key == "ip-reputation" ? [1] : []

            content {
              not_statement {
                statement {
                  ip_set_reference_statement {
                    arn = aws_wafv2_ip_set.backends.arn
                  }
                }
              }
            }
          }

          dynamic "rule_action_override" {
            for_each = rule.value.counted

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        metric_name                = rule.key
        cloudwatch_metrics_enabled = true
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    metric_name                = local.prefix
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "main" {
  resource_arn = aws_lb.main.arn
  web_acl_arn  = aws_wafv2_web_acl.main.arn
}

# The log of blocked and counted requests, without credentials.
resource "aws_wafv2_web_acl_logging_configuration" "main" {
  resource_arn            = aws_wafv2_web_acl.main.arn
  log_destination_configs = [aws_cloudwatch_log_group.main["firewall"].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }

      condition {
        action_condition {
          action = "EXCLUDED_AS_COUNT"
        }
      }
    }
  }
}
