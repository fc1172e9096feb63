"""Secrets at rest: sealed under named keys and bound to their credential."""

import base64
import os
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.owner import CredentialId

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""A random 96-bit nonce is safe for 2**32 sealings under one key (NIST SP 800-38D, sections 8.2.2 and 8.3)."""
LONGEST_KEY_ID: Final = 32
_KEY_ID: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_KEY_ID}}}")


class SealingError(Exception):
    """Raised if a sealed value does not open: the key is unknown, or the value was changed or moved."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A named AES-256 key. Its name is stored with every value that it sealed, so that keys can be rotated."""

    id: str
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.id):
            raise ValueError(f"the id of a key must have 1 to {LONGEST_KEY_ID} of the characters A-Z a-z 0-9 . _ -")
        if len(self.material) != KEY_BYTES:
            raise ValueError(f"a key must have {KEY_BYTES} bytes")

    @classmethod
    def parse(cls, text: str) -> "EncryptionKey":
        """Read `id:base64-of-32-bytes`. Raise `ValueError`, which does not repeat the key."""
        key_id, colon, encoded = text.partition(":")
        if not colon:
            raise ValueError("must be id:base64-of-32-bytes")
        try:
            material = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise ValueError("the part after the colon must be base64") from None
        return cls(key_id, material)


class KeyRing:
    """All encryption keys. The first one seals; all of them open.

    A blob consists of the length of the id, the id, the nonce, and the ciphertext with its tag.
    """

    def __init__(self, keys: tuple[EncryptionKey, ...]) -> None:
        if not keys:
            raise ValueError("at least one key is required")
        self._first = _tag(keys[0].id)
        self._ciphers = {_tag(key.id): AESGCM(key.material) for key in keys}

    @property
    def names(self) -> list[str]:
        """The names of all keys, in their order."""
        return [tag[1:].decode("ascii") for tag in self._ciphers]

    @property
    def first(self) -> str:
        """The name of the key that seals."""
        return self._first[1:].decode("ascii")

    def name_of(self, blob: bytes) -> str:
        """Return the name of the key that sealed a blob."""
        tag, _ = _split(blob)
        return tag[1:].decode("ascii", "replace")

    def seal(self, plaintext: bytes, credential: CredentialId, field_name: str) -> bytes:
        """Return a blob of AES-256-GCM. It opens only for the same credential and field."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, plaintext, _context(credential, field_name))
        return self._first + nonce + sealed

    def open(self, blob: bytes, credential: CredentialId, field_name: str) -> bytes:
        """Return the plaintext of a blob. Raise `SealingError` for every other blob."""
        tag, payload = _split(blob)
        cipher = self._ciphers.get(tag)
        if cipher is None:
            raise SealingError(f"sealed under key {_name(tag)}, which is not among the encryption keys")
        try:
            return cipher.decrypt(payload[:NONCE_BYTES], payload[NONCE_BYTES:], _context(credential, field_name))
        except (InvalidTag, ValueError):
            raise SealingError(f"does not open under key {_name(tag)}") from None


def _tag(key_id: str) -> bytes:
    return bytes([len(key_id)]) + key_id.encode("ascii")


def _split(blob: bytes) -> tuple[bytes, bytes]:
    end = 1 + blob[0] if blob else 0
    return blob[:end], blob[end:]


def _name(tag: bytes) -> str:
    name = tag[1:].decode("ascii", "replace")
    return repr(name) if _KEY_ID.fullmatch(name) else "(unreadable)"


def _context(credential: CredentialId, field_name: str) -> bytes:
    """Return the associated data. No part can contain the NUL that separates them."""
    owner = credential.owner
    return f"{owner.kind}\0{owner.id}\0{credential.authenticator}\0{field_name}".encode()
