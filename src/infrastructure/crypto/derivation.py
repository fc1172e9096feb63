"""Secrets that are derived when they are needed, so that no secret is stored."""

import hmac
import os
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.owner import CredentialId
from domain.secret import RECOMMENDED_SECRET, Derivation, SharedSecret

SALT_BYTES: Final = 16
CHECK_BYTES: Final = 8
_PURPOSE: Final = "open-mfa derived secret"


class DerivationError(Exception):
    """Raised if a secret can't be derived again: the master secret is not set, or has changed."""


class HkdfDerivation:
    """HKDF-SHA-256 (RFC 5869) of the master secret, with a random salt for each enrolment and the credential as info.

    Every enrolment has its own salt and so its own secret, also for an account that was removed and enrolled again.
    Eight additional bytes are derived and stored as a check. They distinguish a changed master secret from a wrong
    code, and reveal nothing else.
    """

    def __init__(self, master: str | None) -> None:
        self._master = None if master is None else master.encode()

    @property
    def is_set_up(self) -> bool:
        """Whether there is a master secret."""
        return self._master is not None

    def new(self, credential: CredentialId) -> SharedSecret:
        """Return a secret of 160 bits that no other enrolment has. Raise `DerivationError` without a master secret."""
        salt = os.urandom(SALT_BYTES)
        key, check = self._derive(salt, credential)
        return SharedSecret(key, Derivation(salt, check))

    def again(self, derivation: Derivation, credential: CredentialId) -> SharedSecret:
        """Derive the same secret again. Raise `DerivationError` if the master secret is missing or has changed."""
        key, check = self._derive(derivation.salt, credential)
        if not hmac.compare_digest(check, derivation.check):
            raise DerivationError("derived from a different OPEN_MFA_DERIVATION_SECRET")
        return SharedSecret(key, derivation)

    def _derive(self, salt: bytes, credential: CredentialId) -> tuple[bytes, bytes]:
        if self._master is None:
            raise DerivationError("derived from OPEN_MFA_DERIVATION_SECRET, which is not set")
        owner = credential.owner
        info = f"{_PURPOSE}\0{owner.kind.value}\0{owner.id}\0{credential.authenticator}".encode()
        hkdf = HKDF(SHA256(), RECOMMENDED_SECRET + CHECK_BYTES, salt=salt, info=info)
        material = hkdf.derive(self._master)
        return material[:RECOMMENDED_SECRET], material[RECOMMENDED_SECRET:]
