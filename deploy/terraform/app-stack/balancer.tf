# TLS ends here. The load balancer appends the client's address to X-Forwarded-For, whatever the client wrote there, and
# the service believes the last one only (OPEN_MFA_TRUSTED_PROXIES=1).

resource "aws_lb" "main" {
  # checkov:skip=CKV2_AWS_76: the firewall has AWS's known bad inputs, Log4j's among them; the check does not read dynamic rules
  name                       = local.prefix
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = [for subnet in aws_subnet.public : subnet.id]
  security_groups            = [aws_security_group.balancer.id]
  enable_deletion_protection = var.deletion_protection
  enable_http2               = true
  # Nothing that the service could read otherwise than the load balancer does (request smuggling).
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  xff_header_processing_mode = "append"
  enable_xff_client_port     = false
  preserve_host_header       = true
  enable_waf_fail_open       = false
  # Less than the 75 s for which the service keeps an idle connection, or now and then a request would meet its end.
  idle_timeout = 60

  access_logs {
    bucket  = aws_s3_bucket.access_logs.bucket
    enabled = true
  }

  # The load balancer tries to write as soon as it is told where.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

resource "aws_lb_target_group" "service" {
  # checkov:skip=CKV_AWS_378: TLS ends at the load balancer; from there to the tasks it goes through the VPC, which encrypts nothing but lets nobody listen
  name                          = local.prefix
  vpc_id                        = aws_vpc.main.id
  target_type                   = "ip"
  protocol                      = "HTTP"
  port                          = local.port
  load_balancing_algorithm_type = "least_outstanding_requests"
  # Longer than any request may take (20 s); a stopping task gets no new ones meanwhile.
  deregistration_delay = 30

  # Not /readyz: while Redis is away that says no on every task at once, and ECS would replace them all, in vain, again
  # and again. They answer 503 by themselves, and the alarms tell.
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

  # What no rule below lets through, another host's name included, does not reach the service. A list of what is public
  # can't be got round by writing /metrics as /%6Detrics; a list of what is not could be.
  default_action {
    type = "fixed-response"

    fixed_response {
      status_code  = "404"
      content_type = "text/plain"
      message_body = "Not found"
    }
  }
}

# A proxy that has its application guarded by the gate says for which host it asks. A rule takes five values in all.
resource "aws_lb_listener_rule" "gate" {
  # By its place, which is its priority: two rules that changed places would be in each other's way.
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

# The load balancer hands on an X-Forwarded-Host that the client wrote, and the service would believe it.
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

# A condition takes three values at most.
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
      error_message = "domain_name must lie in core-stack's zone."
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
  # checkov:skip=CKV_AWS_18: it holds access logs; logging who reads them would need a bucket for that, and so on
  # checkov:skip=CKV_AWS_21: nobody writes over a log, and the expired ones are to be gone
  # checkov:skip=CKV_AWS_144: logs of one region are of no use in another
  # checkov:skip=CKV_AWS_145: load balancers can't write under a key of ours, only under S3's own
  # checkov:skip=CKV2_AWS_62: nobody waits for a log
  bucket = "${local.prefix}-access-${var.account_id}"
  # Not without them: logs may be evidence. Emptied by hand before the stack is destroyed for good.
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
  # In all regions. Those from before August 2022 also know an account of AWS's own for it, which new policies need not name.
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
