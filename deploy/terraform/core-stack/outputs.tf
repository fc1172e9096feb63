output "name_servers" {
  description = "What the parent zone has to delegate to."
  value       = aws_route53_zone.service.name_servers
}

output "zone" {
  description = "The DNS zone."
  value       = { id = aws_route53_zone.service.zone_id, name = var.zone_name }
}

output "repository" {
  description = "Where images are pushed to."
  value       = { arn = aws_ecr_repository.service.arn, url = aws_ecr_repository.service.repository_url }
}

output "kms_key_arn" {
  description = "The key that everything is encrypted with."
  value       = aws_kms_key.data.arn
}

output "secrets" {
  description = "Setting => where its value lies, and which version of it; null for one that is filled by hand."
  value = merge(
    { for name in setsubtract(keys(local.generated), concat(tolist(local.parts), [for id in var.redis_passwords : "redis-passwords/${id}"])) : name => {
      arn        = aws_secretsmanager_secret.generated[name].arn
      version_id = aws_secretsmanager_secret_version.generated[name].version_id
    } },
    { for name in keys(local.lists) : name => {
      arn        = aws_secretsmanager_secret.list[name].arn
      version_id = aws_secretsmanager_secret_version.list[name].version_id
    } },
    { for name in var.provided_secrets : name => {
      arn        = aws_secretsmanager_secret.provided[name].arn
      version_id = null
    } },
  )
}

output "redis_passwords" {
  description = "Where the passwords that Redis accepts lie; the first is the service's."
  value = [for id in var.redis_passwords : {
    arn        = aws_secretsmanager_secret.generated["redis-passwords/${id}"].arn
    version_id = aws_secretsmanager_secret_version.generated["redis-passwords/${id}"].version_id
  }]
}
