terraform {
  # The backend.hcl that bootstrap writes contains the other arguments.
  backend "s3" {
    key = "lambda-stack.tfstate"
  }
}
