"""The routes of accounts."""

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from application.challenge import ChallengeRequest
from domain.api_key import Scope
from domain.authenticators import AUTHENTICATOR_FACTORS
from domain.code import Code
from domain.errors import MalformedCode
from domain.owner import Factor, Owner
from presentation.http.accounts.access import ACCOUNTS, AccountOwners, account_access
from presentation.http.accounts.api_keys import ApiKeys
from presentation.http.accounts.authenticators import authenticator_access, authenticator_routes, collection_routes
from presentation.http.accounts.disabling import DisableHandler, disable
from presentation.http.accounts.recovery_codes import recovery_code_routes
from presentation.http.accounts.requests import ChallengeBody, EnrolAccountTotpBody, ReplaceAccountTotpBody
from presentation.http.accounts.responses import AccountResponse, ChallengePassedResponse
from presentation.http.accounts.use_cases import AccountUseCases
from presentation.http.factors.identity import first_of
from presentation.http.factors.routes import factor_routes
from presentation.http.factors.serializers import describe_credential
from presentation.http.factors.use_cases import FactorServices
from presentation.http.factors.verdict_problems import VERDICT_PROBLEMS, accepted
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.fields import EmptyBody
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response, no_content


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

    def challenge(
        self, owner: Owner, *, code: Code, factor: Factor | None = None, authenticator: str | None = None
    ) -> Response:
        """Verify a code of any factor and authenticator, or of the given one."""
        try:
            result = self._account.challenge.execute(ChallengeRequest(owner, code, factor, authenticator))
        except MalformedCode as error:
            raise invalid({"code": [f"The codes of this account {error}."]}) from None
        accepted(result.outcome, self._clock)
        accepting = result.credential_id
        named = accepting.authenticator if accepting.factor in AUTHENTICATOR_FACTORS else None
        return json_response({"verified": True, "factor": accepting.factor.value, "authenticator": named})

    def unlock(self, owner: Owner) -> Response:
        """Clear the failure counts and the locks."""
        self._account.unlock.execute(owner)
        return no_content()


def account_blueprint(services: FactorServices, use_cases: AccountUseCases, keys: ApiKeys) -> Blueprint:
    """Return the routes below `/api/v1/accounts/<account_id>`.

    Args:
        services: the shared parts.
        use_cases: the use cases that only accounts have.
        keys: finds the API key of a request.
    """
    account = AccountHandlers(use_cases, services)
    owners = AccountOwners(keys)
    access = account_access(keys, owners)
    blueprint = Blueprint("account", __name__, url_prefix=f"{ACCOUNTS}/<account_id>")
    blueprint.app_errorhandler(NotFound)(owners.refuse_encoded_slash)
    disable_totp = DisableHandler(first_of(Factor.TOTP), use_cases.disable, services.clock)
    disable_hotp = DisableHandler(first_of(Factor.HOTP), use_cases.disable, services.clock)
    disabling = {
        "TOTP": (Route("POST", "/totp/disable", disable_totp, disable("Disable TOTP with a valid code")),),
        "HOTP": (Route("POST", "/hotp/disable", disable_hotp, disable("Disable HOTP with a valid code")),),
    }
    bodies = EnrolAccountTotpBody(), ReplaceAccountTotpBody()
    for name, description, routes in factor_routes(services, None, *bodies):
        add_routes(blueprint, Tag(f"Account: {name}", description), access, (*routes, *disabling.get(name, ())))
    several = Tag("Account: authenticators", "Up to ten TOTP and HOTP authenticators of an account.")
    add_routes(blueprint, several, access, collection_routes(use_cases.rename, services))
    each = authenticator_routes(use_cases.rename, use_cases.disable, services)
    add_routes(blueprint, several, authenticator_access(access), each)
    recovery_codes = recovery_code_routes(use_cases.issue_recovery_codes, services)
    for_lost_authenticators = Tag("Account: recovery codes", "Codes for a person whose authenticator is lost.")
    add_routes(blueprint, for_lost_authenticators, access, recovery_codes)
    for_all_factors = Tag("Account", "The check at log-in, and all credentials of an account.")
    add_routes(blueprint, for_all_factors, access, _account_routes(account))
    return blueprint


def _account_routes(account: AccountHandlers) -> tuple[Route, ...]:
    return (
        Route(
            "GET",
            "",
            account.show,
            Operation(
                summary="List all credentials of the account",
                description="An unknown account and an account without credentials get the same response.",
                responses={200: AccountResponse()},
                owner=OwnerUse.REQUIRED,
                scope=Scope.VERIFY,
            ),
        ),
        Route(
            "DELETE",
            "",
            account.forget,
            Operation(
                summary="Delete all credentials of the account",
                responses={204: None},
                owner=OwnerUse.REQUIRED,
                scope=Scope.MANAGE,
            ),
        ),
        Route(
            "POST",
            "/challenge",
            account.challenge,
            Operation(
                summary="Verify a code at log-in",
                description="The code may belong to any confirmed authenticator, or be an unused recovery code. Only "
                "authenticators whose codes have the same form judge the code, and a wrong code counts only for these.",
                body=ChallengeBody(),
                body_required=True,
                responses={200: ChallengePassedResponse()},
                problems=VERDICT_PROBLEMS,
                examples={"any factor": {"code": "492 039"}, "a recovery code": {"code": "K7QM-2X9D-4HPW-8RTC"}},
                owner=OwnerUse.REQUIRED,
                scope=Scope.VERIFY,
            ),
        ),
        Route(
            "POST",
            "/unlock",
            account.unlock,
            Operation(
                summary="Clear the failure counts and locks of the account",
                body=EmptyBody(),
                responses={204: None},
                owner=OwnerUse.REQUIRED,
                scope=Scope.MANAGE,
            ),
        ),
    )
