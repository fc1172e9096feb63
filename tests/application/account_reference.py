"""The reference of one account: its authenticators, recovery codes and failures, which keep every spent code."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.application.model import (
    LOCKS,
    Answer,
)
from tests.application.rig import HOTP, SECOND_HOTP, SECOND_TOTP, TOTP

Found = tuple[str, int]
"""The verdict of a factor without locks ("accepted", "replayed" or "wrong"), and the part to spend."""


@dataclass
class Secret(ABC):
    """An authenticator and its spent moving factors: every one up to the last accepted one."""

    value: Callable[[int], str]
    digits: int
    ends_at: int | None = None
    confirmed: bool = False
    accepted: list[int] = field(default_factory=list)
    replacement: "Secret | None" = None
    key: bytes = b""
    """The key of an imported secret."""

    @property
    def last(self) -> int:
        return max(self.accepted, default=-1)

    def fits(self, text: str) -> bool:
        return len(text) == self.digits

    @abstractmethod
    def near(self, now: int) -> Sequence[int]:
        """Return the moving factors that are valid now unless spent; the authenticator displays the middle one."""

    @abstractmethod
    def remembered(self, now: int) -> Sequence[int]:
        """Return the spent moving factors whose codes are replays."""

    def classify(self, text: str, now: int) -> Found:
        spent = [factor for factor in self.near(now) if factor <= self.last]
        if text in map(self.value, (*spent, *self.remembered(now))):
            return "replayed", 0
        good = (factor for factor in self.near(now) if factor not in spent and self.value(factor) == text)
        factor = next(good, None)
        return ("wrong", 0) if factor is None else ("accepted", factor)

    def spend(self, factor: int) -> None:
        assert factor > self.last, "accepted a second time"
        self.accepted.append(factor)
        self.confirmed = True

    def texts(self, now: int) -> list[str]:
        """Return codes that an authenticator displays about now, and accepted ones."""
        return [self.value(factor) for factor in (*self.near(now), *self.accepted[-3:])]

    def living_replacement(self, now: int) -> "Secret | None":
        replacement = self.replacement
        if replacement is None or replacement.ends_at is None or now >= replacement.ends_at:
            return None
        return replacement


class Totp(Secret):
    """Steps of 30 s, with a window of one step."""

    def near(self, now: int) -> Sequence[int]:
        return range(now // 30 - 1, now // 30 + 2)

    def remembered(self, now: int) -> Sequence[int]:
        return range(self.last - 2, self.last + 1) if self.accepted else ()


class Hotp(Secret):
    """Counters from 0, with a look-ahead of ten; the last spent one is always near."""

    def near(self, now: int) -> Sequence[int]:
        return range(max(0, self.last), self.last + 12)

    def remembered(self, now: int) -> Sequence[int]:
        return range(max(0, self.last - 10), self.last + 1)


@dataclass
class Sheet:
    """A set of recovery codes."""

    codes: list[str]
    crossed_out: list[str] = field(default_factory=list)
    confirmed: bool = True

    def fits(self, text: str) -> bool:
        return len(text) == 16

    def classify(self, text: str, now: int) -> Found:
        if text in self.crossed_out:
            return "replayed", 0
        return ("accepted", self.codes.index(text)) if text in self.codes else ("wrong", 0)

    def spend(self, number: int) -> None:
        assert self.codes[number] not in self.crossed_out, "accepted a second time"
        self.crossed_out.append(self.codes[number])

    def texts(self, now: int) -> list[str]:
        return self.codes


KINDS = {TOTP: Totp, HOTP: Hotp, SECOND_TOTP: Totp, SECOND_HOTP: Hotp}


@dataclass
class Slot:
    """The expected state of one credential, and its consecutive wrong codes."""

    state: Secret | Sheet | None = None
    count: int = 0
    locked_until: int = 0
    forgotten_at: int = 0
    """The time at which the failures of a removed credential no longer count."""

    def begin(self, state: Secret | Sheet, now: int) -> None:
        if self.state is None and now >= self.forgotten_at:
            self.clear()
        self.state = state

    def end(self, now: int) -> None:
        self.state = None
        self.forgotten_at = now + 3600 if self.count else 0

    def join(self, removed: "Slot", now: int) -> None:
        """Remember the failures of one more removed authenticator, for an hour at least."""
        if now >= self.forgotten_at:
            self.clear()
        if removed.count:
            self.inherit(removed)
            self.forgotten_at = max(self.forgotten_at, now + 3600)

    def inherit(self, other: "Slot") -> None:
        self.count, self.locked_until = max(self.count, other.count), max(self.locked_until, other.locked_until)

    def clear(self) -> None:
        self.count = self.locked_until = 0

    def fail(self, now: int) -> Answer:
        self.count += 1
        if self.count >= 5:
            self.locked_until = now + LOCKS.get(self.count, 900)
        return self.rejected("wrong")

    def rejected(self, reason: str) -> Answer:
        return "rejected", reason, max(0, 5 - self.count)

    def locked(self, now: int) -> bool:
        return now < self.locked_until and (self.state is not None or now < self.forgotten_at)


@dataclass(frozen=True)
class Prediction:
    """The expected answer, and the changes that follow from it."""

    answer: Answer
    commits: Sequence[Callable[[], object]] = ()
