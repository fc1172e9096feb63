"""The handlers for credentials of all kinds."""

from flask import Response

from application.verification import VerifyRequest
from domain.code import Code
from domain.errors import MalformedCode
from domain.owner import Owner
from presentation.http.factors.identity import Identify
from presentation.http.factors.serializers import describe_credential, verified
from presentation.http.factors.use_cases import FactorServices
from presentation.http.factors.verdict_problems import accepted
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response, no_content


class CredentialHandlers:
    """Verify a code of a factor, describe its credential, and remove it."""

    def __init__(self, identify: Identify, services: FactorServices) -> None:
        self._identify = identify
        self._use_cases = services.use_cases
        self._clock = services.clock

    def verify(self, owner: Owner, *, code: Code) -> Response:
        """Verify a code."""
        try:
            outcome = self._use_cases.verify.execute(VerifyRequest(self._identify(owner), code))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        return json_response(verified(accepted(outcome, self._clock)))

    def describe(self, owner: Owner) -> Response:
        """Describe the credential."""
        credential = self._use_cases.describe.execute(self._identify(owner))
        return json_response(describe_credential(credential, self._clock.now()))

    def remove(self, owner: Owner) -> Response:
        """Remove the credential."""
        self._use_cases.remove.execute(self._identify(owner))
        return no_content()
