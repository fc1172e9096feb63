"""The algorithm that a credential needs to judge a code."""

from collections.abc import Sequence
from typing import Protocol

from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret


class HotpAlgorithm(Protocol):
    """HOTP(K, C) of RFC 4226 section 5.3. RFC 6238 uses it with time steps as the moving factor."""

    def codes(
        self, secret: SharedSecret, algorithm: HashAlgorithm, digits: int, moving_factors: Sequence[int]
    ) -> list[str]:
        """Return the codes of the moving factors, in their order. Each code has exactly `digits` digits."""
