"""API keys: what a client of a tenant may do."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.owner import TENANT, TENANT_RULE

KEY_ID: Final = TENANT
"""The id of a key has the form of a tenant."""
KEY_ID_RULE: Final = TENANT_RULE
EXPIRY_NOTICE: Final = 30 * 86400
"""Seconds before the expiry of a key from which on the service warns of it."""


class Scope(StrEnum):
    """What a key allows. Each scope includes those before it."""

    VERIFY = "verify"
    ENROL = "enrol"
    MANAGE = "manage"

    def includes(self, other: "Scope") -> bool:
        """Return whether a key with this scope may do what the other scope allows."""
        return _RANKS[self] >= _RANKS[other]


_RANKS: Final = {scope: rank for rank, scope in enumerate(Scope)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key of a tenant. The service knows only its digest.

    Attributes:
        tenant: the tenant whose accounts the key gives access to.
        id: the name of the key in audit lines and metrics.
        digest: SHA-256 of the key's UTF-8, 32 bytes.
        scope: the highest scope.
        expires_at: Unix time in seconds from which the key is refused; None for never.
    """

    tenant: str
    id: str
    digest: bytes
    scope: Scope = Scope.MANAGE
    expires_at: int | None = None

    def expired(self, now: int) -> bool:
        """Return whether the key is refused at `now`, Unix time in seconds."""
        return self.expires_at is not None and now >= self.expires_at

    def expires_soon(self, now: int) -> bool:
        """Return whether the key has expired, or expires within `EXPIRY_NOTICE` seconds."""
        return self.expires_at is not None and now >= self.expires_at - EXPIRY_NOTICE


def digest_of(key: str) -> bytes:
    """Return the digest of an API key: SHA-256 of its UTF-8, 32 bytes.

    A slow digest as for passwords is not necessary, because keys are random.
    """
    return sha256(key.encode()).digest()
