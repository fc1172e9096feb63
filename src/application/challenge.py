"""The second step of a log-in: one code, and whichever of the owner's factors it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from application.optimistic_update import living
from application.ports.clock import Clock
from application.ports.events import Purpose
from application.ports.stores import CredentialRepository, Snapshot
from application.verification import Outcome, VerdictCommitter
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Judgement, Status, StoredState
from domain.errors import MalformedCode, NotEnrolled
from domain.owner import CredentialId, Factor, Owner
from domain.verdict import Accepted, Locked, Reason, Rejected, Verdict

STANDING: Final = (Factor.TOTP, Factor.HOTP, Factor.RECOVERY_CODES)
"""What a person has for good, in the order in which it is asked. A one-time code is for one occasion only."""


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """One code; `factor` names the one it is for, None for any."""

    owner: Owner
    code: Code
    factor: Factor | None = None


@dataclass(frozen=True, slots=True)
class ChallengeOutcome:
    """What became of the code, and which factor says so."""

    factor: Factor
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A confirmed factor whose codes have the submitted one's shape."""

    id: CredentialId
    stored: Snapshot
    credential: Credential


class Challenge:
    """Accepted by any confirmed factor or an unused recovery code.

    Only factors whose codes have the code's shape are asked, and only those are charged for a wrong one. All are asked
    before any is charged: what one accepts, or knows as a replay, is no wrong guess at the others. A replay goes before
    an acceptance, so that digits which two factors happen to share are not accepted twice.
    """

    def __init__(
        self, repository: CredentialRepository, clock: Clock, committer: VerdictCommitter, algorithm: HotpAlgorithm
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: ChallengeRequest) -> ChallengeOutcome:
        """Raises `NotEnrolled`, `MalformedCode` or `StoreUnavailable`; nothing was accepted then."""
        self._committer.require_room()
        now = self._clock.now()
        candidates = self._candidates(request, now)
        verdicts = [each.credential.judge(request.code, now, self._algorithm).verdict for each in candidates]
        ranks = [_rank(verdict) for verdict in verdicts]
        best = min(ranks)
        if best < _CHARGED:
            # The others are not asked to commit anything, unless this one has been changed in the meantime.
            candidates.insert(0, candidates.pop(ranks.index(best)))
        outcomes: list[ChallengeOutcome] = []
        for candidate in candidates:
            try:
                outcome = ChallengeOutcome(candidate.id.factor, self._settle(candidate, request.code))
            except (NotEnrolled, MalformedCode):
                # Removed or replaced since it was loaded.
                continue
            if _rank(outcome.outcome.verdict) < _CHARGED:
                return outcome
            outcomes.append(outcome)
        if not outcomes:
            raise NotEnrolled
        return _sternest(outcomes)

    def _candidates(self, request: ChallengeRequest, now: int) -> list[_Candidate]:
        everything = self._repository.load_all(request.owner)
        confirmed = [
            _Candidate(CredentialId(request.owner, factor), everything.snapshots[factor], credential)
            for factor in STANDING
            if factor in everything.snapshots and request.factor in {None, factor}
            if isinstance(credential := living(everything.snapshots[factor].state, now), Credential)
            if credential.status is Status.CONFIRMED
        ]
        fitting = [candidate for candidate in confirmed if candidate.credential.fits(request.code)]
        if not fitting:
            # What can't be read may well be whose code this is: that must not look as if there were no such factor.
            everything.require_readable()
            # True of none at all as well.
            if all(candidate.id.factor is Factor.RECOVERY_CODES for candidate in confirmed):
                # Codes for the day on which a factor is lost are no factor themselves.
                raise NotEnrolled
            raise MalformedCode(" or ".join(sorted({candidate.credential.shape for candidate in confirmed})))
        return fitting

    def _settle(self, candidate: _Candidate, code: Code) -> Outcome:
        def judge(state: StoredState, now: int) -> Judgement:
            if isinstance(state, Credential) and state.status is Status.PENDING:
                # Removed and enrolled anew since it was loaded.
                raise NotEnrolled
            return state.judge(code, now, self._algorithm)

        return self._committer.commit(Purpose.CHALLENGE, candidate.id, judge, stored=candidate.stored)


_CHARGED: Final = 2


def _rank(verdict: Verdict) -> int:
    """A replay goes before an acceptance, and either before what is wrong everywhere."""
    match verdict:
        case Rejected(reason=Reason.REPLAYED):
            return 0
        case Accepted():
            return 1
        case _:
            return _CHARGED


def _sternest(outcomes: Sequence[ChallengeOutcome]) -> ChallengeOutcome:
    """What to tell of several refusals: that one is locked, the longest; else the fewest attempts that are left.

    A code that might have been the locked factor's is not called wrong. The others have been charged all the same, or a
    lock on one factor would make guesses at the others free.
    """

    def leniency(each: ChallengeOutcome) -> tuple[int, int]:
        verdict = each.outcome.verdict
        if isinstance(verdict, Locked):
            return 0, -verdict.until
        return 1, verdict.attempts_left if isinstance(verdict, Rejected) else 0

    return min(outcomes, key=leniency)
