"""Judging codes. The verdict is the answer only after it was committed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events, Purpose
from application.ports.policies import Policies
from application.ports.stores import Snapshot
from application.usage import TenantUsage
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, OutcomeOf
from domain.errors import NotEnrolled
from domain.failures import LockSchedule
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.owner import CredentialId, Owner
from domain.secret_credential import SecretCredential
from domain.stored_state import AnyCredential, AnySecretCredential, Outcome, StoredState
from domain.verdict import Reason, Rejected

Kind = TypeVar("Kind", bound=AnyCredential)
Judge = Callable[[StoredState, int, LockSchedule], OutcomeOf[Kind]]
"""Gets the state, the time in Unix seconds, and the lock schedule of the owner's policy."""


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One code for one credential."""

    credential_id: CredentialId
    code: Code


@dataclass(frozen=True, slots=True)
class ResynchronizeRequest:
    """Two consecutive codes for one credential."""

    credential_id: CredentialId
    first: Code
    second: Code


class VerdictCommitter:
    """Commits the outcome of judging a code, then announces its verdict.

    Args:
        changes: applies the changes.
        events: the audit trail.
        policies: the policies, whose schedules decide on locks.
        usage: counts the requests that may judge a code; None if they are not limited.
    """

    def __init__(
        self, changes: OptimisticUpdate, events: Events, policies: Policies, usage: TenantUsage | None = None
    ) -> None:
        self._changes = changes
        self._events = events
        self._policies = policies
        self._usage = usage

    def commit(
        self,
        purpose: Purpose,
        credential_id: CredentialId,
        judge: Judge[Kind],
        *,
        snapshot: Snapshot | None = None,
        removing: bool = False,
    ) -> OutcomeOf[Kind]:
        """Judge a code, commit the outcome and announce its verdict.

        Args:
            purpose: the purpose of the code.
            credential_id: the credential.
            judge: see `Judge`.
            snapshot: the snapshot that the caller has already loaded. Such a caller has called `admit` before.
            removing: whether an accepted code removes the credential.

        Raises:
            LimitReached, NotEnrolled, MalformedCode or StoreUnavailable: nothing was accepted.
        """
        if snapshot is None:
            self.admit(credential_id.owner)
        outcome = self._changes.apply(
            credential_id, partial(_decide, judge, removing, self.locks_of(credential_id.owner)), snapshot
        )
        self.announce(purpose, credential_id, outcome)
        return outcome

    def announce(self, purpose: Purpose, credential_id: CredentialId, outcome: Outcome) -> None:
        """Announce the verdict of a committed outcome, and the lock that it begins."""
        self._events.judged(purpose, credential_id, outcome.verdict)
        match outcome:
            case RefusedOutcome(Rejected(Reason.WRONG, attempts_left=0), state):
                self._events.locked(credential_id, state.failures.locked_until)

    def locks_of(self, owner: Owner) -> LockSchedule:
        """Return the lock schedule of the owner's policy."""
        return self._policies.of(owner).locks

    def admit(self, owner: Owner) -> None:
        """Admit a request that may judge a code. The caller must load a state of the owner next.

        Raises:
            AuditUnavailable: the audit trail has no room for one more verdict.
            LimitReached: the tenant has sent too many such requests. Loading the state can raise it as well.
        """
        self._events.require_room()
        if self._usage is not None:
            self._usage.count_challenge(owner)


def _decide(
    judge: Judge[Kind], removing: bool, locks: LockSchedule, state: StoredState | None, now: int
) -> Change[OutcomeOf[Kind]]:
    if state is None:
        raise NotEnrolled
    outcome = judge(state, now, locks)
    if removing and isinstance(outcome, AcceptedOutcome):
        return Change(outcome, outcome.state.removed(now))
    return Change(outcome, outcome.state)


class Verify:
    """Verify one code of one credential. An accepted code is spent; the first one confirms the credential."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: VerifyRequest) -> Outcome:
        """Return the outcome. Raise the errors of `VerdictCommitter.commit` if nothing was accepted."""
        return self._committer.commit(
            Purpose.VERIFY,
            request.credential_id,
            lambda state, now, locks: state.judge(request.code, now, self._algorithm, locks),
        )


class Resynchronize:
    """Resynchronize with an authenticator by two consecutive codes. They are spent; a wrong pair is one wrong code."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: ResynchronizeRequest) -> OutcomeOf[AnySecretCredential]:
        """Return the outcome. Raise the errors of `VerdictCommitter.commit` if nothing was accepted."""

        def judge(state: StoredState, now: int, locks: LockSchedule) -> OutcomeOf[AnySecretCredential]:
            if isinstance(state, SecretCredential):
                return state.resynchronize(request.first, request.second, now, self._algorithm, locks)
            if isinstance(state, Credential):
                raise NotEnrolled
            return state.judge(request.first, now, self._algorithm, locks)

        return self._committer.commit(Purpose.RESYNCHRONIZE, request.credential_id, judge)


class ConfirmReplacement:
    """Verify one code of a replacement. An accepted code makes it the credential; the former secret is removed."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: VerifyRequest) -> OutcomeOf[AnySecretCredential]:
        """Return the outcome. Raise the errors of `VerdictCommitter.commit` if nothing was accepted."""

        def judge(state: StoredState, now: int, locks: LockSchedule) -> OutcomeOf[AnySecretCredential]:
            if isinstance(state, SecretCredential):
                return state.judge_replacement(request.code, now, self._algorithm, locks)
            if isinstance(state, Credential):
                raise NotEnrolled
            return state.judge(request.code, now, self._algorithm, locks)

        return self._committer.commit(Purpose.REPLACE, request.credential_id, judge)


class Disable:
    """Remove a credential if a code of its own is accepted."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm, events: Events) -> None:
        self._committer = committer
        self._algorithm = algorithm
        self._events = events

    def execute(self, request: VerifyRequest) -> Outcome:
        """Return the outcome. Raise the errors of `VerdictCommitter.commit` if nothing was accepted."""
        outcome = self._committer.commit(
            Purpose.DISABLE,
            request.credential_id,
            lambda state, now, locks: state.judge(request.code, now, self._algorithm, locks),
            removing=True,
        )
        if isinstance(outcome, AcceptedOutcome):
            self._events.changed(Action.REMOVED, request.credential_id)
        return outcome
