# The running service. Every apply keeps sessions, accounts and codes, because they are stored in Redis.

locals {
  prefix = "${var.name}-${var.environment}"
  core   = data.terraform_remote_state.core.outputs
  arn    = "arn:${data.aws_partition.current.partition}"
  port   = 8080
}

data "aws_partition" "current" {}

data "terraform_remote_state" "core" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "core-stack.tfstate"
    region = var.region
  }
}
