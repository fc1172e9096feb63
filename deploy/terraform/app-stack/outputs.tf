output "url" {
  description = "Where the service is."
  value       = "https://${var.domain_name}"
}

output "cluster" {
  description = "The ECS cluster; the service in it has the same name."
  value       = aws_ecs_cluster.main.name
}

output "log_group" {
  description = "Where the service's log is, the audit trail included."
  value       = aws_cloudwatch_log_group.main["service"].name
}

output "alarm_topic_arn" {
  description = "The topic that alarms go to."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard" {
  description = "The dashboard's name in CloudWatch."
  value       = aws_cloudwatch_dashboard.main.dashboard_name
}

output "egress_addresses" {
  description = "The addresses that the service is seen under, where it has a way out; for a webhook's firewall."
  value       = [for address in aws_eip.nat : address.public_ip]
}

output "run_task_network" {
  description = "For `aws ecs run-task --network-configuration`: where the service's tasks run."
  value       = "awsvpcConfiguration={subnets=[${join(",", [for subnet in aws_subnet.private : subnet.id])}],securityGroups=[${aws_security_group.tasks.id}],assignPublicIp=DISABLED}"
}
