"""The tenants: their policies and API keys, from a file and from the settings."""
