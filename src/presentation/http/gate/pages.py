"""The pages of the gate."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Response, render_template, request

from domain.parameters import DEFAULT_DIGITS
from presentation.http.framework.links import link
from presentation.http.framework.texts import name_language, texts_of_request
from presentation.http.gate.paths import ASSETS, LOGIN, LOGOUT
from presentation.http.gate.return_to import ReturnTo

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The policy has no form-action, because Chromium would then block the redirect after the log-in to another host."""


class GatePages:
    """Renders the pages of the gate.

    Args:
        return_to: the rules for the targets of a log-in.
        issuer: the name that the pages and authenticators show.
        accounts: whether people can log in with an account of their own.
    """

    def __init__(self, return_to: ReturnTo, issuer: str, *, accounts: bool) -> None:
        self._return_to = return_to
        self._issuer = issuer
        self._accounts = accounts

    def login(
        self,
        status: int,
        return_to: str | None,
        error: str = "",
        headers: Mapping[str, str] | None = None,
        account: str = "",
    ) -> Response:
        """Return the log-in page.

        Args:
            status: the status code.
            return_to: the requested target of the log-in.
            error: the reason why the person is not logged in; empty for none.
            headers: header fields of the response.
            account: the account that the person entered.
        """
        target = self._return_to.safe(return_to)
        return self._respond(
            status,
            headers or {},
            "login.html",
            urlsplit(target).netloc or request.host,
            return_to=target,
            error=error,
            accounts=self._accounts,
            account=account,
            digits=DEFAULT_DIGITS,
            action=link(LOGIN),
        )

    def logout(self) -> Response:
        """Return the page that asks whether to log out."""
        return self._respond(403, {}, "logout.html", request.host, action=link(LOGOUT))

    def logged_out_here(self, status: int, headers: Mapping[str, str]) -> Response:
        """Return the page for a person whose browser has forgotten the log-in, but the service could not end it."""
        return self._respond(status, headers, "logged_out_here.html", request.host)

    def _respond(self, status: int, headers: Mapping[str, str], template: str, host: str, **values: Any) -> Response:
        """Return a page that names the issuer and the host that the person wants to reach, in their language."""
        texts = texts_of_request()
        page = render_template(template, texts=texts, issuer=self._issuer, host=host, assets=link(ASSETS), **values)
        response = Response(page, status, dict(headers), mimetype="text/html")
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        # With no-referrer, browsers would send `Origin: null` with the form. Without Fetch Metadata, only Origin shows
        # which page sent the form.
        response.headers["Referrer-Policy"] = "same-origin"
        return name_language(response, texts)
