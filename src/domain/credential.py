"""What every credential has in common: identity, life, failures, and how a match becomes a verdict."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.errors import MalformedCode, NotEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.former_secret import FormerSecret
from domain.owner import CredentialId
from domain.secret import SharedSecret
from domain.verdict import Accepted, Locked, Reason, Rejected, Verdict

REMEMBERED_AFTER_REMOVAL: Final = 3600
"""Seconds that failures are remembered after their credential is gone, so that removing is no way round a lock."""


class Status(StrEnum):
    """Enrolment is verified: pending until the first accepted code."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Moments in a credential's life, Unix time in seconds. Without `expires_at` it lives until removed."""

    created_at: int
    expires_at: int | None
    confirmed_at: int | None = None
    last_used_at: int | None = None

    def used(self, now: int) -> "Lifecycle":
        """After an accepted code; the first one confirms."""
        return Lifecycle(
            created_at=self.created_at,
            expires_at=self.expires_at,
            confirmed_at=now if self.confirmed_at is None else self.confirmed_at,
            last_used_at=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(ABC):
    """A factor's state: judging never changes it but returns the state that should follow.

    Attributes:
        secret: what its codes follow from, or what their digests are keyed with.
    """

    id: CredentialId
    lifecycle: Lifecycle
    secret: SharedSecret
    failures: Failures = NO_FAILURES

    @property
    @abstractmethod
    def shape(self) -> str:
        """What a code must be to be one of this credential's, for people."""

    @abstractmethod
    def fits(self, code: Code) -> bool:
        """Whether a code has the shape of this credential's codes."""

    @abstractmethod
    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> "Credential | Reason":
        """The state in which the code is spent, if it is fresh and good; says nothing about failures or life."""

    @property
    def expires_at(self) -> int | None:
        """Unix time in seconds at which everything of this credential ends, None for never."""
        return self.lifecycle.expires_at

    @property
    def status(self) -> Status:
        """Pending until the first accepted code."""
        return Status.PENDING if self.lifecycle.confirmed_at is None else Status.CONFIRMED

    def judge(self, code: Code, now: int, algorithm: HotpAlgorithm) -> "Judgement":
        """Judges one code at `now`, Unix time in seconds.

        Raises:
            MalformedCode: the code has not the shape of the credential's; nothing is counted.
        """
        self.require(code)
        if self.failures.locked(now):
            return Judgement(Locked(self.failures.locked_until), self)
        return self.settle(self.match(code, now, algorithm), now)

    def require(self, code: Code) -> None:
        """Raises `MalformedCode` for a code that can't be one of this credential's."""
        if not self.fits(code):
            raise MalformedCode(self.shape)

    def settle(self, found: "Credential | Reason", now: int) -> "Judgement":
        """Turns a match into a verdict: an accepted code clears the failures, a wrong one is counted.

        A spent or expired code is refused without being counted: it helps nobody to guess, and a double click
        must not lock anyone out.
        """
        if isinstance(found, Credential):
            return Judgement(Accepted(), replace(found, failures=NO_FAILURES, lifecycle=self.lifecycle.used(now)))
        if found is not Reason.WRONG:
            return Judgement(Rejected(found, self.failures.attempts_left), self)
        failures = self.failures.another(now)
        return Judgement(Rejected(found, failures.attempts_left), self.failed(failures, now))

    def failed(self, failures: Failures, now: int) -> "StoredState":  # noqa: ARG002 - what follows may depend on the time
        """The state after a wrong code."""
        return replace(self, failures=failures)

    def unlocked(self) -> "Credential":
        """Without failures."""
        return replace(self, failures=NO_FAILURES)

    def removed(self, now: int) -> "Tombstone | None":
        """Return what must be remembered if the credential is removed; None for nothing."""
        return None if self.failures == NO_FAILURES else Tombstone.after(self.id, self.failures, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The failures and the former secrets of a credential that was removed.

    A new credential in the same place inherits both. So neither removal nor re-issue resets the throttle, and enrolling
    the same secret again does not make its spent codes valid.

    Attributes:
        expires_at: Unix time in seconds from which neither is needed; None for never.
        failures_until: Unix time in seconds from which the failures no longer count; None if that is `expires_at`.
        former: the former secrets, the most recent first.
    """

    id: CredentialId
    failures: Failures
    expires_at: int | None
    failures_until: int | None = None
    former: tuple[FormerSecret, ...] = ()

    @classmethod
    def after(
        cls,
        credential_id: CredentialId,
        failures: Failures,
        now: int,
        former: tuple[FormerSecret, ...] = (),
        owner_ends_at: int | None = None,
    ) -> "Tombstone":
        """Return the tombstone of a credential that ends now.

        Args:
            credential_id: the credential.
            failures: its wrong codes; they count for another hour.
            now: Unix time in seconds.
            former: its secrets, the most recent first.
            owner_ends_at: Unix time in seconds at which the owner ends; None for never. Spent counters are remembered
                until then.
        """
        failures_until = now + REMEMBERED_AFTER_REMOVAL
        ends = [owner_ends_at if secret.until is None else secret.until for secret in former]
        moments = [failures_until, *(end for end in ends if end is not None)]
        return cls(
            id=credential_id,
            failures=failures,
            expires_at=None if None in ends else max(moments),
            failures_until=failures_until if former else None,
            former=former,
        )

    def at(self, now: int) -> "Tombstone":
        """Return the tombstone without failures that no longer count at `now`."""
        past = self.failures_until is not None and now >= self.failures_until
        return replace(self, failures=NO_FAILURES) if past and self.failures != NO_FAILURES else self

    def judge(self, _code: Code, now: int, _algorithm: HotpAlgorithm) -> "Judgement":
        """Says that the place is locked while it is.

        Raises:
            NotEnrolled: it is not locked, and there is nothing to judge by.
        """
        if self.failures.locked(now):
            return Judgement(Locked(self.failures.locked_until), self)
        raise NotEnrolled

    def unlocked(self) -> "Tombstone | None":
        """Return the tombstone without its failures; None if nothing else is in it."""
        return replace(self, failures=NO_FAILURES) if self.former else None


StoredState = Credential | Tombstone
"""What can be stored in a credential's place."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the state in which it leaves the credential.

    The verdict holds only once that state has been committed against the very state it was judged on.
    """

    verdict: Verdict
    credential: StoredState
