"""Whom a credential belongs to, and which of the owner's factors it is."""

from dataclasses import dataclass
from enum import StrEnum


class OwnerKind(StrEnum):
    """A session ends by itself; an account lives until it is deleted."""

    SESSION = "session"
    ACCOUNT = "account"


class Factor(StrEnum):
    """The kinds of credential an owner can have, one of each."""

    OTP = "otp"
    HOTP = "hotp"
    TOTP = "totp"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a credential is bound to. `id` is never a bearer secret: for a session it is a digest."""

    kind: OwnerKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"


@dataclass(frozen=True, slots=True)
class CredentialId:
    """The identity of a credential: one owner has at most one credential of a factor."""

    owner: Owner
    factor: Factor

    def __str__(self) -> str:
        return f"{self.owner}/{self.factor.value}"
