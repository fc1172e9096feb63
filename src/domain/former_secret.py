"""Former secrets of a factor. They are remembered so that none of their spent codes is accepted again."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValue

FORMER_SECRETS: Final = 4
"""The number of secrets that are remembered for one factor, including the one that is being removed or replaced."""
FORMER_SECRETS_OF_REMOVED: Final = 20
"""The number of secrets of one factor that are remembered for all removed additional authenticators of an owner."""
FORMER_DIGEST_BYTES: Final = 8
"""64 bits distinguish four secrets. If two digests are equal by chance, the service only refuses some fresh codes."""
REACH: Final = 31
"""Time steps after which every TOTP code is too old: the largest drift (20), the largest window (10), and one more."""


@dataclass(frozen=True, slots=True)
class FormerSecret:
    """The digest of a secret that was replaced or removed, and its last spent moving factor.

    Attributes:
        digest: see `series_digest`.
        last: the last spent moving factor; all before it are spent too.
        interval: seconds of a time step; None for counters.
    """

    digest: bytes
    last: int
    interval: int | None = None

    def __post_init__(self) -> None:
        if len(self.digest) != FORMER_DIGEST_BYTES:
            raise InvalidValue(f"digest must have {FORMER_DIGEST_BYTES} bytes")
        if self.last < 0:
            raise InvalidValue("the last moving factor must not be negative")
        if self.interval is not None and self.interval <= 0:
            raise InvalidValue("interval must be positive")

    @property
    def until(self) -> int | None:
        """Unix time in seconds from which all spent codes are too old to be accepted; None for never."""
        return None if self.interval is None else (self.last + REACH) * self.interval


def series_digest(key: bytes, series: str) -> bytes:
    """Return HMAC-SHA-256, truncated to 64 bits, of the other inputs of the codes, under the shared secret.

    A secret has 128 bits or more, so nobody can find it by trying. To find a weak secret of 80 bits, a reader of the
    store has to compute 2^80 digests, and still has 2^16 secrets to choose from.
    """
    return hmac.digest(key, f"former secret\0{series}".encode(), "sha256")[:FORMER_DIGEST_BYTES]


def merged(secrets: Iterable[FormerSecret], now: int, most: int = FORMER_SECRETS) -> tuple[FormerSecret, ...]:
    """Return the first `most` of the secrets whose spent codes are not too old at `now`.

    If several entries have the same digest, the one with the highest `last` counts.
    """
    furthest: dict[bytes, FormerSecret] = {}
    for secret in secrets:
        known = furthest.get(secret.digest)
        if (secret.until is None or now < secret.until) and (known is None or known.last < secret.last):
            furthest[secret.digest] = secret
    return tuple(furthest.values())[:most]
