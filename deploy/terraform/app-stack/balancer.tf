# TLS ends at the load balancer. It appends the client's address to X-Forwarded-For, and the service uses only this last
# address (OPEN_MFA_TRUSTED_PROXIES=1).

resource "aws_lb" "main" {
  # checkov:skip=CKV2_AWS_76: the firewall contains AWS's known bad inputs, including those of Log4j; the check does not read dynamic rules
  name                       = local.prefix
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = [for subnet in aws_subnet.public : subnet.id]
  security_groups            = [aws_security_group.balancer.id]
  enable_deletion_protection = var.deletion_protection
  enable_http2               = true
  # Requests that the load balancer and the service could interpret differently are refused (request smuggling).
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  xff_header_processing_mode = "append"
  enable_xff_client_port     = false
  preserve_host_header       = true
  enable_waf_fail_open       = false
  # Less than the 75 s after which the service closes idle connections. Otherwise some requests would fail.
  idle_timeout = 60

  access_logs {
    bucket  = aws_s3_bucket.access_logs.bucket
    enabled = true
  }

  # The load balancer writes a test object as soon as it knows the bucket.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

resource "aws_lb_target_group" "service" {
  # checkov:skip=CKV_AWS_378: TLS ends at the load balancer; the VPC does not encrypt the traffic to the tasks, but isolates it
  name                          = local.prefix
  vpc_id                        = aws_vpc.main.id
  target_type                   = "ip"
  protocol                      = "HTTP"
  port                          = local.port
  load_balancing_algorithm_type = "least_outstanding_requests"
  # Longer than the longest request (20 s). A stopping task gets no new requests during this time.
  deregistration_delay = 30

  # /readyz is not used: during a failure of Redis, it would fail for all tasks, and ECS would replace them repeatedly
  # without effect. The tasks answer 503, and the alarms report the failure.
  health_check {
    path                = "/healthz"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  # TLS 1.2 and 1.3, with forward secrecy.
  ssl_policy      = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn = aws_acm_certificate_validation.service.certificate_arn

  routing_http_response_server_enabled                         = false
  routing_http_response_strict_transport_security_header_value = "max-age=31536000"

  # Only requests that a rule below allows reach the service. Requests for other hosts are refused, too. A list of public paths
  # can't be bypassed by writing /metrics as /%6Detrics, but a list of private paths could.
  default_action {
    type = "fixed-response"

    fixed_response {
      status_code  = "404"
      content_type = "text/plain"
      message_body = "Not found"
    }
  }
}

# Proxies in front of applications behind the gate send the host of the application. A rule allows five values in total.
resource "aws_lb_listener_rule" "gate" {
  # The key is the position, which is the priority, because two rules that exchange their priorities would conflict.
  for_each = { for index, host in var.gate_proxies.hosts : index => host }

  listener_arn = aws_lb_listener.https.arn
  priority     = 1 + each.key

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }

  condition {
    path_pattern {
      values = ["/auth/*"]
    }
  }

  condition {
    http_header {
      http_header_name = "X-Forwarded-Host"
      values           = [each.value]
    }
  }

  condition {
    source_ip {
      values = var.gate_proxies.cidrs
    }
  }
}

# The load balancer forwards X-Forwarded-Host of clients, and the service would trust it.
resource "aws_lb_listener_rule" "forged_host" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 50

  action {
    type = "fixed-response"

    fixed_response {
      status_code  = "400"
      content_type = "text/plain"
      message_body = "X-Forwarded-Host is not accepted"
    }
  }

  condition {
    http_header {
      http_header_name = "X-Forwarded-Host"
      values           = ["*"]
    }
  }
}

resource "aws_lb_listener_rule" "admin" {
  count = length(var.admin_cidrs) > 0 ? 1 : 0

  listener_arn = aws_lb_listener.https.arn
  priority     = 51

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }

  condition {
    host_header {
      values = [var.domain_name]
    }
  }

  condition {
    path_pattern {
      values = ["/api/v1/admin/*"]
    }
  }

  condition {
    source_ip {
      values = var.admin_cidrs
    }
  }
}

# A condition allows at most three values.
resource "aws_lb_listener_rule" "public" {
  for_each = { for index, paths in chunklist(var.public_paths, 3) : index => paths }

  listener_arn = aws_lb_listener.https.arn
  priority     = 60 + each.key

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }

  condition {
    host_header {
      values = [var.domain_name]
    }
  }

  condition {
    path_pattern {
      values = each.value
    }
  }
}

# --- Name and certificate ---

resource "aws_acm_certificate" "service" {
  domain_name       = var.domain_name
  validation_method = "DNS"

  options {
    certificate_transparency_logging_preference = "ENABLED"
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = var.domain_name == local.core.zone.name || endswith(var.domain_name, ".${local.core.zone.name}")
      error_message = "domain_name must belong to the zone of core-stack."
    }
  }
}

resource "aws_route53_record" "validation" {
  zone_id         = local.core.zone.id
  name            = one(aws_acm_certificate.service.domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.service.domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.service.domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "service" {
  certificate_arn         = aws_acm_certificate.service.arn
  validation_record_fqdns = [aws_route53_record.validation.fqdn]
}

resource "aws_route53_record" "service" {
  zone_id = local.core.zone.id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.main.dns_name
    zone_id                = aws_lb.main.zone_id
    evaluate_target_health = false
  }
}

# --- Access logs ---

resource "aws_s3_bucket" "access_logs" {
  # checkov:skip=CKV_AWS_18: the bucket contains access logs; logging their readers would need another bucket
  # checkov:skip=CKV_AWS_21: logs are not overwritten, and expired ones must be deleted
  # checkov:skip=CKV_AWS_144: logs of one region are not needed in another
  # checkov:skip=CKV_AWS_145: load balancers can encrypt only with the key of S3
  # checkov:skip=CKV2_AWS_62: no process handles new logs
  bucket = "${local.prefix}-access-${var.account_id}"
  # A bucket with logs is not destroyed, because logs may be evidence. Empty it by hand before you destroy the stack.
  force_destroy = false
}

resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  bucket                  = aws_s3_bucket.access_logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

data "aws_iam_policy_document" "access_logs" {
  # Valid in all regions. Older regions also support an account of AWS, which new policies do not need.
  statement {
    sid       = "LoadBalancersOfThisAccountWrite"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.access_logs.arn}/AWSLogs/${var.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.arn}:elasticloadbalancing:${var.region}:${var.account_id}:loadbalancer/*"]
    }
  }

  statement {
    sid       = "NothingWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.access_logs.arn, "${aws_s3_bucket.access_logs.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id
  policy = data.aws_iam_policy_document.access_logs.json

  depends_on = [aws_s3_bucket_public_access_block.access_logs]
}
