# The HTTP API: TLS, a limit of requests, and only the public paths. With endpoint = "function-url", none of this exists.

locals {
  api = var.endpoint == "http-api" ? 1 : 0

  # API Gateway compares the path without decoding it, and refuses requests that no route names. A list of public paths can't be
  # bypassed by writing /metrics as /%6Detrics, but a list of private paths could.
  routes = toset([for path in var.public_paths : "ANY ${endswith(path, "/*") ? "${trimsuffix(path, "*")}{rest+}" : path}" if var.endpoint == "http-api"])
}

resource "aws_apigatewayv2_api" "main" {
  count = local.api

  name          = local.prefix
  description   = "The public paths of ${local.prefix}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "function" {
  count = local.api

  api_id                 = aws_apigatewayv2_api.main[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_cloudformation_stack.function.outputs["Arn"]
  payload_format_version = "2.0"
  # The longest time that API Gateway waits. The function ends before it.
  timeout_milliseconds = 30000
}

resource "aws_apigatewayv2_route" "public" {
  # checkov:skip=CKV_AWS_309: the service authenticates its clients itself: API keys, sessions and the gate
  for_each = local.routes

  api_id    = aws_apigatewayv2_api.main[0].id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.function[0].id}"
}

resource "aws_apigatewayv2_stage" "main" {
  # checkov:skip=CKV_AWS_76: the service logs every request; an access log of API Gateway would need permissions for resource policies
  count = local.api

  api_id      = aws_apigatewayv2_api.main[0].id
  name        = "$default"
  auto_deploy = true

  # For all clients together. The service limits each client, and each factor.
  default_route_settings {
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }
}
