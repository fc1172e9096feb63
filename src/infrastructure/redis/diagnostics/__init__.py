"""What `open-mfa doctor` asks Redis."""
