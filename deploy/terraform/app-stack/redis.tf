# The only store. It contains secrets, counters and the record of spent codes, which can't be restored from elsewhere.

locals {
  # All commands of the service, only for its own keys. KEYS, FLUSHALL, CONFIG and similar commands are not allowed.
  redis_access = "on ~open-mfa:* -@all +@read +@write +@scripting +@connection -@dangerous +info +time +wait"
}

resource "aws_elasticache_subnet_group" "redis" {
  name        = local.prefix
  description = "Private subnets of ${local.prefix}"
  subnet_ids  = [for subnet in aws_subnet.private : subnet.id]
}

resource "aws_elasticache_parameter_group" "redis" {
  name        = "${local.prefix}-${var.redis_engine}${split(".", var.redis_engine_version)[0]}"
  family      = "${var.redis_engine}${split(".", var.redis_engine_version)[0]}"
  description = "Nothing is thrown out to make room"

  # A full Redis refuses writes, and the service answers 503. Eviction would delete the fact that codes are spent.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# The provider (5.100) would write the password of Redis into the state. CloudFormation reads it from Secrets Manager, so the
# template and the state contain only a reference. A new version of the secret changes the template, which updates the user.
resource "aws_cloudformation_stack" "redis_user" {
  # checkov:skip=CKV_AWS_124: Terraform waits for the stack and reports its result
  name = "${local.prefix}-redis-user"

  template_body = jsonencode({
    Description = "Who may use Redis; made by Terraform, which can't hand a password on without keeping it"
    Resources = {
      User = {
        Type = "AWS::ElastiCache::User"
        Properties = {
          UserId       = "${local.prefix}-service"
          UserName     = "default"
          Engine       = var.redis_engine
          AccessString = local.redis_access
          AuthenticationMode = {
            Type = "password"
            Passwords = [for password in local.core.redis_passwords :
              "{{resolve:secretsmanager:${password.arn}:SecretString:::${password.version_id}}}"
            ]
          }
        }
      }
      Group = {
        Type = "AWS::ElastiCache::UserGroup"
        Properties = {
          UserGroupId = local.prefix
          Engine      = var.redis_engine
          UserIds     = [{ Ref = "User" }]
        }
      }
    }
    Outputs = {
      Group = { Value = { Ref = "Group" } }
    }
  })
}

# The identity of Redis. Its replacement also replaces Redis, and each one has a final snapshot with a unique name.
resource "terraform_data" "redis" {
}

resource "aws_elasticache_replication_group" "redis" {
  # checkov:skip=CKV_AWS_31: a user with a password and restricted permissions replaces AUTH (user_group_ids)
  replication_group_id = "${local.prefix}-redis"
  description          = "State of ${local.prefix}"
  engine               = var.redis_engine
  engine_version       = var.redis_engine_version
  node_type            = var.redis_node_type
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.redis.name

  num_cache_clusters         = var.redis_nodes
  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.redis.name
  security_group_ids         = [aws_security_group.redis.id]

  at_rest_encryption_enabled = true
  kms_key_id                 = local.core.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  user_group_ids             = [aws_cloudformation_stack.redis_user.outputs["Group"]]

  snapshot_name              = var.redis_snapshot_name
  snapshot_retention_limit   = var.redis_snapshot_days
  snapshot_window            = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:05:00"
  final_snapshot_identifier  = "${local.prefix}-final-${substr(terraform_data.redis.id, 0, 8)}"
  auto_minor_version_upgrade = true
  apply_immediately          = false

  # No slow log, because it contains commands with their arguments.
  log_delivery_configuration {
    log_type         = "engine-log"
    log_format       = "json"
    destination_type = "cloudwatch-logs"
    destination      = aws_cloudwatch_log_group.main["redis"].name
  }

  lifecycle {
    prevent_destroy = true
    # A changed snapshot name does not replace Redis.
    ignore_changes       = [snapshot_name]
    replace_triggered_by = [terraform_data.redis]
  }
}

check "verdicts_wait_for_a_replica" {
  assert {
    condition     = var.redis_wait > 0
    error_message = "redis_wait is 0, so a fail-over can lose the fact that a code is spent. Increase it again when the replicas are back."
  }
}

# --- The URL of Redis: one secret that contains the password and the address ---

ephemeral "aws_secretsmanager_secret_version" "redis_password" {
  secret_id  = local.core.redis_passwords[0].arn
  version_id = local.core.redis_passwords[0].version_id
}

resource "aws_secretsmanager_secret" "redis_url" {
  # checkov:skip=CKV2_AWS_57: it changes together with the password in it
  name        = "${local.prefix}/OPEN_MFA_REDIS_URL"
  description = "Put together by Terraform from the password and the address"
  kms_key_id  = local.core.kms_key_arn
  # The value can be created again at any time, so the name is released at once.
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "redis_url" {
  secret_id        = aws_secretsmanager_secret.redis_url.id
  secret_string_wo = "rediss://default:${ephemeral.aws_secretsmanager_secret_version.redis_password.secret_string}@${aws_elasticache_replication_group.redis.primary_endpoint_address}:6379"
  # A number that changes only if the parts of the value change.
  secret_string_wo_version = parseint(substr(sha256("${local.core.redis_passwords[0].version_id} ${aws_elasticache_replication_group.redis.primary_endpoint_address}"), 0, 8), 16)
}
