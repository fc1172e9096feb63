"""The account as the owner of a request. The path names it, and the API key names its tenant (RFC 6750)."""

from collections.abc import Callable
from typing import Final

from flask import Response, request
from werkzeug.exceptions import NotFound

from domain.errors import InvalidValue
from domain.owner import ACCOUNT_ID, ACCOUNT_ID_RULE, Owner
from presentation.http.accounts.api_keys import API_KEY, ApiKeys
from presentation.http.framework.access import Access, PathVariable
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem, invalid

ACCOUNTS: Final = "/api/v1/accounts"
_OWNER: Final = "open_mfa.owner"


class AccountOwners:
    """Finds the account of a request (`OwnerAccess`)."""

    absent = ""
    sets_cookie = False

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    def admit(self) -> None:
        """Find the account of an authenticated request. Raise a problem with status 400 for an invalid account ID."""
        tenant = self._keys.current().tenant
        if _has_encoded_slash():
            # The server has decoded it to a slash, so the route may belong to another account.
            raise _invalid_id(ACCOUNT_ID_RULE)
        try:
            request.environ[_OWNER] = Owner.of_account(tenant, (request.view_args or {})["account_id"])
        except InvalidValue as error:
            raise _invalid_id(str(error)) from None

    def refuse_encoded_slash(self, _: NotFound) -> Response:
        """Return the response for a path without a route.

        If the path of an account has an encoded slash, the probable cause is an account ID with a slash.
        """
        try:
            if request.path.startswith(f"{ACCOUNTS}/") and _has_encoded_slash():
                self._keys.authenticate()
                self.admit()
        except Problem as problem:
            return problem.response()
        return Problem(Problems.NOT_FOUND).response()

    def current(self) -> Owner | None:
        """Return the account of the path, which `admit` has found."""
        owner: Owner = request.environ[_OWNER]
        return owner

    def current_or_new(self) -> tuple[Owner, Callable[[Response], None]]:
        """Return the account of the path, and a function without effect, because each request names the account."""
        owner: Owner = request.environ[_OWNER]
        return owner, lambda _: None

    def end(self, response: Response) -> None:
        """Change nothing, because each request names the account."""


def tenant_access(keys: ApiKeys) -> Access:
    """Return the access to the routes of a tenant: only clients with an API key may send requests."""
    return Access(security=API_KEY, authorization=keys)


def account_access(keys: ApiKeys, owners: AccountOwners) -> Access:
    """Return the access to the routes of accounts: only clients with an API key may send requests."""
    description = (
        f"The ID of the account in the application. It {ACCOUNT_ID_RULE}. Percent-encode it as one segment of the path."
    )
    account_id = PathVariable(description, "alice@example.com", ACCOUNT_ID)
    return Access(
        security=API_KEY,
        path_variables={"account_id": account_id},
        authorization=keys,
        guards=(owners.admit,),
        owners=owners,
    )


def _has_encoded_slash() -> bool:
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    return "%2f" in raw.partition("?")[0].lower()


def _invalid_id(rule: str) -> Problem:
    return invalid({"account_id": [f"{rule[:1].upper()}{rule[1:]}."]})
