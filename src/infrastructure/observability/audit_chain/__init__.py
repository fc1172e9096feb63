"""The chain of message authentication codes over the lines of the audit trail (docs/explanation/audit-trail.md)."""
