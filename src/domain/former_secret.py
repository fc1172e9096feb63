"""Remember secrets that a factor had before, so that none of their spent codes is accepted again."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValue

FORMER_SECRETS: Final = 4
"""How many secrets of one factor are remembered, the present one included when it is removed or replaced."""
FORMER_DIGEST_BYTES: Final = 8
"""64 bits tell four secrets apart. A digest that matches by chance only makes codes count as spent."""
REACH: Final = 31
"""Time steps after which a spent TOTP code is refused in any case: a drift of 20, a window of 10, and its own step."""


@dataclass(frozen=True, slots=True)
class FormerSecret:
    """A secret, known by a digest, and how far its codes are spent.

    Attributes:
        digest: see `series_digest`.
        last: the last spent moving factor; all up to it are spent.
        interval: seconds of a time step, None for counters.
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
        """Unix time in seconds from which time itself refuses the spent codes, None for never."""
        return None if self.interval is None else (self.last + REACH) * self.interval


def series_digest(key: bytes, series: str) -> bytes:
    """Return HMAC-SHA-256 under a shared secret of what else its codes depend on, truncated to 64 bits.

    The key has 80 bits of entropy or more, so the digest does not lead back to it.
    """
    return hmac.digest(key, f"former secret\0{series}".encode(), "sha256")[:FORMER_DIGEST_BYTES]


def merged(secrets: Iterable[FormerSecret], now: int) -> tuple[FormerSecret, ...]:
    """Return the secrets whose spent codes could still be accepted at `now`, at most `FORMER_SECRETS`, in their order.

    Of two entries with one digest, the one that has more spent codes counts.
    """
    furthest: dict[bytes, FormerSecret] = {}
    for secret in secrets:
        known = furthest.get(secret.digest)
        if (secret.until is None or now < secret.until) and (known is None or known.last < secret.last):
            furthest[secret.digest] = secret
    return tuple(furthest.values())[:FORMER_SECRETS]
