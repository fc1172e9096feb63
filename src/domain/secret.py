"""The secrets that authenticators and this service share."""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from domain.characters import compact, invisible_note
from domain.errors import InvalidSecret
from domain.parameters import HashAlgorithm

SHORTEST_SECRET: Final = 16
"""Bytes. RFC 4226 section 4, requirement R6: at least 128 bits."""
RECOMMENDED_SECRET: Final = 20
"""Bytes. RFC 4226 section 4, requirement R6: 160 bits are recommended."""
SHORTEST_WEAK_SECRET: Final = 10
"""Bytes. Many systems generated secrets of 80 bits, among them `pyotp.random_base32()` before version 2.6."""
_BLOCK_BYTES: Final = {HashAlgorithm.SHA1: 64, HashAlgorithm.SHA256: 64, HashAlgorithm.SHA512: 128}
"""FIPS 180-4, figure 1."""
LONGEST_SECRET: Final = 128
"""Bytes: the block size of SHA-512. Longer secrets would be hashed first, and might not fit in a QR code."""
_BASE32: Final = re.compile("[A-Za-z2-7]*")
_IMPOSSIBLE: Final = frozenset({1, 3, 6})
"""Impossible lengths of the last, incomplete group of characters (RFC 4648 section 6)."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """The stored form of a secret that is derived again for each use. It contains no secrets.

    Attributes:
        salt: random bytes, new for each enrolment.
        check: shows whether the master secret has changed.
    """

    salt: bytes
    check: bytes


@dataclass(frozen=True, slots=True, repr=False)
class SharedSecret:
    """16 to 128 raw bytes, the K of RFC 4226. `repr` does not show them.

    A weak secret has 10 to 15 bytes, fewer than RFC 4226 requires. It exists only if a caller says so explicitly.

    Attributes:
        key: the bytes.
        derivation: how to derive it again; None for a secret that is stored.
        weak: whether the secret is weak.
    """

    key: bytes
    derivation: Derivation | None = None
    weak: bool = False

    def __post_init__(self) -> None:
        shortest = SHORTEST_WEAK_SECRET if self.weak else SHORTEST_SECRET
        if not shortest <= len(self.key) <= LONGEST_SECRET:
            raise InvalidSecret(f"must have {shortest * 8} to {LONGEST_SECRET * 8} bits")
        if self.weak and len(self.key) >= SHORTEST_SECRET:
            raise InvalidSecret("is not weak")

    @classmethod
    def accepting_weak(cls, key: bytes) -> "SharedSecret":
        """Return the secret with this key, which may be weak. Raise `InvalidSecret` unless it has 80 to 1024 bits."""
        return cls(key, weak=len(key) < SHORTEST_SECRET)

    @classmethod
    def from_base32(cls, text: str, *, accept_weak: bool = False) -> "SharedSecret":
        """Return the secret of a text in base32; see `base32_bytes`.

        Args:
            text: the text.
            accept_weak: whether the secret may be weak.

        Raises:
            InvalidSecret: the text is not base32, or the secret does not have 128 (weak: 80) to 1024 bits.
        """
        key = base32_bytes(text)
        return cls.accepting_weak(key) if accept_weak else cls(key)

    def hmac_key(self, algorithm: HashAlgorithm) -> bytes:
        """Return the same key for all secrets that have the same HMACs.

        RFC 2104 section 2 hashes keys that are longer than a block, and fills shorter ones with zeros.
        """
        key = self.key
        if len(key) > _BLOCK_BYTES[algorithm]:
            key = hashlib.new(algorithm.value, key).digest()
        return key.rstrip(b"\0")

    @property
    def base32(self) -> str:
        """Return the secret in base32 without padding, as the Key URI Format and authenticator apps use it."""
        return base64.b32encode(self.key).decode("ascii").rstrip("=")

    def __repr__(self) -> str:
        return "SharedSecret(hidden)"


def base32_bytes(text: str) -> bytes:
    """Return the bytes of a text in base32 (RFC 4648 section 6) as people paste it.

    Case, padding and the characters that `compact` drops are ignored.

    Raises:
        InvalidSecret: the text has other characters, or a length that is impossible in base32.
    """
    letters = compact(text).rstrip("=")
    if not _BASE32.fullmatch(letters):
        raise InvalidSecret(f"must be base32: the letters A to Z and the digits 2 to 7{invisible_note(letters)}")
    if len(letters) % 8 in _IMPOSSIBLE:
        raise InvalidSecret(
            f"has {len(letters)} characters, which base32 never has: at least one is missing or too many"
        )
    return base64.b32decode(letters + "=" * (-len(letters) % 8), casefold=True)
