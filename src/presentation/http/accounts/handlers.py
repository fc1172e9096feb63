"""The handlers that only accounts have."""

from dataclasses import dataclass

from flask import Response

from application.challenge import Challenge, ChallengeRequest
from application.recovery import IssueRecoveryCodes
from application.removal import Unlock
from application.verification import Disable, VerifyRequest
from domain.code import Code
from domain.errors import MalformedCode
from domain.owner import CredentialId, Factor, Owner
from presentation.http.factors.serializers import describe_credential
from presentation.http.factors.use_cases import FactorServices
from presentation.http.factors.verdict_problems import accepted
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response, no_content


@dataclass(frozen=True, slots=True)
class AccountUseCases:
    """The use cases that only accounts have."""

    challenge: Challenge
    disable: Disable
    issue_recovery_codes: IssueRecoveryCodes
    unlock: Unlock


class AccountHandlers:
    """List the credentials of an account, verify a code at log-in, and unlock or forget the account."""

    def __init__(self, use_cases: AccountUseCases, services: FactorServices) -> None:
        self._account = use_cases
        self._use_cases = services.use_cases
        self._clock = services.clock

    def show(self, owner: Owner) -> Response:
        """List all credentials."""
        now = self._clock.now()
        credentials = self._use_cases.describe_all.execute(owner)
        factors = [describe_credential(credential, now) for credential in credentials]
        return json_response({"account_id": owner.account, "factors": factors})

    def forget(self, owner: Owner) -> Response:
        """Delete all credentials."""
        self._use_cases.forget.execute(owner)
        return no_content()

    def challenge(self, owner: Owner, *, code: Code, factor: Factor | None = None) -> Response:
        """Verify a code of any factor, or of the given one."""
        try:
            result = self._account.challenge.execute(ChallengeRequest(owner, code, factor))
        except MalformedCode as error:
            raise invalid({"code": [f"The codes of this account {error}."]}) from None
        accepted(result.outcome, self._clock)
        return json_response({"verified": True, "factor": result.factor.value})

    def unlock(self, owner: Owner) -> Response:
        """Clear the failure counts and the locks."""
        self._account.unlock.execute(owner)
        return no_content()

    def disable_totp(self, owner: Owner, *, code: Code) -> Response:
        """Remove the TOTP credential if the code is accepted."""
        return self._disable(CredentialId(owner, Factor.TOTP), code)

    def disable_hotp(self, owner: Owner, *, code: Code) -> Response:
        """Remove the HOTP credential if the code is accepted."""
        return self._disable(CredentialId(owner, Factor.HOTP), code)

    def _disable(self, credential_id: CredentialId, code: Code) -> Response:
        try:
            outcome = self._account.disable.execute(VerifyRequest(credential_id, code))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        accepted(outcome, self._clock)
        return no_content()
