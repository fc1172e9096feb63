"""Throttling: the one failure policy that serves every factor (RFC 4226 section 7.3)."""

from dataclasses import dataclass
from typing import Final

FAILURES_BEFORE_LOCK: Final = 5
"""The throttling parameter T of RFC 4226 section 7.3: wrong codes in a row before the factor is locked."""
FIRST_LOCK: Final = 30
"""Seconds."""
LONGEST_LOCK: Final = 15 * 60
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong codes in a row, and the lock that follows from them.

    Attributes:
        count: wrong codes since the last accepted one.
        locked_until: Unix time in seconds; 0 when never locked. The lock ends at that second.
    """

    count: int = 0
    locked_until: int = 0

    def locked(self, now: int) -> bool:
        """Whether no code, not even a good one, may be judged at this time."""
        return now < self.locked_until

    def another(self, now: int) -> "Failures":
        """One more wrong code: the fifth locks for 30 s, each further one for twice as long, up to 15 min."""
        count = self.count + 1
        beyond = count - FAILURES_BEFORE_LOCK
        if beyond < 0:
            return Failures(count, self.locked_until)
        # The exponent is bounded so that an old, high count never builds a huge number.
        return Failures(count, now + min(FIRST_LOCK * 2 ** min(beyond, 10), LONGEST_LOCK))

    @property
    def attempts_left(self) -> int:
        """How many wrong codes are left; the last of them locks."""
        return max(0, FAILURES_BEFORE_LOCK - self.count)


NO_FAILURES: Final = Failures()
