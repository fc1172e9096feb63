"""The second step of a log-in: one code, for any of the owner's factors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from application.ports.clock import Clock
from application.ports.events import Purpose
from application.ports.stores import CredentialRepository, Snapshot
from application.verification import VerdictCommitter
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import MalformedCode, NotEnrolled
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import AnyCredential, Outcome, StoredState, unexpired
from domain.verdict import Accepted, Locked, Reason, Rejected, Verdict

LASTING: Final = (Factor.TOTP, Factor.HOTP, Factor.RECOVERY_CODES)
"""The factors that last, in the order in which they judge a code. A one-time code serves a single occasion."""


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """One code; `factor` is the factor that it is for, None for any."""

    owner: Owner
    code: Code
    factor: Factor | None = None


@dataclass(frozen=True, slots=True)
class ChallengeOutcome:
    """The outcome of the code, and the factor that judged it."""

    factor: Factor
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A confirmed factor whose codes have the shape of the submitted code."""

    id: CredentialId
    snapshot: Snapshot
    credential: AnyCredential


class Challenge:
    """Accept a code of any confirmed factor, or an unused recovery code.

    Only the factors whose codes have the shape of this code judge it, and only these count a wrong code. All of them
    judge it before one of them counts it: a code that one factor accepts or recognizes as a replay is not wrong for
    the others. A replay has priority over an acceptance, so that digits that two factors share by chance are not
    accepted twice.
    """

    def __init__(
        self, repository: CredentialRepository, clock: Clock, committer: VerdictCommitter, algorithm: HotpAlgorithm
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: ChallengeRequest) -> ChallengeOutcome:
        """Return the outcome. Raise `NotEnrolled`, `MalformedCode` or `StoreUnavailable` if nothing was accepted."""
        self._committer.require_room()
        now = self._clock.now()
        candidates = self._candidates(request, now)
        ranks = [_rank(each.credential.judge(request.code, now, self._algorithm).verdict) for each in candidates]
        best = min(ranks)
        if best < _COUNTED:
            # The others commit nothing, unless this one has changed in the meantime.
            candidates.insert(0, candidates.pop(ranks.index(best)))
        refused: list[tuple[Factor, RefusedOutcome[StoredState]]] = []
        for candidate in candidates:
            try:
                outcome = self._commit(candidate, request.code)
            except (NotEnrolled, MalformedCode):
                # It was removed or replaced after it was loaded.
                continue
            if isinstance(outcome, AcceptedOutcome) or _rank(outcome.verdict) < _COUNTED:
                return ChallengeOutcome(candidate.id.factor, outcome)
            refused.append((candidate.id.factor, outcome))
        if not refused:
            raise NotEnrolled
        return _strictest(refused)

    def _candidates(self, request: ChallengeRequest, now: int) -> list[_Candidate]:
        credentials = self._repository.load_all(request.owner)
        confirmed = [
            _Candidate(CredentialId(request.owner, factor), credentials.snapshots[factor], credential)
            for factor in LASTING
            if factor in credentials.snapshots and request.factor in {None, factor}
            if isinstance(credential := unexpired(credentials.snapshots[factor].state, now), Credential)
            if credential.status is Status.CONFIRMED
        ]
        fitting = [candidate for candidate in confirmed if candidate.credential.fits(request.code)]
        if not fitting:
            # The code may belong to an unreadable credential, which must not look like a missing factor.
            credentials.require_readable()
            # This includes the case that no factor is confirmed.
            if all(candidate.id.factor is Factor.RECOVERY_CODES for candidate in confirmed):
                # Recovery codes replace a lost factor and are not a factor themselves.
                raise NotEnrolled
            raise MalformedCode(" or ".join(sorted({candidate.credential.shape for candidate in confirmed})))
        return fitting

    def _commit(self, candidate: _Candidate, code: Code) -> Outcome:
        def judge(state: StoredState, now: int) -> Outcome:
            if isinstance(state, Credential) and state.status is Status.PENDING:
                # It was removed and enrolled again after it was loaded.
                raise NotEnrolled
            return state.judge(code, now, self._algorithm)

        return self._committer.commit(Purpose.CHALLENGE, candidate.id, judge, snapshot=candidate.snapshot)


_COUNTED: Final = 2


def _rank(verdict: Verdict) -> int:
    """Return the priority of a verdict: first a replay, then an acceptance, then every other refusal."""
    match verdict:
        case Rejected(Reason.REPLAYED):
            return 0
        case Accepted():
            return 1
        case Rejected() | Locked():
            return _COUNTED
        case _:
            assert_never(verdict)


def _strictest(refused: Sequence[tuple[Factor, RefusedOutcome[StoredState]]]) -> ChallengeOutcome:
    """Return the strictest of several refusals: the longest lock, or else the one with the fewest attempts left.

    A code that may belong to the locked factor is not reported as wrong. The other factors have still counted it.
    Otherwise, a lock on one factor would allow unlimited guesses at the others.
    """

    def leniency(each: tuple[Factor, RefusedOutcome[StoredState]]) -> tuple[int, int]:
        match each[1].verdict:
            case Locked(until):
                return 0, -until
            case Rejected(_, attempts_left):
                return 1, attempts_left
            case verdict:
                assert_never(verdict)

    return ChallengeOutcome(*min(refused, key=leniency))
