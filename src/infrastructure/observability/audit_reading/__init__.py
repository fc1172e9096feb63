"""Reading the audit trail: the audit lines in files of logs, in each form in which logs are kept.

`audit_lines` accepts the output of the service, of Docker and Docker Compose, of Kubernetes, of the systemd journal,
and of Amazon CloudWatch Logs, also compressed with gzip.
"""

from infrastructure.observability.audit_reading.reader import audit_lines
from infrastructure.observability.audit_reading.readings import AuditLine, Damage, DamagedLine, Reading
from infrastructure.observability.audit_reading.streams import STANDARD_INPUT, opened

__all__ = ["STANDARD_INPUT", "AuditLine", "Damage", "DamagedLine", "Reading", "audit_lines", "opened"]
