"""What an entity is handed in order to judge."""

from collections.abc import Sequence
from typing import Protocol

from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret


class HotpAlgorithm(Protocol):
    """HOTP(K, C), RFC 4226 section 5.3; RFC 6238 feeds it time steps."""

    def codes(
        self, secret: SharedSecret, algorithm: HashAlgorithm, digits: int, moving_factors: Sequence[int]
    ) -> list[str]:
        """The codes of the moving factors, in their order, each of exactly `digits` digits."""
