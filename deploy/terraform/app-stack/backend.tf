terraform {
  # The rest is told by the backend.hcl that bootstrap writes.
  backend "s3" {
    key = "app-stack.tfstate"
  }
}
