"""An account as an owner: named by the path, on behalf of the tenant whose API key the request carries (RFC 6750)."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from flask import Response, request

from domain.errors import InvalidValue
from domain.owner import ACCOUNT_ID, Owner
from presentation.http.framework.endpoint import SecurityScheme
from presentation.http.framework.problems import Problem, Problems, invalid, sentence

if TYPE_CHECKING:
    from presentation.http.factors.owner_access import Guards

API_KEY: Final = SecurityScheme("apiKey", {"type": "http", "scheme": "bearer"})
_OWNER: Final = "open_mfa.owner"
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="Open-MFA accounts"'}


class AccountAccess:
    """Implements `OwnerAccess` on API keys.

    Args:
        keys: tenants' names and API keys; a tenant has several while one takes another's place. Only their digests
            are kept.
    """

    tag = "Account"
    lifetime: int | None = None
    absent = ""
    sets_cookie = False
    security: SecurityScheme | None = API_KEY
    parameters: Mapping[str, tuple[str, str, str]] = {
        "account_id": ("The account, as the application knows it.", "alice@example.com", ACCOUNT_ID)
    }
    problems: tuple[Problems, ...] = (Problems.UNAUTHENTICATED,)

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        self._keys = [(tenant, _digest(key)) for tenant, key in keys]
        self.guards: Guards = (self._admit,)

    def present(self) -> Owner | None:
        """The account of the path."""
        owner: Owner = request.environ[_OWNER]
        return owner

    def found(self) -> tuple[Owner, Callable[[Response], None]]:
        """The account of the path; there is nothing to remember it by."""
        owner: Owner = request.environ[_OWNER]
        return owner, lambda _: None

    def dismiss(self, response: Response) -> None:
        """Nothing to do: the next request names the account again."""

    def _admit(self) -> None:
        """Raises a 401, or a 400 for what can't be an account's id."""
        tenant = self._tenant()
        raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
        if "%2f" in raw.partition("?")[0].lower():
            # The server has taken it for a slash by now, and for a resource of another account.
            raise invalid({"account_id": ["Must have no slash."]})
        try:
            request.environ[_OWNER] = Owner.of_account(tenant, (request.view_args or {})["account_id"])
        except InvalidValue as error:
            raise invalid({"account_id": [sentence(error)]}) from None

    def _tenant(self) -> str:
        """Whose key it is. All are compared, also after a hit."""
        scheme, _, sent = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        digest = _digest(sent.strip(" \t"))
        hits = [tenant for tenant, known in self._keys if hmac.compare_digest(known, digest)]
        if not hits or scheme.lower() != "bearer":
            raise Problem(Problems.UNAUTHENTICATED, headers=_CHALLENGE)
        return hits[0]


def _digest(text: str) -> bytes:
    # WSGI hands headers on as Latin-1; a key in UTF-8 comes as the same bytes.
    return sha256(text.encode("latin-1", "replace")).digest()
