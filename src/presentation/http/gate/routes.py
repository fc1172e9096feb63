"""The routes of the gate: two factors in front of any web application, for nginx `auth_request`, Traefik and Caddy."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import Blueprint, Response

from application.gate import VerifyShared
from application.ports.clock import Clock
from domain.code import Code
from domain.errors import MalformedCode
from presentation.http.factors.verdict_problems import accepted
from presentation.http.framework.access import Access, Guards, Limit
from presentation.http.framework.assets import asset
from presentation.http.framework.cookies import Cookie
from presentation.http.framework.endpoint import Page, Route, Tag, add_pages, add_routes
from presentation.http.framework.operation import Operation
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response
from presentation.http.gate.check import CheckHandlers
from presentation.http.gate.login import LoginHandlers
from presentation.http.gate.logout import LogoutHandler
from presentation.http.gate.pages import GatePages
from presentation.http.gate.paths import ASSETS, PAGES
from presentation.http.gate.return_to import ReturnTo
from presentation.http.gate.schemas import GateVerifiedResponse, GateVerifyBody
from presentation.http.gate.use_cases import GateUseCases
from presentation.http.gate.visitors import COOKIE, TOKEN, Visitors

_ANY_METHOD: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_FILES: Final = ("logo.svg", "site.css", "page.css", "login.js")
"""The files of the pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """The settings of the gate.

    Attributes:
        lifetime: the lifetime of the cookie in seconds.
        secure: whether the cookie travels over TLS only.
        cookie_domain: the domain whose hosts share a log-in; None if each host has its own.
        path_prefix: the path below which the service runs.
        issuer: the name that the pages and authenticators show.
        accounts: whether people can log in with an account of their own.
    """

    lifetime: int
    secure: bool
    cookie_domain: str | None
    path_prefix: str
    issuer: str
    accounts: bool


class VerifyHandler:
    """Verify a code of the secret that all people at the gate share."""

    def __init__(self, shared: VerifyShared, clock: Clock) -> None:
        self._shared = shared
        self._clock = clock

    def verify(self, *, member: str, code: Code) -> Response:
        """Verify the code, which the request sent as the given member."""
        try:
            outcome = self._shared.execute(code)
        except MalformedCode as error:
            raise invalid({member: [f"The gate's codes {error}."]}) from None
        accepted(outcome, self._clock)
        return json_response({"verified": True})


def gate_blueprint(use_cases: GateUseCases, clock: Clock, options: GateOptions, code_checks: Guards) -> Blueprint:
    """Return the routes of the gate.

    Args:
        use_cases: the use cases.
        clock: the clock.
        options: the settings.
        code_checks: the guards of a request that submits a code.
    """
    # The cookie is for the whole host even if the service runs below a path: the application's requests need it.
    cookie = Cookie(
        COOKIE, TOKEN, lifetime=options.lifetime, clock=clock, secure=options.secure, domain=options.cookie_domain
    )
    visitors = Visitors(use_cases.sessions, cookie)
    return_to = ReturnTo(f"{options.path_prefix}{PAGES}", options.cookie_domain)
    pages = GatePages(return_to, options.issuer, accounts=options.accounts)
    gate = CheckHandlers(visitors, return_to, shares_log_in=options.cookie_domain is not None)
    login = LoginHandlers(
        use_cases.log_in, clock, visitors, pages, return_to, accounts=options.accounts, code_checks=code_checks
    )
    logout = LogoutHandler(visitors, pages)
    shared_secret = VerifyHandler(use_cases.shared, clock)

    blueprint = Blueprint("gate", __name__)
    add_pages(
        blueprint,
        (
            Page(_ANY_METHOD, "/auth/check", gate.check),
            Page(_ANY_METHOD, "/auth/forward", gate.forward),
            Page(("GET",), "/auth/login", login.show),
            Page(("POST",), "/auth/login", login.log_in),
            Page(("GET", "POST"), "/auth/logout", logout.log_out),
            *(Page(("GET",), f"{ASSETS}/{name}", partial(asset, name)) for name in _FILES),
        ),
    )
    verification = Operation(
        summary="Verify a code of the gate's secret",
        description="This is for applications that verify codes themselves. It does not log anybody in at the gate.",
        body=GateVerifyBody(),
        body_required=True,
        responses={200: GateVerifiedResponse()},
        problems=(Problems.CODE_REJECTED, Problems.LOCKED, Problems.RATE_LIMITED),
        limit=Limit.CODE_CHECKS,
    )
    add_routes(
        blueprint,
        Tag("Gate", "The log-in gate in front of other web applications."),
        Access(limits={Limit.CODE_CHECKS: code_checks}),
        (Route("POST", "/api/v1/gate/verify", shared_secret.verify, verification),),
    )
    return blueprint
