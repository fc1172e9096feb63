"""The stored form of secrets: sealed under a key, or the salt of a derivation."""

from dataclasses import dataclass
from typing import Final

from domain.credential import Credential
from domain.owner import CredentialId
from domain.secret import Derivation, SharedSecret
from infrastructure.crypto.derivation import CHECK_BYTES, HkdfDerivation
from infrastructure.crypto.sealing import KeyRing

_DERIVED: Final = b"\0"
"""The first byte of the stored form of a derived secret. A sealed secret begins with the length of its key's name."""


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A secret and its sealed form. A commit that keeps the secret does not seal it again.

    Each sealing uses one of a key's 2**32 random nonces. Enrolments may use them, verifications must not.
    """

    secret: SharedSecret
    field: str
    blob: bytes


class SecretWriter:
    """Returns the stored form of secrets.

    Args:
        keys: the keys that seal and open secrets.
        sealed: the sealed secrets that are not sealed again.
    """

    def __init__(self, keys: KeyRing, sealed: tuple[Sealed, ...]) -> None:
        self._keys = keys
        self._sealed = sealed

    def write(self, credential: Credential, field: str) -> bytes:
        """Return the stored form of a credential's secret in a field."""
        secret = credential.secret
        if secret.derivation is not None:
            return _DERIVED + secret.derivation.check + secret.derivation.salt
        for each in self._sealed:
            if each.secret is secret and each.field == field:
                return each.blob
        return self._keys.seal(secret.key, credential.id, field)


class SecretReader:
    """Opens the stored secrets of one credential, or derives them again.

    Attributes:
        credential_id: the credential.
        sealed: the secrets that were opened.
    """

    def __init__(self, keys: KeyRing, derivation: HkdfDerivation, credential_id: CredentialId) -> None:
        self._keys = keys
        self._derivation = derivation
        self.credential_id = credential_id
        self.sealed: list[Sealed] = []

    def read(self, blob: bytes, field: str) -> SharedSecret:
        """Return the secret of a stored form in a field. Raise `SealingError` or `DerivationError`."""
        if blob.startswith(_DERIVED):
            check, salt = blob[1 : 1 + CHECK_BYTES], blob[1 + CHECK_BYTES :]
            return self._derivation.again(Derivation(salt, check), self.credential_id)
        secret = SharedSecret.accepting_weak(self._keys.open(blob, self.credential_id, field))
        self.sealed.append(Sealed(secret, field, blob))
        return secret
