terraform {
  # 1.11 is the first with write-only arguments and with the S3 backend's own lock file.
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
  # In the wrong account nothing at all is done.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = merge(var.tags, {
      Application = var.name
      Environment = var.environment
      ManagedBy   = "terraform"
      Stack       = "bootstrap"
    })
  }
}
