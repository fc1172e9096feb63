"""The log-in gate."""
