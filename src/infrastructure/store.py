"""The store seam: the parts that the service needs from a store.

A store is one package that implements `Store`, and one line in `presentation.bootstrap.stores` that opens it. The
contract tests state what each part must do.
"""

from collections.abc import Iterator
from typing import Protocol

from application.ports.audit_anchors import AuditAnchors
from application.ports.stores import (
    AccountDirectory,
    CredentialRepository,
    GateSessions,
    LogLevels,
    RequestCounters,
    SendLimit,
    Snapshot,
    StoreDescription,
)
from domain.owner import CredentialId


class SealedCredentialRepository(CredentialRepository, Protocol):
    """A credential repository whose secrets can be sealed again under another key."""

    def ids(self) -> Iterator[CredentialId]:
        """Yield the id of every stored credential, in no particular order.

        An id may come twice. A credential that is created or removed during the walk may be missing.

        Raises:
            StoreUnavailable: the store failed.
        """

    def sealed_in(self, snapshot: Snapshot) -> list[bytes]:
        """Return the sealed values of a snapshot. Derived secrets have none."""

    def reseal(self, credential_id: CredentialId, snapshot: Snapshot) -> Snapshot | None:
        """Commit the same state with its secrets sealed under the first encryption key.

        Returns:
            None if committed; otherwise the current snapshot, and nothing was changed.

        Raises:
            StoreUnavailable: the store failed.
        """


class Store(Protocol):
    """A store. Its methods raise `StoreUnavailable` if it fails."""

    @property
    def credentials(self) -> SealedCredentialRepository:
        """The credentials of all owners."""

    @property
    def accounts(self) -> AccountDirectory:
        """The accounts of all tenants."""

    @property
    def send_limit(self) -> SendLimit:
        """The limits of sent codes."""

    @property
    def rate_limits(self) -> RequestCounters:
        """The counters of rate limits, for the `limits` library."""

    @property
    def log_levels(self) -> LogLevels:
        """The log level that all workers share."""

    @property
    def audit_anchors(self) -> AuditAnchors:
        """The anchors of the audit trail."""

    def gate_sessions(self, gate: str, lifetime: int) -> GateSessions:
        """Return the sessions of one gate.

        Args:
            gate: the name of the gate. A gate with another name has none of these sessions.
            lifetime: seconds after which a session ends.
        """

    def check_ready(self) -> None:
        """Raise `StoreUnavailable` unless the store answers."""

    def describe(self) -> StoreDescription:
        """Return the version and the clock of the store."""

    def close(self) -> None:
        """Close all connections."""
