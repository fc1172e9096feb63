"""Secrets that are derived whenever they are needed, so that nothing secret has to be stored."""

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
    """A secret that can't be derived again: the master secret is not set, or is another one."""


class HkdfDerivation:
    """HKDF-SHA-256 (RFC 5869): the master secret as input, a random salt for each enrolment, the credential as info.

    The salt makes every enrolment another secret, also of an account that was forgotten in between. Eight bytes more
    than the secret needs are derived, and kept: they tell a changed master secret from a wrong code, and nothing else.
    """

    def __init__(self, master: str | None) -> None:
        self._master = None if master is None else master.encode()

    @property
    def is_set_up(self) -> bool:
        """Whether there is a master secret."""
        return self._master is not None

    def new(self, credential: CredentialId) -> SharedSecret:
        """A secret of 160 bits that no other enrolment has. Raises `DerivationError` when there is no master secret."""
        salt = os.urandom(SALT_BYTES)
        key, check = self._derive(salt, credential)
        return SharedSecret(key, Derivation(salt, check))

    def again(self, derivation: Derivation, credential: CredentialId) -> SharedSecret:
        """The secret that was derived before. Raises `DerivationError`."""
        key, check = self._derive(derivation.salt, credential)
        if not hmac.compare_digest(check, derivation.check):
            raise DerivationError("derived from another OPEN_MFA_DERIVATION_SECRET than the present one")
        return SharedSecret(key, derivation)

    def _derive(self, salt: bytes, credential: CredentialId) -> tuple[bytes, bytes]:
        if self._master is None:
            raise DerivationError("derived from OPEN_MFA_DERIVATION_SECRET, which is not set")
        owner = credential.owner
        info = f"{_PURPOSE}\0{owner.kind.value}\0{owner.id}\0{credential.factor.value}".encode()
        hkdf = HKDF(SHA256(), RECOMMENDED_SECRET + CHECK_BYTES, salt=salt, info=info)
        material = hkdf.derive(self._master)
        return material[:RECOMMENDED_SECRET], material[RECOMMENDED_SECRET:]
