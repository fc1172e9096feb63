"""What an entity is handed in order to judge: the two ways in which a code proves something."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.code import Code
from domain.owner import CredentialId
from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret


class HotpAlgorithm(Protocol):
    """HOTP(K, C), RFC 4226 section 5.3; RFC 6238 feeds it time steps."""

    def codes(
        self, secret: SharedSecret, algorithm: HashAlgorithm, digits: int, moving_factors: Sequence[int]
    ) -> list[str]:
        """The codes of the moving factors, in their order, each of exactly `digits` digits."""


class CodeDigest(Protocol):
    """The keyed digest that stands in for a one-time code at rest, bound to its credential."""

    def digest(self, code: Code, credential: CredentialId) -> bytes:
        """The digest to keep instead of the code; it names the key that it was made with."""

    def matches(self, code: Code, digest: bytes, credential: CredentialId) -> bool:
        """Whether the digest was made of this code, in constant time."""


@dataclass(frozen=True, slots=True)
class Algorithms:
    """Everything that the factors need to judge a code."""

    hotp: HotpAlgorithm
    digest: CodeDigest
