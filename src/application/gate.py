"""The gate in front of another web application: who has shown a second factor, and may pass for a while."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from application.challenge import Challenge, ChallengeRequest
from application.enrolment import Enrol, EnrolRequest
from application.ports.stores import GateSessions
from application.verification import Outcome, Verify, VerifyRequest
from domain.code import Code
from domain.errors import AlreadyEnrolled, NotEnrolled
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import TotpParameters
from domain.secret import SharedSecret
from domain.verdict import Accepted

EVERYBODY: Final = "everybody"
"""Who has passed with the shared secret, which tells nobody from another."""


@dataclass(frozen=True, slots=True)
class LogInRequest:
    """A code, of an account or of the secret that all share; `formers` are the tokens that came along with it."""

    code: Code
    account: str | None = None
    formers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, repr=False)
class LogIn:
    """What became of the code, and where it was accepted, the token to show from now on."""

    outcome: Outcome
    token: str | None


class VerifyShared:
    """One code against the secret that all who may pass share; judged like every other, and good once for them all.

    The credential is enrolled when it is first asked for, in a place that follows from the secret: another secret in
    the settings is another credential.
    """

    def __init__(self, verify: Verify, enrol: Enrol, owner: Owner, secret: SharedSecret) -> None:
        self._verify = verify
        self._enrol = enrol
        self._request = EnrolRequest(owner, None, TotpParameters(), secret=secret)
        self._id = CredentialId(owner, Factor.TOTP)

    def execute(self, code: Code) -> Outcome:
        """Raises `MalformedCode` or `StoreUnavailable`; nothing was accepted then."""
        try:
            return self._verify.execute(VerifyRequest(self._id, code))
        except NotEnrolled:
            # Somebody else's first code may have come at the same moment.
            with suppress(AlreadyEnrolled):
                self._enrol.execute(self._request)
            return self._verify.execute(VerifyRequest(self._id, code))


class LogInAtGate:
    """Lets pass whoever shows a good code."""

    def __init__(self, shared: VerifyShared, challenge: Challenge, tenant: str | None, sessions: GateSessions) -> None:
        self._shared = shared
        self._challenge = challenge
        self._tenant = tenant
        self._sessions = sessions

    def execute(self, request: LogInRequest) -> LogIn:
        """Raises `InvalidValue`, `NotEnrolled`, `MalformedCode` or `StoreUnavailable`; nobody passes then.

        A log-in ends those before it: each has a token of its own.
        """
        user = EVERYBODY
        if request.account is None or self._tenant is None:
            outcome = self._shared.execute(request.code)
        elif request.account == EVERYBODY:
            raise NotEnrolled  # whoever could be called so would be taken for all the others
        else:
            user = request.account
            owner = Owner.of_account(self._tenant, user)
            outcome = self._challenge.execute(ChallengeRequest(owner, request.code)).outcome
        if not isinstance(outcome.verdict, Accepted):
            return LogIn(outcome, None)
        token = self._sessions.begin(user)
        self._sessions.end(request.formers)
        return LogIn(outcome, token)
