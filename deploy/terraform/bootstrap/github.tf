# The roles of the workflows on GitHub (.github/workflows): one pushes images, one plans, one applies, and one applies and destroys
# lambda-stack (lambda.tf).
#
# They belong to this stack and not to core-stack, because only administrators apply this stack. So no workflow can change the
# roles of workflows. The permissions list names, because core-stack and app-stack do not exist yet. A separate account isolates
# better: permissions for resources with a number instead of a name can't be limited to this installation.

locals {
  # Role => the environment on GitHub that it trusts. Everybody who may deploy to the environment can use the role.
  github = { for role, environment in { release = "release", plan = "terraform-plan", apply = "terraform-apply", lambda = "lambda" } : role => environment if var.github_repository != null && (role != "lambda" || var.lambda) }

  github_host = "token.actions.githubusercontent.com"

  # Prefixes of ARNs in this account and region.
  arn = "arn:${data.aws_partition.current.partition}"
  of  = "${var.region}:${var.account_id}"
  iam = "${local.arn}:iam::${var.account_id}"

  # The state of the stacks that workflows plan and apply, but not of this stack.
  states = [for stack in ["core-stack", "app-stack"] : "${aws_s3_bucket.state.arn}/${stack}.tfstate"]
  locks  = [for state in local.states : "${state}.tflock"]

  # Resources with the name of the installation.
  access_logs = "${local.arn}:s3:::${local.prefix}-access-${var.account_id}"
  secrets     = "${local.arn}:secretsmanager:${local.of}:secret:${local.prefix}"
  roles       = [for role in ["flow", "start", "task"] : "${local.iam}:role/${local.prefix}-${role}-*"]
  redis_user  = "${local.arn}:cloudformation:${local.of}:stack/${local.prefix}-redis-user/*"
}

# --- Identity provider ---

# An account has at most one provider for a URL. Another installation or project may have created it.
data "aws_iam_openid_connect_provider" "github" {
  count = length(local.github) > 0 && var.github_oidc_provider_exists ? 1 : 0

  url = "https://${local.github_host}"

  lifecycle {
    postcondition {
      condition     = contains(self.client_id_list, "sts.amazonaws.com")
      error_message = "The provider of the account for ${self.url} must have the audience sts.amazonaws.com."
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = length(local.github) > 0 && !var.github_oidc_provider_exists ? 1 : 0

  url            = "https://${local.github_host}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "github_trust" {
  for_each = local.github

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [one(concat(aws_iam_openid_connect_provider.github[*].arn, data.aws_iam_openid_connect_provider.github[*].arn))]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github_host}:aud"
      values   = ["sts.amazonaws.com"]
    }

    # The repository alone would allow every branch and job. An environment restricts branches and requires reviewers.
    condition {
      test     = "StringEquals"
      variable = "${local.github_host}:sub"
      values   = ["repo:${var.github_repository}:environment:${each.value}"]
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.github

  name               = "${local.prefix}-github-${each.key}"
  description        = "GitHub Actions, environment ${each.value} of ${var.github_repository}"
  assume_role_policy = data.aws_iam_policy_document.github_trust[each.key].json
}

# --- release: pushes images, and reads existing tags ---

data "aws_iam_policy_document" "github_release" {
  # checkov:skip=CKV_AWS_356: the only action with * is a log-in, which supports no resource
  statement {
    sid       = "LogInToTheRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = ["${local.arn}:ecr:${local.of}:repository/${local.prefix}", "${local.arn}:ecr:${local.of}:repository/${local.lambda}"]
  }
}

resource "aws_iam_role_policy" "github_release" {
  count = length(local.github) > 0 ? 1 : 0

  name   = "push"
  role   = aws_iam_role.github["release"].id
  policy = data.aws_iam_policy_document.github_release.json
}

# --- plan: only reads, without a lock. The tests record the calls of the provider, and allow only these ---

data "aws_iam_policy_document" "github_plan" {
  # checkov:skip=CKV_AWS_356: actions with * read configuration and no data, and most support no resource
  # checkov:skip=CKV_AWS_108: it must read the states and the secrets of this installation
  statement {
    sid       = "State"
    actions   = ["s3:GetObject"]
    resources = local.states
  }

  statement {
    sid       = "NamesOfStates"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.state.arn]
  }

  statement {
    sid       = "DecryptStates"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.state.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  # A plan reads the parts of lists (encryption keys, API keys) and the password of Redis to combine them. The provider (5.100)
  # also reads the value of every version that it refreshes, but does not store it.
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue"]
    resources = ["${local.secrets}/*"]
  }

  # Operators enter the values of third parties, and only the service reads them.
  statement {
    sid       = "NotWhatOthersIssue"
    effect    = "Deny"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for name in ["OPEN_MFA_GATE_SECRET_TEXT", "OPEN_MFA_SMTP_URL", "OPEN_MFA_WEBHOOK_URL"] : "${local.secrets}/${name}-*"]
  }

  # The key of core-stack is identified by its alias, which neither role may change.
  statement {
    sid       = "DecryptSecrets"
    actions   = ["kms:Decrypt"]
    resources = ["${local.arn}:kms:${local.of}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/${local.prefix}"]
    }
  }

  statement {
    sid = "AccessLogsButNotTheirContent"
    actions = [
      "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration", "s3:ListBucket",
    ]
    resources = [local.access_logs]
  }

  statement {
    sid       = "Roles"
    actions   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    resources = local.roles
  }

  statement {
    sid       = "RedisUser"
    actions   = ["cloudformation:DescribeStack*", "cloudformation:GetTemplate"]
    resources = [local.redis_user]
  }

  statement {
    sid = "HowThingsAreSetUp"
    actions = [
      "acm:DescribeCertificate", "acm:ListTagsForCertificate",
      "application-autoscaling:Describe*", "application-autoscaling:ListTagsForResource",
      "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource",
      # ec2:Describe* would include start-up scripts of other machines.
      "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeFlowLogs",
      "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroup*",
      "ec2:DescribeSubnets", "ec2:DescribeVpc*",
      "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource",
      "ecs:DescribeClusters", "ecs:DescribeServices", "ecs:DescribeTaskDefinition",
      "elasticache:Describe*", "elasticache:ListTagsForResource",
      "elasticloadbalancing:Describe*",
      "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListResourceTags",
      "logs:DescribeLogGroups", "logs:DescribeMetricFilters", "logs:ListTagsForResource",
      "route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ListTagsForResource",
      # Generates a value without storing it.
      "secretsmanager:GetRandomPassword",
      "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource",
      "wafv2:GetIPSet", "wafv2:GetLoggingConfiguration", "wafv2:GetWebACL", "wafv2:GetWebACLForResource", "wafv2:ListTagsForResource",
    ]
    resources = ["*"]
  }
}

# A separate policy for two roles, because the size of inline policies is limited.
resource "aws_iam_policy" "github_plan" {
  count = length(local.github) > 0 ? 1 : 0

  name        = "${local.prefix}-github-plan"
  description = "Reads what a plan of ${local.prefix} needs"
  policy      = data.aws_iam_policy_document.github_plan.json
}

resource "aws_iam_role_policy_attachment" "github_plan" {
  for_each = setintersection(keys(local.github), ["plan", "apply"])

  role       = aws_iam_role.github[each.key].name
  policy_arn = aws_iam_policy.github_plan[0].arn
}

# --- apply: the permissions of plan, and those for changes after the first apply, which an administrator performs ---
#
# Some changes remain for administrators. The workflow fails at them, and an administrator completes the apply:
# - permissions: roles and their policies, keys, and policies of buckets, of the repository and of secrets. A role that can write
#   policies can give itself all permissions; a permissions boundary would only limit them. So the role can't write policies.
# - irreversible changes: resources with prevent_destroy are neither created nor deleted, and logs are not deleted.
# - monitoring: flow logs and the log of the firewall.
# The role can read every generated secret, and chooses the image that gets them. A deployment requires this, so the environment
# needs reviewers.

data "aws_iam_policy_document" "github_apply" {
  # checkov:skip=CKV_AWS_108: as for plan
  # checkov:skip=CKV_AWS_109: the only permission about permissions is to pass three roles that it can't change
  # checkov:skip=CKV_AWS_111: resources with * have numbers instead of names, or the actions support no resource; NotOfOthers protects other installations
  # checkov:skip=CKV_AWS_356: likewise
  statement {
    sid       = "WriteStates"
    actions   = ["s3:PutObject"]
    resources = local.states
  }

  statement {
    sid       = "LockThem"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = local.locks
  }

  statement {
    sid       = "EncryptThem"
    actions   = ["kms:GenerateDataKey"]
    resources = [aws_kms_key.state.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid = "WriteSecrets"
    actions = [
      "secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource", "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = ["${local.secrets}/*"]
  }

  statement {
    sid       = "EncryptSecrets"
    actions   = ["kms:GenerateDataKey"]
    resources = ["${local.arn}:kms:${local.of}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/${local.prefix}"]
    }
  }

  statement {
    sid       = "LoadBalancer"
    actions   = [for verb in ["Add", "Create", "Delete", "Modify", "Remove", "Set"] : "elasticloadbalancing:${verb}*"]
    resources = [for kind in ["listener-rule/app", "listener/app", "loadbalancer/app", "targetgroup"] : "${local.arn}:elasticloadbalancing:${local.of}:${kind}/${local.prefix}/*"]
  }

  statement {
    sid     = "Firewall"
    actions = ["wafv2:*IPSet", "wafv2:*WebACL", "wafv2:TagResource", "wafv2:UntagResource"]
    resources = concat(
      [for kind in ["ipset/${local.prefix}-backends", "managedruleset/*", "webacl/${local.prefix}"] : "${local.arn}:wafv2:${local.of}:regional/${kind}/*"],
      ["${local.arn}:elasticloadbalancing:${local.of}:loadbalancer/app/${local.prefix}/*"],
    )
  }

  statement {
    sid     = "Service"
    actions = ["ecs:CreateCluster", "ecs:CreateService", "ecs:DeleteService", "ecs:ListTagsForResource", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateCluster*", "ecs:UpdateService"]
    resources = [for kind in ["cluster/${local.prefix}", "service/${local.prefix}/${local.prefix}", "task-definition/${local.prefix}:*"] :
      "${local.arn}:ecs:${local.of}:${kind}"
    ]
  }

  # Only the roles of tasks, and only to ECS.
  statement {
    sid       = "RolesOfTasks"
    actions   = ["iam:PassRole"]
    resources = [for role in ["start", "task"] : "${local.iam}:role/${local.prefix}-${role}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid     = "Redis"
    actions = concat([for verb in ["Add", "Decrease", "Increase", "Modify", "Remove", "Reset"] : "elasticache:${verb}*"], [for what in ["ParameterGroup", "SubnetGroup"] : "elasticache:*Cache${what}"])
    resources = [for kind in ["cluster:${local.prefix}-redis-*", "parametergroup:${local.prefix}-*", "replicationgroup:${local.prefix}-redis", "subnetgroup:${local.prefix}", "user:${local.prefix}-service", "usergroup:${local.prefix}"] :
      "${local.arn}:elasticache:${local.of}:${kind}"
    ]
  }

  # With the permissions of the caller, because no role is passed.
  statement {
    sid       = "RedisUserIsChanged"
    actions   = ["cloudformation:TagResource", "cloudformation:UntagResource", "cloudformation:UpdateStack"]
    resources = [local.redis_user]
  }

  statement {
    sid     = "Logs"
    actions = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteMetricFilter", "logs:PutMetricFilter", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
    resources = [for name in ["/${local.prefix}/*", "aws-waf-logs-${local.prefix}", "aws-waf-logs-${local.prefix}:*"] :
      "${local.arn}:logs:${local.of}:log-group:${name}"
    ]
  }

  statement {
    sid       = "AccessLogsAreKeptAsLongAsItSays"
    actions   = ["s3:PutBucketTagging", "s3:PutLifecycleConfiguration"]
    resources = [local.access_logs]
  }

  # The second pattern matches the alarms that a target of autoscaling creates.
  statement {
    sid     = "Alarms"
    actions = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
    resources = [for name in ["${local.prefix}-*", "TargetTracking-service/${local.prefix}/*"] :
      "${local.arn}:cloudwatch:${local.of}:alarm:${name}"
    ]
  }

  statement {
    sid       = "Dashboard"
    actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
    resources = ["${local.arn}:cloudwatch::${var.account_id}:dashboard/${local.prefix}"]
  }

  statement {
    sid       = "AlarmTopic"
    actions   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
    resources = ["${local.arn}:sns:${local.of}:${local.prefix}-alarms"]
  }

  # Records for addresses and for the validation of certificates, but not for delegations, mail or certificate authorities. The
  # private name of an endpoint is a zone of the VPC and not a record.
  statement {
    sid       = "Records"
    actions   = ["route53:AssociateVPCWithHostedZone", "route53:ChangeResourceRecordSets", "route53:GetChange"]
    resources = [for kind in ["change", "hostedzone"] : "${local.arn}:route53:::${kind}/*"]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "route53:ChangeResourceRecordSetsRecordTypes"
      values   = ["A", "CNAME"]
    }
  }

  statement {
    sid = "WhatKnowsNoName"
    actions = [
      "acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate", "acm:RequestCertificate",
      "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget", "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource", "application-autoscaling:UntagResource",
      "ecs:RegisterTaskDefinition",
      "elasticloadbalancing:SetWebAcl",
      "sns:Unsubscribe",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }

  # No instances, volumes, images, peering or VPN.
  statement {
    sid = "Network"
    actions = concat(
      [for what in ["InternetGateway", "NatGateway", "Route", "RouteTable", "SecurityGroup", "Subnet", "Tags", "Vpc"] : "ec2:Create${what}"],
      [for what in ["InternetGateway", "NatGateway", "Route", "RouteTable", "SecurityGroup", "Subnet", "Tags", "Vpc", "VpcEndpoints"] : "ec2:Delete${what}"],
      [
        "ec2:AllocateAddress", "ec2:DisassociateAddress", "ec2:ReleaseAddress", "ec2:AssociateRouteTable", "ec2:DisassociateRouteTable",
        "ec2:ReplaceRoute*", "ec2:AttachInternetGateway", "ec2:DetachInternetGateway", "ec2:AuthorizeSecurityGroup*",
        "ec2:RevokeSecurityGroup*", "ec2:ModifySecurityGroupRules", "ec2:UpdateSecurityGroupRuleDescriptions*",
        "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute",
      ],
    )
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }

  # Resources of other installations, which have other tags.
  dynamic "statement" {
    for_each = { Application = var.name, Environment = var.environment }

    content {
      sid       = "NotOfAnother${statement.key}"
      effect    = "Deny"
      actions   = ["acm:*", "application-autoscaling:*", "ec2:*"]
      resources = ["*"]

      condition {
        test     = "StringNotEquals"
        variable = "aws:ResourceTag/${statement.key}"
        values   = [statement.value]
      }

      condition {
        test     = "Null"
        variable = "aws:ResourceTag/${statement.key}"
        values   = ["false"]
      }
    }
  }

  # The statements above allow none of these actions. This statement also overrides later additions and attached policies.
  statement {
    sid    = "NeverWhoMayDoWhat"
    effect = "Deny"
    actions = concat(
      [for verb in ["Add", "Attach", "Create", "Deactivate", "Delete", "Detach", "Enable", "Put", "Remove", "Set", "Tag", "Untag", "Update", "Upload"] : "iam:${verb}*"],
      [for verb in ["Create", "Delete", "Disable", "Put", "Schedule", "Update"] : "kms:${verb}*"],
      ["ecr:PutRegistryPolicy", "ecr:SetRepositoryPolicy", "logs:PutResourcePolicy", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "secretsmanager:PutResourcePolicy", "sts:AssumeRole*"],
    )
    resources = ["*"]
  }

  statement {
    sid    = "NeverWhatCanNotBeHadBack"
    effect = "Deny"
    actions = [
      "ec2:DeleteFlowLogs", "ecr:BatchDeleteImage", "ecr:Delete*", "elasticache:DeleteReplicationGroup", "logs:DeleteLog*",
      "route53:DeleteHostedZone", "s3:DeleteBucket", "s3:DeleteObjectVersion", "secretsmanager:DeleteSecret", "wafv2:DeleteLoggingConfiguration",
    ]
    resources = ["*"]
  }

  statement {
    sid         = "NothingElseOfTheState"
    effect      = "Deny"
    not_actions = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources   = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]
  }
}

resource "aws_iam_role_policy" "github_apply" {
  count = length(local.github) > 0 ? 1 : 0

  name   = "change"
  role   = aws_iam_role.github["apply"].id
  policy = data.aws_iam_policy_document.github_apply.json
}
