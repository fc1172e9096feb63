"""The list of all accounts of a tenant."""

from dataclasses import asdict
from typing import Final

from flask import Blueprint, Response

from application.account_list import ListAccounts
from application.errors import InvalidCursor
from domain.api_key import Scope
from presentation.http.accounts.access import ACCOUNTS, tenant_access
from presentation.http.accounts.api_keys import ApiKeys
from presentation.http.accounts.requests import AccountListQuery
from presentation.http.accounts.responses import AccountListResponse
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.operation import Operation
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import invalid
from presentation.http.framework.query import read_query
from presentation.http.framework.responses import json_response

_QUERY: Final = AccountListQuery()


class AccountListHandlers:
    """List the accounts of a tenant."""

    def __init__(self, list_accounts: ListAccounts, keys: ApiKeys) -> None:
        self._list = list_accounts
        self._keys = keys

    def list(self) -> Response:
        """Return a page of the list."""
        query = read_query(_QUERY)
        try:
            page = self._list.execute(self._keys.current().tenant, query.get("cursor"), query["limit"])
        except InvalidCursor:
            raise invalid({"cursor": ["Must be `next` of a response to the same API key or tenant."]}) from None
        return json_response({"accounts": [asdict(each) for each in page.accounts], "next": page.next})


def account_list_blueprint(list_accounts: ListAccounts, keys: ApiKeys) -> Blueprint:
    """Return the route `/api/v1/accounts`.

    Args:
        list_accounts: the use case.
        keys: finds the API key of a request.
    """
    accounts = AccountListHandlers(list_accounts, keys)
    blueprint = Blueprint("accounts", __name__, url_prefix=ACCOUNTS)
    listing = Operation(
        summary="List the accounts of the tenant",
        description="Request pages until `next` is null. Every account that exists during the whole time appears at "
        "least once, in no order and possibly several times. A page can have fewer accounts than `limit`, even none. "
        "An account is listed if it has a credential, pending or confirmed, or an unreadable record.",
        query=_QUERY,
        responses={200: AccountListResponse()},
        problems=(Problems.INVALID_REQUEST,),
        scope=Scope.MANAGE,
    )
    tag = Tag("Accounts", "All accounts of a tenant.")
    add_routes(blueprint, tag, tenant_access(keys), (Route("GET", "", accounts.list, listing),))
    return blueprint
