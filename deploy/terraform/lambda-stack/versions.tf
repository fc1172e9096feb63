terraform {
  # 1.11 is the first version of Terraform with write-only arguments, and the first of OpenTofu with ephemeral resources. Both can
  # lock the state with a file in S3.
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0, < 7.0.0"
    }
  }
}

provider "aws" {
  region = var.region
  # Terraform refuses credentials of other accounts.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = merge(var.tags, {
      Application = var.name
      Environment = var.environment
      ManagedBy   = "terraform"
      Stack       = "lambda-stack"
    })
  }
}
