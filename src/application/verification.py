"""Judging codes: the verdict is the answer only once it has been committed."""

from collections.abc import Callable
from dataclasses import dataclass

from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events, Purpose
from application.ports.stores import Snapshot
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Judgement, StoredState
from domain.errors import NotEnrolled
from domain.owner import CredentialId
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Reason, Rejected, Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, and the state that it left."""

    verdict: Verdict
    state: StoredState


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
    """Commits what a credential says of a code, then announces it."""

    def __init__(self, changes: OptimisticUpdate, events: Events) -> None:
        self._changes = changes
        self._events = events

    def commit(
        self,
        purpose: Purpose,
        credential_id: CredentialId,
        judge: Callable[[StoredState, int], Judgement],
        *,
        stored: Snapshot | None = None,
        removing: bool = False,
    ) -> Outcome:
        """Judges, commits and announces.

        Args:
            purpose: what the code was sent for.
            credential_id: whose it is.
            judge: gets the state and the time, Unix seconds.
            stored: the state that the caller has loaded already. Such a caller has called `require_room` itself.
            removing: whether an accepted code takes the credential away.

        Raises:
            NotEnrolled, MalformedCode or StoreUnavailable: nothing was accepted.
        """

        def decide(state: StoredState | None, now: int) -> Change[Outcome]:
            if state is None:
                raise NotEnrolled
            judgement = judge(state, now)
            left = judgement.credential
            if removing and isinstance(judgement.verdict, Accepted) and isinstance(left, Credential):
                return Change(Outcome(judgement.verdict, left), left.removed(now))
            return Change(Outcome(judgement.verdict, left), left)

        if stored is None:
            self.require_room()
        outcome = self._changes.apply(credential_id, decide, stored)
        self._events.judged(purpose, credential_id, outcome.verdict)
        match outcome.verdict:
            case Rejected(reason=Reason.WRONG, attempts_left=0):
                self._events.locked(credential_id, outcome.state.failures.locked_until)
        return outcome

    def require_room(self) -> None:
        """Raise `AuditUnavailable` unless the audit trail has room for one more verdict."""
        self._events.require_room()


class Verify:
    """One code against one credential. An accepted code is spent; the first one confirms the enrolment."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: VerifyRequest) -> Outcome:
        """Raises `NotEnrolled`, `MalformedCode` or `StoreUnavailable`; nothing was accepted then."""
        return self._committer.commit(
            Purpose.VERIFY,
            request.credential_id,
            lambda state, now: state.judge(request.code, now, self._algorithm),
        )


class Resynchronize:
    """Two consecutive codes bring an authenticator back in step, and are spent; a wrong pair counts as one guess."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: ResynchronizeRequest) -> Outcome:
        """Raises `NotEnrolled`, `MalformedCode` or `StoreUnavailable`; nothing was accepted then."""

        def judge(state: StoredState, now: int) -> Judgement:
            if isinstance(state, SecretCredential):
                return state.resynchronize(request.first, request.second, now, self._algorithm)
            if isinstance(state, Credential):
                raise NotEnrolled
            return state.judge(request.first, now, self._algorithm)

        return self._committer.commit(Purpose.RESYNCHRONIZE, request.credential_id, judge)


class ConfirmReplacement:
    """One code against a replacement. An accepted one swaps it in: from then on the former secret is gone."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: VerifyRequest) -> Outcome:
        """Raises `NotEnrolled`, `MalformedCode` or `StoreUnavailable`; nothing was accepted then."""

        def judge(state: StoredState, now: int) -> Judgement:
            if isinstance(state, SecretCredential):
                return state.judge_replacement(request.code, now, self._algorithm)
            if isinstance(state, Credential):
                raise NotEnrolled
            return state.judge(request.code, now, self._algorithm)

        return self._committer.commit(Purpose.REPLACE, request.credential_id, judge)


class Disable:
    """Removes a credential against a good code of its own."""

    def __init__(self, committer: VerdictCommitter, algorithm: HotpAlgorithm, events: Events) -> None:
        self._committer = committer
        self._algorithm = algorithm
        self._events = events

    def execute(self, request: VerifyRequest) -> Outcome:
        """Raises `NotEnrolled`, `MalformedCode` or `StoreUnavailable`; nothing was accepted then."""
        outcome = self._committer.commit(
            Purpose.DISABLE,
            request.credential_id,
            lambda state, now: state.judge(request.code, now, self._algorithm),
            removing=True,
        )
        if isinstance(outcome.verdict, Accepted):
            self._events.changed(Action.REMOVED, request.credential_id)
        return outcome
