"""Logs, the audit trail and metrics."""
