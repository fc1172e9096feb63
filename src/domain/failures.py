"""Throttling: the failure policy of all factors (RFC 4226 section 7.3)."""

from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValue
from domain.parameters import Range

FAILURES_BEFORE_LOCK: Final = 5
"""The throttling parameter T of RFC 4226 section 7.3: consecutive wrong codes before the factor is locked."""
FIRST_LOCK: Final = 30
"""Seconds."""
LONGEST_LOCK: Final = 15 * 60
"""Seconds."""

LOCK_AFTER: Final = Range(3, 10)
"""Wrong codes before the first lock. With ten, an attacker's chance before it is 3 in 100,000 (six digits)."""
LOCK_LENGTH: Final = Range(30, 86400)
"""Seconds."""


@dataclass(frozen=True, slots=True)
class LockSchedule:
    """When wrong codes lock a factor, and for how long.

    Attributes:
        after: consecutive wrong codes before the factor is locked.
        first: the length of the first lock in seconds. Each further wrong code doubles the lock.
        longest: the length of the longest lock in seconds.

    Raises:
        InvalidValue: a value is out of range, or the longest lock is shorter than the first one.
    """

    after: int = FAILURES_BEFORE_LOCK
    first: int = FIRST_LOCK
    longest: int = LONGEST_LOCK

    def __post_init__(self) -> None:
        LOCK_AFTER.check("after", self.after)
        LOCK_LENGTH.check("first", self.first)
        LOCK_LENGTH.check("longest", self.longest)
        if self.longest < self.first:
            raise InvalidValue("longest must not be less than first")


DEFAULT_LOCKS: Final = LockSchedule()
"""Five wrong codes lock for 30 s, and each further one doubles the lock, up to 15 min."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Consecutive wrong codes, and the lock that follows from them.

    Attributes:
        count: wrong codes since the last accepted one.
        locked_until: Unix time in seconds at which the lock ends; 0 if there was none.
    """

    count: int = 0
    locked_until: int = 0

    def locked(self, now: int) -> bool:
        """Return whether no code may be judged at `now`, Unix time in seconds."""
        return now < self.locked_until

    def another(self, now: int, locks: LockSchedule) -> "Failures":
        """Return the failures after one more wrong code, with the lock that the schedule demands.

        A lock that an earlier schedule has begun never ends sooner.
        """
        count = self.count + 1
        beyond = count - locks.after
        if beyond < 0:
            return Failures(count, self.locked_until)
        # The exponent is bounded, so that a high count does not yield a huge number.
        until = now + min(locks.first * 2 ** min(beyond, 20), locks.longest)
        return Failures(count, max(until, self.locked_until))

    def stricter(self, other: "Failures") -> "Failures":
        """Return the higher count and the later end of a lock of the two."""
        return Failures(max(self.count, other.count), max(self.locked_until, other.locked_until))

    def attempts_left(self, locks: LockSchedule) -> int:
        """Return the number of wrong codes that remain. The last one locks the factor."""
        return max(0, locks.after - self.count)


NO_FAILURES: Final = Failures()
