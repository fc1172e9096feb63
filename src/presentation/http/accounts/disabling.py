"""The handlers that remove a credential against a code."""

from flask import Response

from application.ports.clock import Clock
from application.verification import Disable, VerifyRequest
from domain.api_key import Scope
from domain.code import Code
from domain.errors import MalformedCode
from domain.owner import Owner
from presentation.http.factors.identity import Identify
from presentation.http.factors.requests import VerifyBody
from presentation.http.factors.verdict_problems import VERDICT_PROBLEMS, accepted
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import no_content


class DisableHandler:
    """Remove a credential if a code of its own is accepted."""

    def __init__(self, identify: Identify, disable: Disable, clock: Clock) -> None:
        self._identify = identify
        self._disable = disable
        self._clock = clock

    def __call__(self, owner: Owner, *, code: Code) -> Response:
        """Remove the credential."""
        try:
            outcome = self._disable.execute(VerifyRequest(self._identify(owner), code))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        accepted(outcome, self._clock)
        return no_content()


def disable(summary: str) -> Operation:
    """Return the operation that removes a credential against a code."""
    return Operation(
        summary=summary,
        description="The credential is removed if the code is accepted.",
        body=VerifyBody(),
        body_required=True,
        responses={204: None},
        problems=VERDICT_PROBLEMS,
        owner=OwnerUse.REQUIRED,
        scope=Scope.ENROL,
    )
