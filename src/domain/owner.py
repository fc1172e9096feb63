"""Whom a credential belongs to, and which of the owner's factors it is."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import InvalidValue

LONGEST_ACCOUNT_ID: Final = 128
"""Characters."""
ACCOUNT_ID: Final = rf"[A-Za-z0-9._@+:-]{{1,{LONGEST_ACCOUNT_ID}}}"
TENANT: Final = r"[A-Za-z0-9._-]{1,32}"
"""No colon, which parts a tenant from its account."""


class OwnerKind(StrEnum):
    """A session ends by itself; an account lives until it is deleted; the gate's secret is that of all who may pass."""

    SESSION = "session"
    ACCOUNT = "account"
    GATE = "gate"


class Factor(StrEnum):
    """The kinds of credential an owner can have, one of each."""

    OTP = "otp"
    HOTP = "hotp"
    TOTP = "totp"
    RECOVERY_CODES = "recovery-codes"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a credential is bound to. `id` is never a bearer secret: for a session it is a digest."""

    kind: OwnerKind
    id: str

    @classmethod
    def of_account(cls, tenant: str, account: str) -> "Owner":
        """An account of a tenant; two tenants never meet, whatever their accounts are called.

        Raises:
            InvalidValue: the account's id has characters that none may have, or too many.
        """
        if not re.fullmatch(TENANT, tenant):
            raise InvalidValue("a tenant must be 1 to 32 of A-Z a-z 0-9 . _ -")
        # Clients fold paths of dots alone away before they send them.
        if not re.fullmatch(ACCOUNT_ID, account) or account in {".", ".."}:
            raise InvalidValue(f"must be 1 to {LONGEST_ACCOUNT_ID} of A-Z a-z 0-9 . _ @ + : -")
        return cls(OwnerKind.ACCOUNT, f"{tenant}:{account}")

    @property
    def tenant(self) -> str | None:
        """Whose account it is, None for a session."""
        return self.id.partition(":")[0] if self.kind is OwnerKind.ACCOUNT else None

    @property
    def account(self) -> str | None:
        """The account's id as its tenant knows it, None for a session."""
        return self.id.partition(":")[2] if self.kind is OwnerKind.ACCOUNT else None

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"


@dataclass(frozen=True, slots=True)
class CredentialId:
    """The identity of a credential: one owner has at most one credential of a factor."""

    owner: Owner
    factor: Factor

    def __str__(self) -> str:
        return f"{self.owner}/{self.factor.value}"
