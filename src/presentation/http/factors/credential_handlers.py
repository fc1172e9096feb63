"""The handlers for credentials of all kinds."""

from flask import Response

from application.verification import VerifyRequest
from domain.code import Code
from domain.errors import MalformedCode
from domain.owner import CredentialId, Factor, Owner
from presentation.http.factors.serializers import describe_credential, verified
from presentation.http.factors.use_cases import FactorServices
from presentation.http.factors.verdict_problems import accepted
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response, no_content


class CredentialHandlers:
    """Verify a code of a factor, describe its credential, and remove it."""

    def __init__(self, factor: Factor, services: FactorServices) -> None:
        self._factor = factor
        self._use_cases = services.use_cases
        self._clock = services.clock

    def verify(self, owner: Owner, *, code: Code) -> Response:
        """Verify a code."""
        try:
            outcome = self._use_cases.verify.execute(VerifyRequest(CredentialId(owner, self._factor), code))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        return json_response(verified(accepted(outcome, self._clock)))

    def describe(self, owner: Owner) -> Response:
        """Describe the credential."""
        credential = self._use_cases.describe.execute(CredentialId(owner, self._factor))
        return json_response(describe_credential(credential, self._clock.now()))

    def remove(self, owner: Owner) -> Response:
        """Remove the credential."""
        self._use_cases.remove.execute(CredentialId(owner, self._factor))
        return no_content()
