output "name_servers" {
  description = "The name servers that the parent zone must delegate to."
  value       = aws_route53_zone.service.name_servers
}

output "zone" {
  description = "The DNS zone."
  value       = { id = aws_route53_zone.service.zone_id, name = var.zone_name }
}

output "repository" {
  description = "The repository for images."
  value       = { arn = aws_ecr_repository.service.arn, url = aws_ecr_repository.service.repository_url }
}

output "kms_key_arn" {
  description = "The encryption key."
  value       = aws_kms_key.data.arn
}

output "secrets" {
  description = "Setting => the secret with its value and the version, which is null for a value that is entered by hand."
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
  description = "The secrets with the passwords that Redis accepts. The service uses the first."
  value = [for id in var.redis_passwords : {
    arn        = aws_secretsmanager_secret.generated["redis-passwords/${id}"].arn
    version_id = aws_secretsmanager_secret_version.generated["redis-passwords/${id}"].version_id
  }]
}
