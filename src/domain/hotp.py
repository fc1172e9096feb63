"""The event-based factor, RFC 4226."""

from dataclasses import dataclass, replace
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential
from domain.former_secret import FormerSecret
from domain.parameters import COUNTER, HotpParameters, Range
from domain.secret_credential import SecretCredential
from domain.verdict import Reason

RESYNCHRONIZATION_LOOK_AHEAD: Final = 1000
"""Counters that the first of two consecutive codes may lie ahead, RFC 4226 section 7.4."""
SHORTEST_LOOK_BACK: Final = 10
"""Spent counters, before the last one, whose codes are named replays rather than wrong guesses."""
NEXT_COUNTER: Final = Range(0, 2**64 - RESYNCHRONIZATION_LOOK_AHEAD - 3)
"""The moving factor has 8 bytes (RFC 4226 section 5.1), and codes are looked for ahead of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotpCredential(SecretCredential):
    """A shared secret and the next counter to be accepted; the counter only moves forward.

    Attributes:
        counter: the moving factor C of the next code.
        initial_counter: the first counter that was ever good here; nothing below it was spent by this service.
    """

    parameters: HotpParameters
    counter: int
    initial_counter: int

    def __post_init__(self) -> None:
        COUNTER.check("initial_counter", self.initial_counter)
        NEXT_COUNTER.check("counter", self.counter)

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:
        """Accept the next code or one of the `look_ahead` codes after it (RFC 4226 section 7.4).

        An accepted code spends all codes before it.
        """
        counters = range(self._spent().start, self.counter + self.parameters.look_ahead + 1)
        found = self.first_fresh(code, counters, self.counter - 1, algorithm)
        return found if isinstance(found, Reason) else self.spent_up_to(found)

    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:
        """Two consecutive codes, the first up to 1000 counters ahead (RFC 4226 section 7.4), are spent together."""
        factors = range(self._spent().start, self.counter + RESYNCHRONIZATION_LOOK_AHEAD + 2)
        hits = self.pair_hits(first, second, factors, algorithm)
        if hits and hits[0] >= self.counter:
            return replace(self, counter=hits[0] + 2)
        return Reason.REPLAYED if hits else Reason.WRONG

    @property
    def series(self) -> str:
        """Return the hash. The number of digits is left out, because six digits are the end of eight."""
        return f"hotp {self.parameters.algorithm.value}"

    def as_former(self) -> FormerSecret | None:
        """Return the digest and the last spent counter; None if this service has accepted no code."""
        return FormerSecret(self.digest, self.counter - 1) if self.counter > self.initial_counter else None

    def spent_up_to(self, last: int) -> Self:
        """Return the state in which every counter up to `last` is spent."""
        return replace(self, counter=max(self.counter, last + 1))

    def _spent(self) -> range:
        """The counters behind the next one whose codes a person is likely to send again."""
        look_back = max(self.parameters.look_ahead, SHORTEST_LOOK_BACK) + 1
        return range(max(self.initial_counter, self.counter - look_back), self.counter)
