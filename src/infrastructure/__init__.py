"""The adapters: Redis, cryptography, pyotp, pictures, settings, logs and metrics behind the application's ports."""
