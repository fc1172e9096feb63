"""The event-based factor, RFC 4226."""

from dataclasses import dataclass, replace
from typing import Final

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential
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
        """The next code, or one of `look_ahead` beyond it (RFC 4226 section 7.4), spends all counters up to its own.

        The last spent code stays a replay also where a coming counter happens to have the same digits.
        """
        last = max(self.initial_counter, self.counter - 1)
        hits = self.hits(code, range(last, self.counter + self.parameters.look_ahead + 1), algorithm)
        if hits and hits[0] >= self.counter:
            return replace(self, counter=hits[0] + 1)
        return Reason.REPLAYED if hits or self.hits(code, self._spent(), algorithm) else Reason.WRONG

    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:
        """Two consecutive codes, the first up to 1000 counters ahead (RFC 4226 section 7.4), are spent together."""
        factors = range(self._spent().start, self.counter + RESYNCHRONIZATION_LOOK_AHEAD + 2)
        hits = self.pair_hits(first, second, factors, algorithm)
        if hits and hits[0] >= self.counter:
            return replace(self, counter=hits[0] + 2)
        return Reason.REPLAYED if hits else Reason.WRONG

    def _spent(self) -> range:
        """The counters behind the next one whose codes a person is likely to send again."""
        look_back = max(self.parameters.look_ahead, SHORTEST_LOOK_BACK) + 1
        return range(max(self.initial_counter, self.counter - look_back), self.counter)
