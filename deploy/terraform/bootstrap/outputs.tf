output "state_bucket" {
  description = "Where the state of all three stacks lies."
  value       = aws_s3_bucket.state.bucket
}

output "backend" {
  description = "For -backend-config: what the three stacks' backends have in common."
  value       = <<-EOT
    bucket       = "${aws_s3_bucket.state.bucket}"
    region       = "${var.region}"
    kms_key_id   = "${aws_kms_key.state.arn}"
    encrypt      = true
    use_lockfile = true
  EOT
}

output "github_roles" {
  description = "The variables that the workflows on GitHub know the roles by, and their ARNs; none without github_repository."
  value       = { for role in keys(local.github) : "AWS_${upper(role)}_ROLE_ARN" => aws_iam_role.github[role].arn }
}
