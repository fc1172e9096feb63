output "url" {
  description = "The URL of the service."
  value       = "https://${var.domain_name}"
}

output "cluster" {
  description = "The name of the ECS cluster and of the service in it."
  value       = aws_ecs_cluster.main.name
}

output "log_group" {
  description = "The log group of the service, which includes the audit trail."
  value       = aws_cloudwatch_log_group.main["service"].name
}

output "alarm_topic_arn" {
  description = "The topic that receives the alarms."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard" {
  description = "The name of the dashboard in CloudWatch."
  value       = aws_cloudwatch_dashboard.main.dashboard_name
}

output "egress_addresses" {
  description = "The source addresses of the service in the internet, for the firewall of a webhook. Empty without internet_egress."
  value       = [for address in aws_eip.nat : address.public_ip]
}

output "run_task_network" {
  description = "The network of the tasks, for `aws ecs run-task --network-configuration`."
  value       = "awsvpcConfiguration={subnets=[${join(",", [for subnet in aws_subnet.private : subnet.id])}],securityGroups=[${aws_security_group.tasks.id}],assignPublicIp=DISABLED}"
}
