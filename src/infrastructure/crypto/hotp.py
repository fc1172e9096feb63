"""HOTP codes, computed by pyotp."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import pyotp

from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret

_DIGESTS: Final[dict[HashAlgorithm, Callable[..., Any]]] = {
    HashAlgorithm.SHA1: hashlib.sha1,
    HashAlgorithm.SHA256: hashlib.sha256,
    HashAlgorithm.SHA512: hashlib.sha512,
}


class _RawKeyHotp(pyotp.HOTP):
    """pyotp's HOTP with a raw key. pyotp itself decodes base32 and splits the counter byte by byte for every code."""

    def __init__(self, key: bytes, digits: int, digest: Callable[..., Any]) -> None:
        self._key = key
        super().__init__("", digits=digits, digest=digest)

    def byte_secret(self) -> bytes:
        return self._key

    @staticmethod
    def int_to_bytestring(i: int, *, padding: int = 8) -> bytes:
        return i.to_bytes(padding, "big")


class PyotpHotp:
    """HOTP(K, C) of RFC 4226, section 5.3, with any of the three hash functions of RFC 6238."""

    def codes(
        self, secret: SharedSecret, algorithm: HashAlgorithm, digits: int, moving_factors: Sequence[int]
    ) -> list[str]:
        """Return the codes of the moving factors, in their order."""
        hotp = _RawKeyHotp(secret.key, digits, _DIGESTS[algorithm])
        return [hotp.at(factor) for factor in moving_factors]
