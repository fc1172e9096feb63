"""The routes of recovery codes, which only accounts have."""

from flask import Response

from application.recovery import IssueRecoveryCodes
from application.verification import VerifyRequest
from domain.api_key import Scope
from domain.owner import CredentialId, Factor, Owner
from domain.recovery_codes import RecoveryCode
from presentation.http.accounts.requests import VerifyRecoveryBody
from presentation.http.accounts.responses import (
    IssuedRecoveryCodesResponse,
    RecoveryCodesResponse,
    RecoveryCodesVerifiedResponse,
)
from presentation.http.factors import operations
from presentation.http.factors.credential_handlers import CredentialHandlers
from presentation.http.factors.identity import first_of
from presentation.http.factors.serializers import parameters_of
from presentation.http.factors.use_cases import FactorServices
from presentation.http.factors.verdict_problems import VERDICT_PROBLEMS, accepted
from presentation.http.framework.endpoint import Route
from presentation.http.framework.fields import EmptyBody
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.responses import json_response


class RecoveryCodeHandlers:
    """Issue and verify recovery codes."""

    def __init__(self, issue: IssueRecoveryCodes, services: FactorServices) -> None:
        self._issue = issue
        self._verify = services.use_cases.verify
        self._clock = services.clock

    def issue(self, owner: Owner) -> Response:
        """Issue ten codes, which replace the former ones."""
        issued = self._issue.execute(owner)
        return json_response({"codes": [code.grouped for code in issued.codes]}, 201)

    def verify(self, owner: Owner, *, code: RecoveryCode) -> Response:
        """Verify a recovery code."""
        outcome = self._verify.execute(VerifyRequest(CredentialId(owner, Factor.RECOVERY_CODES), code))
        return json_response({"verified": True, **parameters_of(accepted(outcome, self._clock))})


def recovery_code_routes(issue: IssueRecoveryCodes, services: FactorServices) -> tuple[Route, ...]:
    """Return the routes of recovery codes."""
    recovery_codes = RecoveryCodeHandlers(issue, services)
    credential = CredentialHandlers(first_of(Factor.RECOVERY_CODES), services)
    describe = operations.describe("Describe the recovery codes", RecoveryCodesResponse())
    issuing = Operation(
        summary="Issue ten recovery codes",
        description="Only this response contains the codes. They replace the previous codes. The count of wrong codes "
        "continues.",
        body=EmptyBody(),
        responses={201: IssuedRecoveryCodesResponse()},
        problems=(Problems.RATE_LIMITED,),
        owner=OwnerUse.REQUIRED,
        scope=Scope.ENROL,
    )
    verification = Operation(
        summary="Verify a recovery code",
        body=VerifyRecoveryBody(),
        body_required=True,
        responses={200: RecoveryCodesVerifiedResponse()},
        problems=VERDICT_PROBLEMS,
        owner=OwnerUse.REQUIRED,
        scope=Scope.VERIFY,
    )
    return (
        Route("POST", "/recovery-codes", recovery_codes.issue, issuing),
        Route("POST", "/recovery-codes/verify", recovery_codes.verify, verification),
        Route("GET", "/recovery-codes", credential.describe, describe),
        Route("DELETE", "/recovery-codes", credential.remove, operations.remove("Delete the recovery codes")),
    )
