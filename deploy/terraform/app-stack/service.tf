locals {
  image = "${local.core.repository.url}${startswith(var.image, "sha256:") ? "@" : ":"}${var.image}"

  # Settings that are readable in the task definition.
  plain = merge(
    { OPEN_MFA_ADMIN_USER = "admin" },
    var.settings,
    var.tenants_file == null ? {} : { OPEN_MFA_TENANTS_TOML = file(var.tenants_file) },
    {
      HOST                     = "0.0.0.0"
      PORT                     = tostring(local.port)
      WEB_CONCURRENCY          = tostring(var.processes)
      OPEN_MFA_ENV             = "production"
      OPEN_MFA_REDIS_WAIT      = tostring(var.redis_wait)
      OPEN_MFA_TRUSTED_PROXIES = "1"
      OPEN_MFA_COOKIE_SECURE   = "true"
      # The root file system is read-only.
      TMPDIR = "/dev/shm"
    },
  )
  # The service does not start with an administrator's name but without a password.
  environment = { for name, value in local.plain : name => value if name != "OPEN_MFA_ADMIN_USER" || contains(keys(local.secrets), "OPEN_MFA_ADMIN_PASSWORD") }

  # Setting => the secret that ECS reads. A new version of a secret creates a new task definition, which is deployed and rolled
  # back like any other. Running tasks keep their values. Terraform does not know the versions of secrets that are entered by
  # hand, so tasks read the current value at their start.
  secrets = merge(
    { for name, secret in local.core.secrets : name => secret.version_id == null ? secret.arn : "${secret.arn}:::${secret.version_id}" },
    { OPEN_MFA_REDIS_URL = "${aws_secretsmanager_secret.redis_url.arn}:::${aws_secretsmanager_secret_version.redis_url.version_id}" },
  )

  # The health check of the container. Every container has /dev/shm.
  look        = "import os, urllib.request as u; m = '/dev/shm/was-ready'; u.urlopen('http://127.0.0.1:${local.port}/' + ('healthz' if os.path.exists(m) else 'readyz'), timeout=4); open(m, 'w').close()"
  secret_arns = concat([for secret in local.core.secrets : secret.arn], [aws_secretsmanager_secret.redis_url.arn])
}

resource "aws_ecs_cluster" "main" {
  name = local.prefix

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }
}

resource "aws_ecs_task_definition" "service" {
  family                   = local.prefix
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  # A roll-back needs the former task definitions.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([{
    name                   = "open-mfa"
    image                  = local.image
    essential              = true
    readonlyRootFilesystem = true
    privileged             = false
    portMappings           = [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]
    environment            = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets                = [for name in sort(keys(local.secrets)) : { name = name, valueFrom = local.secrets[name] }]
    # After SIGTERM, the service gives open requests 20 s.
    stopTimeout = 40

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }

    # A new task must reach Redis once, so that a deployment without access to Redis is rolled back. Afterwards, the task only has
    # to serve, so that a failure of Redis does not replace tasks.
    healthCheck = {
      command     = ["CMD", "python", "-c", local.look]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.main["service"].name
        awslogs-region        = var.region
        awslogs-stream-prefix = "task"
        # During a failure of CloudWatch, lines wait in 25 MiB of memory. Further lines are lost, so that the service does not wait.
        mode            = "non-blocking"
        max-buffer-size = "25m"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = contains(keys(local.core.secrets), "OPEN_MFA_SMTP_URL") == contains(keys(var.settings), "OPEN_MFA_MAIL_FROM")
      error_message = "Set both OPEN_MFA_MAIL_FROM in settings and OPEN_MFA_SMTP_URL in provided_secrets of core-stack, or neither."
    }

    precondition {
      condition     = !contains(keys(local.core.secrets), "OPEN_MFA_WEBHOOK_URL") || var.internet_egress
      error_message = "A webhook requires internet_egress."
    }

    precondition {
      condition     = !contains(keys(local.core.secrets), "OPEN_MFA_SMTP_URL") || var.mail_server != null
      error_message = "Mail requires mail_server, the networks and the port of the mail server."
    }
  }
}

resource "aws_ecs_service" "main" {
  name                               = local.prefix
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = aws_ecs_task_definition.service.arn
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  desired_count                      = var.tasks.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  availability_zone_rebalancing      = "ENABLED"
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  # An apply waits until the new tasks serve, and fails if they are rolled back.
  wait_for_steady_state = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.service.arn
    container_name   = "open-mfa"
    container_port   = local.port
  }

  lifecycle {
    # Autoscaling changes the number of tasks.
    ignore_changes = [desired_count]

    # A roll-back ends in a steady state, too.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.service.arn
      error_message = "The new tasks did not become healthy, and ECS has rolled back to the former ones. The events of the service and the stop reasons of the tasks show the cause."
    }
  }

  # Tasks start after their network and the permissions of their role exist.
  depends_on = [
    aws_lb_listener_rule.public,
    aws_iam_role_policy.execution,
    aws_vpc_endpoint.s3,
    aws_vpc_endpoint.interface,
    aws_route.private,
    aws_route.public,
    aws_route_table_association.private,
    aws_route_table_association.public,
    aws_vpc_security_group_egress_rule.balancer_to_tasks,
    aws_vpc_security_group_egress_rule.tasks_to_redis,
    aws_vpc_security_group_egress_rule.tasks_to_endpoints,
    aws_vpc_security_group_egress_rule.tasks_to_s3,
    aws_vpc_security_group_egress_rule.tasks_to_internet,
    aws_vpc_security_group_egress_rule.tasks_to_mail,
    aws_vpc_security_group_ingress_rule.tasks_from_balancer,
    aws_vpc_security_group_ingress_rule.redis_from_tasks,
    aws_vpc_security_group_ingress_rule.endpoints_from_tasks,
  ]
}

# --- Autoscaling ---

resource "aws_appautoscaling_target" "service" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.main.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.tasks.min
  max_capacity       = var.tasks.max
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "${local.prefix}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service.service_namespace
  resource_id        = aws_appautoscaling_target.service.resource_id
  scalable_dimension = aws_appautoscaling_target.service.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.cpu_percent
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "requests" {
  name               = "${local.prefix}-requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service.service_namespace
  resource_id        = aws_appautoscaling_target.service.resource_id
  scalable_dimension = aws_appautoscaling_target.service.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.requests_per_minute
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${aws_lb.main.arn_suffix}/${aws_lb_target_group.service.arn_suffix}"
    }
  }
}

# --- Permissions: the service has none. ECS may read the image and the secrets, and write the log ---

data "aws_iam_policy_document" "tasks_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.arn}:ecs:${var.region}:${var.account_id}:*"]
    }
  }
}

resource "aws_iam_role" "task" {
  name_prefix        = "${local.prefix}-task-"
  description        = "The service itself: it needs nothing of AWS"
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${local.prefix}-start-"
  description        = "ECS, to start the service"
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

data "aws_iam_policy_document" "execution" {
  # checkov:skip=CKV_AWS_356: the only action with * is a log-in, which supports no resource
  statement {
    sid       = "LogInToTheRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullTheImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [local.core.repository.arn]
  }

  statement {
    sid       = "WriteTheLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.main["service"].arn}:*"]
  }

  statement {
    sid       = "ReadTheSettingsThatAreSecret"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local.secret_arns
  }

  statement {
    sid       = "DecryptThem"
    actions   = ["kms:Decrypt"]
    resources = [local.core.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}
