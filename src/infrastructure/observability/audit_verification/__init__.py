"""The verification of the chains of the audit trail (docs/explanation/audit-trail.md, "How to verify")."""

from infrastructure.observability.audit_verification.result import Finding, Kind, Place, Result
from infrastructure.observability.audit_verification.verifier import Options, Secrets, Source, verify

__all__ = ["Finding", "Kind", "Options", "Place", "Result", "Secrets", "Source", "verify"]
