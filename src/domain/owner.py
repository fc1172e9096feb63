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
TENANT_RULE: Final = 'must have 1 to 32 letters, digits or characters of "._-"'
"""The rule for tenants, as the predicate of an error message."""
AUTHENTICATOR_ID: Final = r"(totp|hotp)(?:-([0-9a-hjkmnp-tv-z]{10}))?"
"""The id of an authenticator within its account: the factor, and a random suffix if it is an additional one."""
REMOVED: Final = "removed"
"""The suffix of the tombstone of removed authenticators. No authenticator has it."""
_AUTHENTICATOR: Final = re.compile(AUTHENTICATOR_ID)


class OwnerKind(StrEnum):
    """The kinds of owners. A session expires; an account lasts until it is deleted; a gate owns the shared secret."""

    SESSION = "session"
    ACCOUNT = "account"
    GATE = "gate"


class Factor(StrEnum):
    """The kinds of credentials. An account has several authenticators of the kinds HOTP and TOTP."""

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
    """The identity of a credential within the service.

    Attributes:
        owner: the owner.
        factor: the kind of the credential.
        suffix: distinguishes an additional authenticator from the first one of its factor, which has no suffix.
    """

    owner: Owner
    factor: Factor
    suffix: str = ""

    @classmethod
    def of_authenticator(cls, owner: Owner, authenticator: str) -> "CredentialId":
        """Return the identity of an owner's authenticator, such as `totp` or `totp-7k2m9q4x8d`.

        Raises:
            InvalidValue: no authenticator can have this id.
        """
        match = _AUTHENTICATOR.fullmatch(authenticator)
        if match is None:
            raise InvalidValue("is not the id of an authenticator")
        return cls(owner, Factor(match[1]), match[2] or "")

    @property
    def authenticator(self) -> str:
        """Return the id within the owner. It begins with the factor; without a suffix, it is the factor."""
        return f"{self.factor}-{self.suffix}" if self.suffix else self.factor.value

    @property
    def removed(self) -> "CredentialId":
        """Return the identity under which the tombstones of removed additional authenticators are kept together."""
        return CredentialId(self.owner, self.factor, REMOVED)

    def __str__(self) -> str:
        return f"{self.owner}/{self.authenticator}"
