"""The common part of all credentials: identity, lifecycle, failures, and the way from a match to a verdict."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeVar

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.errors import MalformedCode
from domain.failures import NO_FAILURES, Failures, LockSchedule
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.owner import CredentialId
from domain.secret import SharedSecret
from domain.tombstone import Tombstone
from domain.verdict import Locked, Reason, Rejected

Kind = TypeVar("Kind")
OutcomeOf = AcceptedOutcome[Kind] | RefusedOutcome[Kind | Tombstone]
"""The outcome of judging a code by a credential of this kind."""


class Status(StrEnum):
    """A credential is pending until its first accepted code."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Times in the life of a credential, Unix time in seconds. Without `expires_at` it lives until it is removed."""

    created_at: int
    expires_at: int | None
    confirmed_at: int | None = None
    last_used_at: int | None = None

    @classmethod
    def starting(cls, now: int, lifetime: int | None) -> Self:
        """Return a lifecycle that starts now and lasts `lifetime` seconds; without an end if `lifetime` is None."""
        return cls(created_at=now, expires_at=None if lifetime is None else now + lifetime)

    def confirmed(self, now: int) -> "Lifecycle":
        """Return the lifecycle of a credential that is confirmed without a code."""
        return replace(self, confirmed_at=now)

    def used(self, now: int) -> "Lifecycle":
        """Return the lifecycle after an accepted code. The first accepted code confirms the credential."""
        return Lifecycle(
            created_at=self.created_at,
            expires_at=self.expires_at,
            confirmed_at=now if self.confirmed_at is None else self.confirmed_at,
            last_used_at=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(ABC):
    """The state of a factor. Judging a code does not change it; the outcome contains the state that follows.

    Attributes:
        id: the owner and the factor.
        lifecycle: when it was created, confirmed and used, and when it expires.
        secret: the secret from which its codes follow, or the key of their digests.
        failures: its wrong codes.
    """

    id: CredentialId
    lifecycle: Lifecycle
    secret: SharedSecret
    failures: Failures = NO_FAILURES

    @property
    @abstractmethod
    def shape(self) -> str:
        """Return a description of the shape of this credential's codes, for people."""

    @abstractmethod
    def fits(self, code: Code) -> bool:
        """Return whether a code has the shape of this credential's codes."""

    @abstractmethod
    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:
        """Return the state in which the code is spent, or the reason for refusing the code.

        This ignores the failures and does not change the lifecycle.
        """

    @property
    def expires_at(self) -> int | None:
        """Return the Unix time in seconds at which the credential expires; None for never."""
        return self.lifecycle.expires_at

    @property
    def status(self) -> Status:
        """Return the status: pending until the first accepted code."""
        return Status.PENDING if self.lifecycle.confirmed_at is None else Status.CONFIRMED

    def judge(self, code: Code, now: int, algorithm: HotpAlgorithm, locks: LockSchedule) -> OutcomeOf[Self]:
        """Judge one code at `now`, Unix time in seconds. `locks` is the schedule of the owner's policy.

        Raises:
            MalformedCode: the code does not have the shape of this credential's codes; nothing is counted.
        """
        self.require_shape(code)
        if self.failures.locked(now):
            return RefusedOutcome(Locked(self.failures.locked_until), self)
        return self.outcome_of(self.match(code, now, algorithm), now, locks)

    def require_shape(self, code: Code) -> None:
        """Raise `MalformedCode` if the code does not have the shape of this credential's codes."""
        if not self.fits(code):
            raise MalformedCode(self.shape)

    def outcome_of(self, match: Self | Reason, now: int, locks: LockSchedule) -> OutcomeOf[Self]:
        """Return the outcome of a match: an accepted code clears the failures, a wrong one is counted.

        A spent or expired code is refused, but not counted. Such a code does not help an attacker to guess one, and a
        double click must not lock the user out.
        """
        if not isinstance(match, Reason):
            return AcceptedOutcome(replace(match, failures=NO_FAILURES, lifecycle=self.lifecycle.used(now)))
        if match is not Reason.WRONG:
            return RefusedOutcome(Rejected(match, self.failures.attempts_left(locks)), self)
        failures = self.failures.another(now, locks)
        return RefusedOutcome(Rejected(match, failures.attempts_left(locks)), self.failed(failures, now, locks))

    def failed(self, failures: Failures, now: int, locks: LockSchedule) -> Self | Tombstone:  # noqa: ARG002 - a subclass needs them
        """Return the state after a wrong code."""
        return replace(self, failures=failures)

    def unlocked(self) -> Self:
        """Return the credential without failures."""
        return replace(self, failures=NO_FAILURES)

    def removed(self, now: int) -> Tombstone | None:
        """Return the tombstone to store when the credential is removed; None if there is nothing to remember."""
        return None if self.failures == NO_FAILURES else Tombstone.after(self.id, self.failures, now)
