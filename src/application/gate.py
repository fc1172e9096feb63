"""The gate in front of another web application: users pass it for a while after they have shown a second factor."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from application.challenge import Challenge, ChallengeRequest
from application.enrolment import Enrol, EnrolRequest
from application.ports.stores import GateSessions
from application.verification import Verify, VerifyRequest
from domain.code import Code
from domain.errors import AlreadyEnrolled, NotEnrolled
from domain.outcome import RefusedOutcome
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import TotpParameters
from domain.secret import SharedSecret
from domain.stored_state import AnySecretCredential, Outcome, StoredState

EVERYBODY: Final = "everybody"
"""The user name for the shared secret, which does not distinguish people."""


@dataclass(frozen=True, slots=True)
class LogInRequest:
    """A code and the account that it belongs to.

    Attributes:
        code: the code.
        account: the account; None for the shared secret.
        former_tokens: the tokens of earlier sessions that the client sent.
    """

    code: Code
    account: str | None = None
    former_tokens: Sequence[str] = ()


class VerifyShared:
    """Verify one code of the secret that all users of the gate share. Each code is accepted once for all of them.

    The credential is enrolled at the first code. Its owner follows from the secret, so another secret in the settings
    is another credential.

    Args:
        verify: verifies a code.
        enrol: enrols the secret.
        owner: the owner of the credential.
        secret: the secret.
        used_before: whether another process may have accepted codes of the secret, which this store does not know. All
            codes that were valid at the time of the enrolment are then spent.
    """

    def __init__(
        self, verify: Verify, enrol: Enrol, owner: Owner, secret: SharedSecret, *, used_before: bool = False
    ) -> None:
        self._verify = verify
        self._enrol = enrol
        self._request = EnrolRequest(owner, None, TotpParameters(), secret=secret, confirmed=used_before)
        self._id = CredentialId(owner, Factor.TOTP)

    def enrol(self) -> AnySecretCredential:
        """Enrol the secret before the first code. Raise `AlreadyEnrolled` or `StoreUnavailable`."""
        return self._enrol.execute(self._request)

    def execute(self, code: Code) -> Outcome:
        """Return the outcome. Raise `MalformedCode` or `StoreUnavailable` if nothing was accepted."""
        try:
            return self._verify.execute(VerifyRequest(self._id, code))
        except NotEnrolled:
            # Another user may have sent the first code at the same moment.
            with suppress(AlreadyEnrolled):
                self._enrol.execute(self._request)
            return self._verify.execute(VerifyRequest(self._id, code))


class LogInAtGate:
    """Begin a session of the gate if a code is accepted."""

    def __init__(self, shared: VerifyShared, challenge: Challenge, tenant: str | None, sessions: GateSessions) -> None:
        self._shared = shared
        self._challenge = challenge
        self._tenant = tenant
        self._sessions = sessions

    def execute(self, request: LogInRequest) -> str | RefusedOutcome[StoredState]:
        """Return the token of the new session, or the refused outcome.

        A new session ends the former ones of the same client.

        Raises:
            InvalidValue, NotEnrolled, MalformedCode or StoreUnavailable: no session was begun.
        """
        user = EVERYBODY
        if request.account is None or self._tenant is None:
            outcome = self._shared.execute(request.code)
        elif request.account == EVERYBODY:
            raise NotEnrolled  # an account with this name would pass for all users of the shared secret
        else:
            user = request.account
            owner = Owner.of_account(self._tenant, user)
            outcome = self._challenge.execute(ChallengeRequest(owner, request.code)).outcome
        if isinstance(outcome, RefusedOutcome):
            return outcome
        token = self._sessions.begin(user)
        self._sessions.end(request.former_tokens)
        return token
