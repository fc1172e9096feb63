"""The secret that an authenticator and this service share."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidSecret

SHORTEST_SECRET: Final = 16
"""Bytes. RFC 4226 section 4, requirement R6: at least 128 bits."""
RECOMMENDED_SECRET: Final = 20
"""Bytes. RFC 4226 section 4, requirement R6: 160 bits are recommended."""
LONGEST_SECRET: Final = 128
"""Bytes: twice the longest digest's block is more than any authenticator keeps, and fits a QR code."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """What is kept of a secret that is derived again whenever it is needed; nothing of it is secret.

    Attributes:
        salt: random, drawn for each enrolment.
        check: tells whether the master secret is still the one that it was derived from.
    """

    salt: bytes
    check: bytes


@dataclass(frozen=True, slots=True, repr=False)
class SharedSecret:
    """16 to 128 raw bytes, the K of RFC 4226. Hides from `repr`.

    Attributes:
        key: the bytes.
        derivation: how to derive it again, None for a secret that has to be kept.
    """

    key: bytes
    derivation: Derivation | None = None

    def __post_init__(self) -> None:
        if not SHORTEST_SECRET <= len(self.key) <= LONGEST_SECRET:
            raise InvalidSecret(f"must have {SHORTEST_SECRET * 8} to {LONGEST_SECRET * 8} bits")

    @classmethod
    def from_base32(cls, text: str) -> "SharedSecret":
        """Reads base32 (RFC 4648 section 6) as people paste it: any case, spaces, hyphens, with or without padding.

        Raises:
            InvalidSecret: not base32, or outside 128 to 1024 bits.
        """
        compact = text.replace(" ", "").replace("-", "").rstrip("=")
        try:
            # The decoder folds the case: `str.upper` would make base32 of letters beyond ASCII, such as a dotless i.
            key = base64.b32decode(compact + "=" * (-len(compact) % 8), casefold=True)
        except (binascii.Error, ValueError):
            raise InvalidSecret("must be base32: the letters A to Z and the digits 2 to 7") from None
        return cls(key)

    @property
    def base32(self) -> str:
        """Base32 without padding, the form that the Key URI Format and authenticator apps use."""
        return base64.b32encode(self.key).decode("ascii").rstrip("=")

    def __repr__(self) -> str:
        return "SharedSecret(hidden)"
