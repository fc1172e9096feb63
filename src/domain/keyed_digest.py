"""What stands in for a code that must not be kept."""

import hmac
from typing import Final

from domain.secret import SharedSecret

DIGEST_BYTES: Final = 16
"""128 bits: half of SHA-256, the least to which RFC 2104 section 5 would have an HMAC truncated."""


def keyed_digest(secret: SharedSecret, text: str) -> bytes:
    """HMAC-SHA-256 of a code under a secret of its credential's own, truncated to 128 bits.

    Without the secret, which is sealed wherever it is stored, nobody can try codes against a digest. And since the
    secret is sealed like every other, a rotation of the encryption keys reaches digests too.
    """
    return hmac.digest(secret.key, text.encode(), "sha256")[:DIGEST_BYTES]
