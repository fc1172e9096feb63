"""The stored form of credentials, which all stores share."""
