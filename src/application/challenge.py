"""The second step of a log-in: one code, for any of the owner's factors."""

from dataclasses import dataclass
from functools import partial
from typing import Final, assert_never

from application.optimistic_update import OptimisticUpdate, OwnerChange
from application.ports.events import Purpose
from application.ports.stores import OwnerCredentials
from application.verification import VerdictCommitter
from domain.algorithms import HotpAlgorithm
from domain.authenticators import AUTHENTICATOR_FACTORS
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import MalformedCode, NotEnrolled
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import AnyCredential, Outcome
from domain.verdict import Accepted, Locked, Reason, Rejected, Verdict

LASTING: Final = (Factor.TOTP, Factor.HOTP, Factor.RECOVERY_CODES)
"""The factors that last, in the order in which they judge a code. A one-time code serves a single occasion."""


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """One code.

    Attributes:
        owner: the owner.
        code: the code.
        factor: the factor that the code is for, None for any.
        authenticator: the id of the authenticator that the code is for, None for any.
    """

    owner: Owner
    code: Code
    factor: Factor | None = None
    authenticator: str | None = None

    def includes(self, credential_id: CredentialId) -> bool:
        """Return whether the code may be for this credential."""
        if self.factor not in {None, credential_id.factor}:
            return False
        if self.authenticator is None:
            return True
        return credential_id.factor in AUTHENTICATOR_FACTORS and credential_id.authenticator == self.authenticator


@dataclass(frozen=True, slots=True)
class ChallengeOutcome:
    """The outcome of the code, and the credential that judged it."""

    credential_id: CredentialId
    outcome: Outcome


class Challenge:
    """Accept a code of any confirmed credential, or an unused recovery code.

    Only the credentials whose codes have the shape of this code judge it, and only these count a wrong code. All of
    them judge it before one of them counts it: a code that one credential accepts or recognizes as a replay is not
    wrong for the others. A replay has priority over an acceptance, so that digits that two authenticators share by
    chance are not accepted twice. All credentials that count a wrong code are committed together.
    """

    def __init__(self, changes: OptimisticUpdate, committer: VerdictCommitter, algorithm: HotpAlgorithm) -> None:
        self._changes = changes
        self._committer = committer
        self._algorithm = algorithm

    def execute(self, request: ChallengeRequest) -> ChallengeOutcome:
        """Return the outcome.

        Raises:
            LimitReached, NotEnrolled, MalformedCode or StoreUnavailable: nothing was accepted.
        """
        self._committer.admit(request.owner)
        judged = self._changes.apply_to_owner(request.owner, partial(self._decide, request))
        for each in judged:
            self._committer.announce(Purpose.CHALLENGE, each.credential_id, each.outcome)
        return min(judged, key=_leniency)

    def _decide(
        self, request: ChallengeRequest, credentials: OwnerCredentials, now: int
    ) -> OwnerChange[list[ChallengeOutcome]]:
        """Return the outcomes that count, and the states that follow from them."""
        candidates = _candidates(request, credentials, now)
        locks = self._committer.locks_of(request.owner)
        outcomes = [
            ChallengeOutcome(each.id, each.judge(request.code, now, self._algorithm, locks)) for each in candidates
        ]
        judged = list(zip(candidates, outcomes, strict=True))
        best = min(judged, key=lambda each: _rank(each[1]))
        if _rank(best[1]) < _COUNTED:
            judged = [best]
        changed = [outcome for credential, outcome in judged if outcome.outcome.state is not credential]
        return OwnerChange(
            [outcome for _, outcome in judged], {each.credential_id: each.outcome.state for each in changed}
        )


def _candidates(request: ChallengeRequest, credentials: OwnerCredentials, now: int) -> list[AnyCredential]:
    """Return the confirmed credentials whose codes have the shape of the submitted code, in the order of `LASTING`."""
    confirmed: list[AnyCredential] = [
        state
        for credential_id, state in credentials.states(now).items()
        if credential_id.factor in LASTING and request.includes(credential_id)
        if isinstance(state, Credential) and state.status is Status.CONFIRMED
    ]
    fitting = [credential for credential in confirmed if credential.fits(request.code)]
    if fitting:
        return sorted(fitting, key=lambda credential: LASTING.index(credential.id.factor))
    # The code may belong to an unreadable credential, which must not look like a missing one.
    credentials.require_readable()
    # This includes the case that no credential is confirmed.
    if all(credential.id.factor is Factor.RECOVERY_CODES for credential in confirmed):
        # Recovery codes replace a lost authenticator and are not a factor themselves.
        raise NotEnrolled
    raise MalformedCode(" or ".join(sorted({credential.shape for credential in confirmed})))


_COUNTED: Final = 2


def _rank(judged: ChallengeOutcome) -> int:
    """Return the priority of a verdict: first a replay, then an acceptance, then every other refusal."""
    verdict: Verdict = judged.outcome.verdict
    match verdict:
        case Rejected(Reason.REPLAYED):
            return 0
        case Accepted():
            return 1
        case Rejected() | Locked():
            return _COUNTED
        case _:
            assert_never(verdict)


def _leniency(judged: ChallengeOutcome) -> tuple[int, int]:
    """Return a number that is lowest for the strictest refusal: the longest lock, else the fewest attempts left.

    A code that may belong to a locked authenticator is not reported as wrong. The others have still counted it.
    Otherwise, a lock on one of them would allow unlimited guesses at the others.
    """
    verdict: Verdict = judged.outcome.verdict
    match verdict:
        case Locked(until):
            return 0, -until
        case Rejected(_, attempts_left):
            return 1, attempts_left
        case Accepted():
            return 2, 0
        case _:
            assert_never(verdict)
