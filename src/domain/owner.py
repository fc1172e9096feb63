"""The owners and the identities of credentials."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import InvalidValue

LONGEST_ACCOUNT_ID: Final = 255
"""Characters."""
ACCOUNT_ID: Final = rf"[!$&-.0-;=@-\[\]-z|~]{{1,{LONGEST_ACCOUNT_ID}}}"
r"""Printable ASCII without white space and `/ ? # % { } \ " < >`.

Proxies and servers treat some of these characters in a path differently, and braces would end the hash tag of a key in
Redis. Generators of clients copy the pattern into quotes of their language, so it contains no quotation marks.
"""
ACCOUNT_ID_RULE: Final = (
    f'must be 1 to {LONGEST_ACCOUNT_ID} printable ASCII characters without white space and / ? # % {{ }} \\ " < >, and'
    " not . or ..; instead of any other id, use its SHA-256 digest in hexadecimal"
)
"""The rule for account ids, as the predicate of an error message."""
TENANT: Final = r"[A-Za-z0-9._-]{1,32}"
"""A colon is not allowed, because it separates a tenant from its account."""


class OwnerKind(StrEnum):
    """The kinds of owners. A session expires; an account lasts until it is deleted; a gate owns the shared secret."""

    SESSION = "session"
    ACCOUNT = "account"
    GATE = "gate"


class Factor(StrEnum):
    """The kinds of credentials. An owner has at most one of each."""

    OTP = "otp"
    HOTP = "hotp"
    TOTP = "totp"
    RECOVERY_CODES = "recovery-codes"


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of credentials. `id` grants no access: for a session it is a digest."""

    kind: OwnerKind
    id: str

    @classmethod
    def of_account(cls, tenant: str, account: str) -> "Owner":
        """Return the owner for an account of a tenant. Accounts of different tenants are different owners.

        Raises:
            InvalidValue: the tenant or the account's id has invalid characters or a wrong length.
        """
        if not re.fullmatch(TENANT, tenant):
            raise InvalidValue("a tenant must be 1 to 32 of A-Z a-z 0-9 . _ -")
        # Clients remove path segments that consist of dots before they send a request.
        if not re.fullmatch(ACCOUNT_ID, account) or account in {".", ".."}:
            raise InvalidValue(ACCOUNT_ID_RULE)
        return cls(OwnerKind.ACCOUNT, f"{tenant}:{account}")

    @property
    def tenant(self) -> str | None:
        """Return the tenant of an account; None for other owners."""
        return self.id.partition(":")[0] if self.kind is OwnerKind.ACCOUNT else None

    @property
    def account(self) -> str | None:
        """Return the account's id, as its tenant knows it; None for other owners."""
        return self.id.partition(":")[2] if self.kind is OwnerKind.ACCOUNT else None

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class CredentialId:
    """The identity of a credential: one owner has at most one credential of a factor."""

    owner: Owner
    factor: Factor

    def __str__(self) -> str:
        return f"{self.owner}/{self.factor}"
