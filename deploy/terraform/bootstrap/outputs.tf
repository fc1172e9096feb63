output "state_bucket" {
  description = "The bucket with the state of all stacks."
  value       = aws_s3_bucket.state.bucket
}

output "backend" {
  description = "The common configuration of all backends, for -backend-config."
  value       = <<-EOT
    bucket       = "${aws_s3_bucket.state.bucket}"
    region       = "${var.region}"
    kms_key_id   = "${aws_kms_key.state.arn}"
    encrypt      = true
    use_lockfile = true
  EOT
}

output "github_roles" {
  description = "The variables of the repository on GitHub with the ARNs of the roles. Empty without github_repository."
  value       = { for role in keys(local.github) : "AWS_${upper(role)}_ROLE_ARN" => aws_iam_role.github[role].arn }
}

output "lambda_repository_url" {
  description = "The repository for the images of lambda-stack. null without lambda."
  value       = one(aws_ecr_repository.lambda[*].repository_url)
}
