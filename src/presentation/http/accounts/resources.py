"""What accounts have besides what sessions have: the log-in challenge, recovery codes, disabling, unlocking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response

from application.challenge import Challenge, ChallengeRequest
from application.recovery import IssueRecoveryCodes
from application.removal import Unlock
from application.verification import Disable, VerifyRequest
from domain.errors import MalformedCode
from domain.owner import Factor, Owner
from presentation.http import schemas
from presentation.http.factors.resources import TAGS, FactorResources
from presentation.http.factors.serializers import describe_credential, parameters_of
from presentation.http.factors.verdict_problems import accepted
from presentation.http.framework.endpoint import Operation, reply
from presentation.http.framework.problems import invalid

_RECOVERY_TAG: Final = "recovery codes"


@dataclass(frozen=True, slots=True)
class AccountUseCases:
    """The use cases that only accounts have, wired."""

    challenge: Challenge
    disable: Disable
    issue_recovery_codes: IssueRecoveryCodes
    unlock: Unlock


class AccountResources(FactorResources):
    """All resources of accounts."""

    def __init__(self, *arguments: Any, account_use_cases: AccountUseCases, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._account = account_use_cases

    def blueprint(self, name: str, url_prefix: str) -> Blueprint:
        """The resources under a path."""
        blueprint = super().blueprint(name, url_prefix)
        self._add_account(blueprint)
        for factor in (Factor.TOTP, Factor.HOTP):
            self._add_disable(blueprint, factor)
        self._add_recovery_codes(blueprint)
        return blueprint

    def _add_account(self, blueprint: Blueprint) -> None:
        tag = self._owners.tag
        operation = Operation(
            summary="List everything that is enrolled",
            description="An account that nothing is known of looks like one with nothing enrolled.",
            tag=tag,
            answers={200: schemas.AccountView()},
        )
        self.add(blueprint, "GET", "", self._show, operation)
        self._add_check(
            blueprint,
            "/challenge",
            self._challenge,
            Operation(
                summary="Verify a code at log-in",
                description="Accepted by any confirmed factor, or an unused recovery code. Only factors whose codes "
                "have that shape are asked, and only those are charged for a wrong one.",
                tag=tag,
                body=schemas.ChallengeBody(),
                answers={200: schemas.ChallengePassedView()},
                examples={"any factor": {"code": "492 039"}, "a recovery code": {"code": "K7QM-2X9D-4HPW-8RTC"}},
            ),
        )
        operation = Operation(
            summary="Clear failure counts and locks", tag=tag, body=schemas.EmptyBody(), answers={204: None}
        )
        self.add(blueprint, "POST", "/unlock", self._unlock, operation)

    def _add_disable(self, blueprint: Blueprint, factor: Factor) -> None:
        def disable(body: Mapping[str, Any]) -> Response:
            try:
                outcome = self._account.disable.execute(VerifyRequest(self.existing(factor), body["code"]))
            except MalformedCode as error:
                raise invalid({"code": [f"This factor's codes {error}."]}) from None
            accepted(outcome, self._clock)
            return Response(status=204)

        self._add_check(
            blueprint,
            f"/{factor.value}/disable",
            disable,
            Operation(
                summary="Remove it against a good code",
                tag=f"{self._owners.tag}: {TAGS[factor]}",
                body=schemas.VerifyBody(),
                answers={204: None},
            ),
        )

    def _add_recovery_codes(self, blueprint: Blueprint) -> None:
        factor, tag = Factor.RECOVERY_CODES, f"{self._owners.tag}: {_RECOVERY_TAG}"
        path = f"/{factor.value}"
        operation = Operation(
            summary="Issue ten new codes",
            description="Shown this once; they replace the former set. Wrong codes counted so far go on counting.",
            tag=tag,
            body=schemas.EmptyBody(),
            answers={201: schemas.IssuedRecoveryCodesView()},
        )
        self.add(blueprint, "POST", path, self._issue_recovery_codes, operation)
        self._add_check(
            blueprint,
            f"{path}/verify",
            self._verify_recovery_code,
            Operation(
                summary="Verify a recovery code",
                tag=tag,
                body=schemas.VerifyRecoveryBody(),
                answers={200: schemas.RecoveryCodesVerifiedView()},
            ),
        )
        self.add_reading(blueprint, factor, tag, schemas.RecoveryCodesView())

    def _owner(self) -> Owner:
        owner, _ = self._owners.found()
        return owner

    def _show(self) -> Response:
        owner, now = self._owner(), self._clock.now()
        credentials = self._use_cases.describe_all.execute(owner)
        return reply(
            {
                "account_id": owner.account,
                "factors": [describe_credential(credential, now) for credential in credentials],
            }
        )

    def _challenge(self, body: Mapping[str, Any]) -> Response:
        request = ChallengeRequest(self._owner(), body["code"], body.get("factor"))
        try:
            result = self._account.challenge.execute(request)
        except MalformedCode as error:
            raise invalid({"code": [f"The codes of this account {error}."]}) from None
        accepted(result.outcome, self._clock)
        return reply({"verified": True, "factor": result.factor.value})

    def _unlock(self, body: Mapping[str, Any]) -> Response:  # noqa: ARG002 - it is empty
        self._account.unlock.execute(self._owner())
        return Response(status=204)

    def _issue_recovery_codes(self, body: Mapping[str, Any]) -> Response:  # noqa: ARG002 - it is empty
        issued = self._account.issue_recovery_codes.execute(self._owner())
        return reply({"codes": [code.grouped for code in issued.codes]}, 201)

    def _verify_recovery_code(self, body: Mapping[str, Any]) -> Response:
        outcome = self._use_cases.verify.execute(VerifyRequest(self.existing(Factor.RECOVERY_CODES), body["code"]))
        return reply({"verified": True, **parameters_of(accepted(outcome, self._clock))})
