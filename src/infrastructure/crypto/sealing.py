"""Secrets at rest: sealed under named keys, bound to where they belong."""

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
"""NIST SP 800-38D section 8.2.2: a random 96-bit nonce, good for 2**32 sealings under one key."""
LONGEST_KEY_ID: Final = 32
_KEY_ID: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_KEY_ID}}}")


class SealingError(Exception):
    """A sealed value that does not open: unknown key, wrong place, or changed. The message names the key only."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A named AES-256 key; the name is stored beside what it sealed, so that keys can be rotated while serving."""

    id: str
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.id):
            raise ValueError(f"a key's id must be 1 to {LONGEST_KEY_ID} of A-Z a-z 0-9 . _ -")
        if len(self.material) != KEY_BYTES:
            raise ValueError(f"a key must have {KEY_BYTES} bytes")

    @classmethod
    def parse(cls, text: str) -> "EncryptionKey":
        """Reads `id:base64-of-32-bytes`. Raises `ValueError`, which does not repeat the key."""
        key_id, colon, encoded = text.partition(":")
        if not colon:
            raise ValueError("must be id:base64-of-32-bytes")
        try:
            material = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise ValueError("what follows the id must be base64") from None
        return cls(key_id, material)


class KeyRing:
    """All encryption keys, the first of which seals; every one of them opens.

    A blob is `length of id, id, nonce, what was sealed and its tag`.
    """

    def __init__(self, keys: tuple[EncryptionKey, ...]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
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
        """The name of the key that something was sealed under."""
        tag, _ = _split(blob)
        return tag[1:].decode("ascii", "replace")

    def seal(self, plaintext: bytes, credential: CredentialId, field_name: str) -> bytes:
        """Encrypts and authenticates with AES-256-GCM; opens only for the same credential and field."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, plaintext, _place(credential, field_name))
        return self._first + nonce + sealed

    def open(self, blob: bytes, credential: CredentialId, field_name: str) -> bytes:
        """Raises `SealingError`; never answers with anything but what was sealed."""
        tag, payload = _split(blob)
        cipher = self._ciphers.get(tag)
        if cipher is None:
            raise SealingError(f"sealed under key {_name(tag)}, which is not among the encryption keys")
        try:
            return cipher.decrypt(payload[:NONCE_BYTES], payload[NONCE_BYTES:], _place(credential, field_name))
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


def _place(credential: CredentialId, field_name: str) -> bytes:
    """Associated data: no part can contain the NUL that parts them."""
    owner = credential.owner
    return f"{owner.kind.value}\0{owner.id}\0{credential.factor.value}\0{field_name}".encode()
