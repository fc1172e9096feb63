"""Digests of codes, which are stored instead of the codes."""

import hmac
from typing import Final

from domain.secret import SharedSecret

DIGEST_BYTES: Final = 16
"""128 bits: half of SHA-256, the shortest truncation of an HMAC that RFC 2104 section 5 recommends."""


def keyed_digest(secret: SharedSecret, text: str) -> bytes:
    """Return HMAC-SHA-256 of a code, truncated to 128 bits, under a secret that only its credential has.

    Without the secret, nobody can compare codes with a digest. The secret is stored sealed like every other secret, so
    a rotation of the encryption keys protects digests too.
    """
    return hmac.digest(secret.key, text.encode(), "sha256")[:DIGEST_BYTES]
