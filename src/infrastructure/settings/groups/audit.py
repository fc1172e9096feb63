"""The keys of the audit trail."""

from dataclasses import dataclass

from infrastructure.settings.declaration import setting
from infrastructure.settings.parsers import audit_key, audit_public_key


@dataclass(frozen=True, slots=True)
class Audit:
    """With a key, the audit trail is tamper-evident; see [verify the audit trail](../how-to/verify-the-audit-trail.md).

    `open-mfa audit new-keys` prints new keys.
    """

    key: bytes | None = setting(
        "OPEN_MFA_AUDIT_KEY",
        audit_key,
        "The key of the codes in the lines of the audit trail: base64 of 32 bytes. Log lines are then JSON.",
        absence="none: lines without codes",
        secret=True,
    )
    public_key: bytes | None = setting(
        "OPEN_MFA_AUDIT_PUBLIC_KEY",
        audit_public_key,
        "The auditor's public key: base64 of 32 bytes (X25519). With it, nobody who takes over the machine can rewrite"
        " earlier lines. Keep the private key on another machine.",
        absence="none: `OPEN_MFA_AUDIT_KEY` alone makes all codes",
    )
