"""The event-based factor, RFC 4226."""

from dataclasses import dataclass, replace
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.former_secret import FormerSecret
from domain.parameters import COUNTER, HotpParameters, Range
from domain.secret_credential import SecretCredential
from domain.verdict import Reason

RESYNCHRONIZATION_LOOK_AHEAD: Final = 1000
"""Counters by which the first of two consecutive codes may be ahead, RFC 4226 section 7.4."""
SHORTEST_LOOK_BACK: Final = 10
"""Spent counters before the last one whose codes are replays rather than wrong codes."""
NEXT_COUNTER: Final = Range(0, 2**64 - RESYNCHRONIZATION_LOOK_AHEAD - 3)
"""The moving factor has 8 bytes (RFC 4226 section 5.1), and the search for a code goes beyond the next counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotpCredential(SecretCredential):
    """A shared secret and the next counter. The counter only increases.

    Attributes:
        counter: the moving factor C of the next code.
        initial_counter: the first counter that can be spent. It is the counter at enrolment, because this service has
            spent none below it. For an imported secret it is 0: the other system has spent all below the counter.
    """

    parameters: HotpParameters
    counter: int
    initial_counter: int

    def __post_init__(self) -> None:
        COUNTER.check("initial_counter", self.initial_counter)
        NEXT_COUNTER.check("counter", self.counter)

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:
        """Accept the next code or one of the `look_ahead` codes after it (RFC 4226 section 7.4).

        An accepted code spends all codes before it.
        """
        counters = range(self._spent().start, self.counter + self.parameters.look_ahead + 1)
        fresh = self.first_fresh(code, counters, self.counter - 1, algorithm)
        return fresh if isinstance(fresh, Reason) else self.spent_up_to(fresh)

    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:
        """Spend two consecutive codes together. The first is up to 1000 counters ahead (RFC 4226 section 7.4)."""
        factors = range(self._spent().start, self.counter + RESYNCHRONIZATION_LOOK_AHEAD + 2)
        hits = self.pair_hits(first, second, factors, algorithm)
        if hits and hits[0] >= self.counter:
            return replace(self, counter=hits[0] + 2)
        return Reason.REPLAYED if hits else Reason.WRONG

    @property
    def series(self) -> str:
        """Return the hash. The number of digits is left out, because a shorter code is the end of a longer one."""
        return f"hotp {self.parameters.algorithm.value}"

    def as_former(self) -> FormerSecret | None:
        """Return the digest and the last spent counter; None if no counter is spent."""
        return FormerSecret(self.digest, self.counter - 1) if self.counter > self.initial_counter else None

    def spent_up_to(self, last: int) -> Self:
        """Return the state in which every counter up to `last` is spent."""
        return replace(self, counter=max(self.counter, last + 1))

    def with_past_codes_spent(self, now: int) -> Self:
        """Return the state in which every counter below the next one is spent."""
        return replace(self, initial_counter=0)

    def _spent(self) -> range:
        """Return the spent counters whose codes a user is likely to send again."""
        look_back = max(self.parameters.look_ahead, SHORTEST_LOOK_BACK) + 1
        return range(max(self.initial_counter, self.counter - look_back), self.counter)
