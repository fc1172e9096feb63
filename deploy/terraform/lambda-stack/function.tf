# The function, its environment, and who may call it.

locals {
  # Generated secret => a reference that CloudFormation resolves. A new version changes the template, which updates the function.
  resolved = { for name, version in aws_secretsmanager_secret_version.generated : name =>
    "{{resolve:secretsmanager:${aws_secretsmanager_secret.generated[name].arn}:SecretString:::${version.version_id}}}"
  }

  secrets = merge(
    {
      OPEN_MFA_SECRET_KEY      = local.resolved["OPEN_MFA_SECRET_KEY"]
      OPEN_MFA_ENCRYPTION_KEYS = join(",", [for id in var.encryption_keys : "${id}:${local.resolved["encryption-keys/${id}"]}"])
    },
    # Further keys of a tenant have the same name: shop:…,shop:…
    length(var.api_keys) == 0 ? {} : {
      OPEN_MFA_API_KEYS = join(",", [for name in var.api_keys : "${split("/", name)[0]}:${local.resolved["api-keys/${name}"]}"])
    },
    var.audit_key ? { OPEN_MFA_AUDIT_KEY = local.resolved["OPEN_MFA_AUDIT_KEY"] } : {},
    var.gate_secret_arn != null ? {} : { OPEN_MFA_GATE_SECRET = local.resolved["OPEN_MFA_GATE_SECRET"] },
    var.gate_secret_arn == null ? {} : { OPEN_MFA_GATE_SECRET_TEXT = "{{resolve:secretsmanager:${var.gate_secret_arn}:SecretString}}" },
  )

  environment = merge(var.settings, var.tenants_file == null ? {} : { OPEN_MFA_TENANTS_TOML = file(var.tenants_file) }, {
    OPEN_MFA_ENV           = "production"
    OPEN_MFA_STORE_URL     = "dynamodb://${local.prefix}?region=${var.region}"
    OPEN_MFA_COOKIE_SECURE = "true"
  })

  # Exactly one of the two ways to the function exists.
  callers = {
    http-api = {
      Api = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action       = "lambda:InvokeFunction"
          FunctionName = { Ref = "Function" }
          Principal    = "apigateway.amazonaws.com"
          SourceArn    = join("", [for arn in aws_apigatewayv2_api.main[*].execution_arn : "${arn}/*"])
        }
      }
    }
    # The second permission allows nothing but requests to the URL. Without this limit, every AWS account could call the function
    # and choose the client address in the event.
    function-url = {
      Url = {
        Type = "AWS::Lambda::Url"
        Properties = {
          AuthType          = "NONE"
          TargetFunctionArn = { Ref = "Function" }
        }
      }
      AnyoneByUrl = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action              = "lambda:InvokeFunctionUrl"
          FunctionName        = { Ref = "Function" }
          Principal           = "*"
          FunctionUrlAuthType = "NONE"
        }
      }
      AnyoneByUrlOnly = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = { Ref = "Function" }
          Principal             = "*"
          InvokedViaFunctionUrl = true
        }
      }
    }
  }
}

# Terraform would write the environment of a function into the state. CloudFormation reads the secrets from Secrets Manager, so the
# template and the state contain only references. The values are in the configuration of the function, encrypted with our own key.
resource "aws_cloudformation_stack" "function" {
  # checkov:skip=CKV_AWS_124: Terraform waits for the stack and reports its result
  name       = local.prefix
  on_failure = "DELETE"

  template_body = jsonencode({
    Description = "Open-MFA; made by Terraform, which can't hand secrets on without keeping them"
    Resources = merge(
      {
        Function = {
          Type = "AWS::Lambda::Function"
          Properties = merge(
            {
              FunctionName  = local.prefix
              Description   = "Open-MFA: second factors"
              PackageType   = "Image"
              Code          = { ImageUri = var.image }
              Architectures = [var.architecture]
              Role          = local.role_arn
              MemorySize    = var.memory
              Timeout       = var.timeout
              KmsKeyArn     = data.aws_kms_alias.lambda.target_key_arn
              Environment   = { Variables = merge(local.environment, local.secrets) }
              # The service writes JSON lines itself. Lambda passes them on unchanged.
              LoggingConfig = { LogFormat = "Text", LogGroup = aws_cloudwatch_log_group.service.name }
              Tags          = [{ Key = "Name", Value = local.prefix }]
            },
            var.reserved_concurrency == null ? {} : { ReservedConcurrentExecutions = var.reserved_concurrency },
          )
        }
      },
      # The two values have different types, so the condition is in the key.
      { for name, resource in local.callers["http-api"] : name => resource if var.endpoint == "http-api" },
      { for name, resource in local.callers["function-url"] : name => resource if var.endpoint == "function-url" },
    )
    Outputs = merge(
      { Arn = { Value = { "Fn::GetAtt" = ["Function", "Arn"] } } },
      { for name in ["Url"] : name => { Value = { "Fn::GetAtt" = ["Url", "FunctionUrl"] } } if var.endpoint == "function-url" },
    )
  })
}
