"""The inspection of Redis for `open-mfa doctor`."""
