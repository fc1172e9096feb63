"""The tombstone: the stored state that a removed credential leaves behind."""

from dataclasses import dataclass, replace
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.errors import NotEnrolled
from domain.failures import NO_FAILURES, Failures, LockSchedule
from domain.former_secret import FORMER_SECRETS_OF_REMOVED, FormerSecret, merged
from domain.outcome import RefusedOutcome
from domain.owner import CredentialId
from domain.verdict import Locked

REMEMBERED_AFTER_REMOVAL: Final = 3600
"""Seconds for which the failures of a removed credential count, after its removal and after the end of its lock.

Without them, a removal would end a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The failures and the former secrets of a credential that was removed.

    A new credential with the same id inherits both. So neither removal nor re-issue resets the throttle, and enrolling
    the same secret again does not make its spent codes valid.

    Attributes:
        id: the id of the removed credential.
        failures: its wrong codes.
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
    ) -> Self:
        """Return the tombstone of a credential that is removed now.

        Args:
            credential_id: the credential.
            failures: its wrong codes; they count for another hour, and for an hour after the end of their lock.
            now: Unix time in seconds.
            former: its secrets, the most recent first.
            owner_ends_at: Unix time in seconds at which the owner ends; None for never. Spent counters are remembered
                until then.
        """
        failures_until = max(now, failures.locked_until) + REMEMBERED_AFTER_REMOVAL
        ends = [owner_ends_at if secret.until is None else secret.until for secret in former]
        times = [failures_until, *(end for end in ends if end is not None)]
        return cls(
            id=credential_id,
            failures=failures,
            expires_at=None if None in ends else max(times),
            failures_until=failures_until if former else None,
            former=former,
        )

    def at(self, now: int) -> Self:
        """Return the tombstone without failures that no longer count at `now`, Unix time in seconds."""
        past = self.failures_until is not None and now >= self.failures_until
        return replace(self, failures=NO_FAILURES) if past and self.failures != NO_FAILURES else self

    def joined(self, later: "Tombstone", now: int) -> Self:
        """Return one tombstone for the credentials of this one and of another one that was removed later.

        It has the stricter failures until none of them counts, and the former secrets of both.
        """
        mine, others = self.at(now), later.at(now)
        failures = mine.failures.stricter(others.failures)
        counting = [each.failures_end for each in (mine, others) if each.failures != NO_FAILURES]
        former = merged((*others.former, *mine.former), now, FORMER_SECRETS_OF_REMOVED)
        ends = [each.expires_at for each in (mine, others)]
        # If no failures count, this time has no effect. It depends on the two alone, so a repetition changes nothing.
        unused = max(mine.failures_end, others.failures_end)
        return replace(
            self,
            failures=failures,
            expires_at=None if None in ends else max(end for end in ends if end is not None),
            failures_until=max(counting, default=unused) if former else None,
            former=former,
        )

    @property
    def failures_end(self) -> int:
        """Return the Unix time in seconds from which the failures no longer count."""
        return self.failures_until if self.failures_until is not None else self.expires_at or 0

    def judge(self, _code: Code, now: int, _algorithm: HotpAlgorithm, _locks: LockSchedule) -> RefusedOutcome[Self]:
        """Refuse the code because the credential is locked.

        Raises:
            NotEnrolled: it is not locked, and there is no credential that could judge the code.
        """
        if self.failures.locked(now):
            return RefusedOutcome(Locked(self.failures.locked_until), self)
        raise NotEnrolled

    def unlocked(self) -> Self | None:
        """Return the tombstone without its failures; None if it contains nothing else."""
        return replace(self, failures=NO_FAILURES) if self.former else None
