output "url" {
  description = "The URL of the service."
  value       = local.api == 1 ? aws_apigatewayv2_api.main[0].api_endpoint : trimsuffix(aws_cloudformation_stack.function.outputs["Url"], "/")
}

output "function" {
  description = "The name of the function, of its table and of its CloudFormation stack."
  value       = local.prefix
}

output "gate_secret" {
  description = "The secret with the setup key of the gate, and the option of `open-mfa uri totp` that reads its form."
  value = {
    id     = coalesce(var.gate_secret_arn, "${local.prefix}/OPEN_MFA_GATE_SECRET")
    option = var.gate_secret_arn == null ? "--secret" : "--key"
  }
}

output "log_group" {
  description = "The log group of the function, which includes the audit trail."
  value       = aws_cloudwatch_log_group.service.name
}

output "alarm_topic_arn" {
  description = "The topic that receives the alarms."
  value       = aws_sns_topic.alarms.arn
}

output "ephemeral" {
  description = "Whether the installation may be destroyed without further questions."
  value       = var.ephemeral
}
