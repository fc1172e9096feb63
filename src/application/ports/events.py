"""The port of the audit trail."""

from enum import StrEnum
from typing import Protocol

from domain.owner import CredentialId, Owner
from domain.verdict import Verdict


class Action(StrEnum):
    """The changes of a credential without a code, as the audit trail names them."""

    ENROLLED = "enrolled"
    ISSUED = "issued"
    UNDELIVERED = "undelivered"
    RENAMED = "renamed"
    REPLACEMENT_ENROLLED = "replacement-enrolled"
    REPLACEMENT_DROPPED = "replacement-dropped"
    UNLOCKED = "unlocked"
    REMOVED = "removed"
    IMPORTED = "imported"


class Purpose(StrEnum):
    """The purposes for which a code is sent, as the audit trail names them."""

    VERIFY = "verify"
    RESYNCHRONIZE = "resynchronize"
    REPLACE = "replace"
    CHALLENGE = "challenge"
    DISABLE = "disable"


class Events(Protocol):
    """The audit trail. An event is announced after its change was committed, never before.

    Every use case that changes or judges anything first calls `require_room` once.
    """

    def require_room(self) -> None:
        """Raise `AuditUnavailable` unless the trail has room for the events of one more use case."""

    def changed(self, action: Action, credential_id: CredentialId) -> None:
        """Announce that a credential was changed without a code."""

    def enrolled(self, credential_id: CredentialId, *, imported: bool, weak: bool) -> None:
        """Announce that a secret was enrolled.

        Args:
            credential_id: the credential.
            imported: whether the secret has come from another system and is confirmed.
            weak: whether the secret has fewer than 128 bits.
        """

    def judged(self, purpose: Purpose, credential_id: CredentialId, verdict: Verdict) -> None:
        """Announce that a code was judged, or refused during a lock."""

    def locked(self, credential_id: CredentialId, until: int) -> None:
        """Announce that a wrong code locked a factor until `until`, Unix time in seconds."""

    def forgotten(self, owner: Owner) -> None:
        """Announce that all credentials of an owner were removed."""

    def exported(self, tenant: str, file_format: str, count: int, *, complete: bool) -> None:
        """Announce that the credentials of a tenant were written to a file.

        Args:
            tenant: the tenant.
            file_format: the name of the format.
            count: the number of states in the file.
            complete: whether the file is complete. An incomplete one reveals secrets too.
        """
