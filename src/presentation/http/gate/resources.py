"""The gate: two factors in front of any web application, for nginx `auth_request`, Traefik and Caddy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from flask import Blueprint, Response, after_this_request, render_template, request

from application.gate import EVERYBODY, LogInAtGate, LogInRequest, VerifyShared
from application.ports.clock import Clock
from application.ports.stores import GateSessions
from domain.characters import trim
from domain.code import Code
from domain.errors import InvalidValue, MalformedCode, NotEnrolled
from domain.parameters import DEFAULT_DIGITS
from domain.recovery_codes import RecoveryCode
from presentation.http import schemas
from presentation.http.factors.owner_access import Guards
from presentation.http.factors.verdict_problems import REFUSALS, accepted
from presentation.http.framework.assets import asset
from presentation.http.framework.cookies import Cookie
from presentation.http.framework.endpoint import (
    READING,
    SAME_ORIGIN,
    Operation,
    add,
    read_raw,
    refuse_other_sites,
    reply,
)
from presentation.http.framework.links import link
from presentation.http.framework.middleware import ROUTE
from presentation.http.framework.problems import MEDIA_TYPE, Problem, Problems, invalid
from presentation.http.gate.return_to import HOME, ReturnTo

TAG: Final = "Gate"
COOKIE: Final = "open_mfa_gate"
"""The name of the cookie without the prefix that it has over TLS."""
PAGES: Final = "/auth"
LOGIN: Final = "/auth/login"
LOGOUT: Final = "/auth/logout"
ASSETS: Final = "/auth/assets"
"""Here too, so that a proxy needs to leave the gate nothing but `/auth/`."""
LOOKS: Final = ("page.css", "login.js", "favicon-32x32.png")
"""The files of the pages."""
ANY_METHOD: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
LOGIN_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No form-action: Chromium would forbid the application to lead anywhere else after the log-in."""
_FORM: Final = "application/x-www-form-urlencoded"
_LONGEST_LOCATION: Final = 2000
"""Characters: proxies have 4 KiB for an answer's head."""
_SENTENCES: Final = {
    "wrong": "The code is wrong. Type the code that your authenticator shows now.",
    "replayed": "This code was used before. Each code is accepted only once. Wait for the next one.",
}
_NO_VERDICT: Final = "Codes can't be checked at the moment, so nobody gets in. Try again in a few seconds."
_NOT_ACCEPTED: Final = (
    "The account or the code is wrong, or the code was used before. Wait for the next one; after several wrong ones, "
    "for some minutes."
)
"""Whatever it is: nobody is told which accounts there are, nor what they have."""


@dataclass(frozen=True, slots=True)
class GateUseCases:
    """The use cases of the gate, wired."""

    sessions: GateSessions
    log_in: LogInAtGate
    shared: VerifyShared


class GateResources:
    """`/auth/check`, `/auth/forward`, `/auth/login`, `/auth/logout` and `/api/v1/gate/verify`.

    Args:
        use_cases: what is done.
        clock: for how long a lock lasts still.
        lifetime: seconds that the cookie lives.
        secure: whether the cookie travels over TLS only.
        cookie_domain: the domain whose hosts share a log-in; None if each host has its own.
        path_prefix: the path below which the service runs.
        issuer: the name that the pages and authenticators show.
        accounts: whether people log in with an account of their own too.
        checking: what a submitted code must pass before it is judged, such as a rate limit.
    """

    def __init__(
        self,
        use_cases: GateUseCases,
        clock: Clock,
        *,
        lifetime: int,
        secure: bool,
        cookie_domain: str | None,
        path_prefix: str,
        issuer: str,
        accounts: bool,
        checking: Guards,
    ) -> None:
        self._use_cases = use_cases
        self._clock = clock
        # The cookie is for the whole host even if the service runs below a path: the application's requests need it.
        self._cookie = Cookie(
            COOKIE, "[A-Za-z0-9_-]{43}", lifetime=lifetime, clock=clock, secure=secure, domain=cookie_domain
        )
        self._return_to = ReturnTo(f"{path_prefix}{PAGES}", cookie_domain)
        self._shares_log_in = cookie_domain is not None
        self._issuer = issuer
        self._accounts = accounts
        self._checking = checking

    def blueprint(self) -> Blueprint:
        """The resources."""
        blueprint = Blueprint("gate", __name__, template_folder="../templates")
        self._add(blueprint, "/auth/check", ANY_METHOD, self._check)
        self._add(blueprint, "/auth/forward", ANY_METHOD, self._forward)
        self._add(blueprint, LOGIN, ("GET",), self._show_login)
        self._add(blueprint, LOGIN, ("POST",), self._log_in)
        self._add(blueprint, LOGOUT, ("GET", "POST"), self._log_out)
        for name in LOOKS:
            self._add(blueprint, f"{ASSETS}/{name}", ("GET",), partial(asset, name))
        add(
            blueprint,
            "POST",
            "/api/v1/gate/verify",
            self._verify,
            Operation(
                summary="Verify a code of the gate's secret",
                description="For applications that ask by themselves. Nobody passes the gate by it.",
                tag=TAG,
                body=schemas.GateVerifyBody(),
                body_required=True,
                answers={200: schemas.GateVerifiedView()},
                problems=(*(kind for kind in REFUSALS if kind is not Problems.NOT_ENROLLED), Problems.RATE_LIMITED),
            ),
            guards=self._checking,
        )
        return blueprint

    def _add(self, blueprint: Blueprint, path: str, methods: tuple[str, ...], view: Callable[[], Response]) -> None:
        """Adds what answers with a page, or with nothing."""

        def handle() -> Response:
            request.environ[ROUTE] = path
            return view()

        name = f"{methods[0].lower()}_{path.rpartition('/')[2].replace('.', '_')}"
        blueprint.add_url_rule(path, endpoint=name, view_func=handle, methods=methods, provide_automatic_options=False)

    def _check(self) -> Response:
        """Whatever the method: a proxy asks with that of the request that waits."""
        user = self._user()
        return Response(status=401) if user is None else Response(status=200, headers={"Remote-User": user})

    def _forward(self) -> Response:
        """The same for proxies that hand the answer on: a person is led to the log-in page, a program gets the 401.

        Where to go back to is told by X-Forwarded-Uri, as Traefik and Caddy do. It is worth nothing more than what
        anybody may ask the log-in page for.
        """
        answer = self._check()
        method = request.headers.get("X-Forwarded-Method", request.method)
        if answer.status_code != HTTPStatus.UNAUTHORIZED or method not in READING or not _is_page():
            return answer
        return_to = quote(self._return_to.safe(f"{self._site()}{request.headers.get('X-Forwarded-Uri', '')}"), safe="/")
        page = link(LOGIN)
        location = f"{page}?return_to={return_to}"
        return Response(status=303, headers={"Location": location if len(location) <= _LONGEST_LOCATION else page})

    def _site(self) -> str:
        """Return scheme and host of the requested page if hosts share a log-in; else an empty text.

        A trusted proxy reports them. Without one, the scheme is that of the connection to this service, which is http.
        """
        shared = self._shares_log_in and request.scheme == "https" and self._return_to.accepts_host(request.host)
        return f"https://{request.host}" if shared else ""

    def _show_login(self) -> Response:
        return_to = request.args.get("return_to")
        self._show_failures_as_a_page(lambda: (return_to, ""))
        if self._user() is not None:
            return self._lead_on(return_to)
        return self._page(200, return_to)

    def _log_in(self) -> Response:
        return_to, account = request.args.get("return_to"), ""
        self._show_failures_as_a_page(lambda: (return_to, account))
        try:
            refuse_other_sites()
            form = _form()
            return_to = form.get("return_to", return_to)
            account = trim(form.get("account", "")) if self._accounts else ""
            if self._user() == (account or EVERYBODY):
                # This is the second request of a double click. The first one has spent the code and was accepted.
                return self._lead_on(return_to)
            for guard in self._checking:
                guard()
            token = self._judge(form.get("code") or form.get("token") or "", account or None)
        except Problem as problem:
            return self._page(problem.kind.value.status, return_to, _words(problem), problem.headers, account)
        response = self._lead_on(return_to)
        self._cookie.set(response, token)
        return response

    def _lead_on(self, return_to: str | None) -> Response:
        return Response(status=303, headers={"Location": self._return_to.safe(return_to)})

    def _show_failures_as_a_page(self, fields: Callable[[], tuple[str | None, str]]) -> None:
        """Answer failures with the log-in page instead of JSON, for example while Redis is unreachable.

        Args:
            fields: returns the values of the form at the time of the answer: return_to and the account.
        """

        @after_this_request
        def for_a_person(response: Response) -> Response:
            if response.mimetype != MEDIA_TYPE:
                return response
            wait = response.headers.get("Retry-After")
            return_to, account = fields()
            headers = {"Retry-After": wait} if wait else {}
            return self._page(response.status_code, return_to, _NO_VERDICT, headers, account)

    def _judge(self, typed: str, account: str | None) -> str:
        """The token of whoever may pass now; everybody else gets a problem."""
        try:
            code = Code.parse(typed) if account is None else _any_code(typed)
        except MalformedCode as error:
            raise Problem(Problems.CODE_REJECTED, f"A code {error}.") from None
        try:
            result = self._use_cases.log_in.execute(LogInRequest(code, account, self._tokens()))
            accepted(result.outcome, self._clock)
        except MalformedCode as error:
            raise Problem(Problems.CODE_REJECTED, f"A code {error}." if account is None else _NOT_ACCEPTED) from None
        except (InvalidValue, NotEnrolled):
            raise Problem(Problems.CODE_REJECTED, _NOT_ACCEPTED) from None
        except Problem:
            if account is None:
                raise
            raise Problem(Problems.CODE_REJECTED, _NOT_ACCEPTED) from None
        if result.token is None:
            raise TypeError("accepted without a token")
        return result.token

    def _log_out(self) -> Response:
        if request.method != "POST" and not _is_followed():
            # A picture, a prefetch, a HEAD: nobody has asked to be logged out.
            raise Problem(Problems.CROSS_SITE_REQUEST, "Log out by following a link, or by a form.")
        if not _is_of_this_site():
            # The link or form may be on another host. The person may still want to log out, so the page asks.
            if request.method != "POST" or _is_page():
                return self._answer_page(self._render("logout.html", request.host, action=link(LOGOUT)), 403)
            raise Problem(Problems.CROSS_SITE_REQUEST)

        @after_this_request
        def forget(response: Response) -> Response:
            """Remove the cookie from the browser, even if Redis is unreachable."""
            self._cookie.remove(response)
            return response

        self._use_cases.sessions.end(self._tokens())
        return Response(status=303, headers={"Location": HOME})

    def _verify(self, body: Mapping[str, Any]) -> Response:
        ((name, code),) = body.items()
        try:
            outcome = self._use_cases.shared.execute(code)
        except MalformedCode as error:
            raise invalid({name: [f"The gate's codes {error}."]}) from None
        accepted(outcome, self._clock)
        return reply({"verified": True})

    def _page(
        self,
        status: int,
        return_to: str | None,
        error: str = "",
        headers: Mapping[str, str] | None = None,
        account: str = "",
    ) -> Response:
        target = self._return_to.safe(return_to)
        page = self._render(
            "login.html",
            urlsplit(target).netloc or request.host,
            return_to=target,
            error=error,
            accounts=self._accounts,
            account=account,
            digits=DEFAULT_DIGITS,
            action=link(LOGIN),
        )
        return self._answer_page(page, status, headers)

    def _render(self, template: str, host: str, **values: Any) -> str:
        """Return a page that names the issuer and the host that the person wants to reach."""
        return render_template(template, issuer=self._issuer, host=host, assets=link(ASSETS), **values)

    @staticmethod
    def _answer_page(page: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
        response = Response(page, status, dict(headers or {}), mimetype="text/html")
        response.headers["Content-Security-Policy"] = LOGIN_POLICY
        # Under no-referrer a form's Origin is null, and without Fetch Metadata it is all there is to go by.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def _tokens(self) -> list[str]:
        """Return all values of the cookie, however many there are.

        Another host of the domain may have set any number of them. They must hide neither ours nor each other. A head
        has room for about 900, which one command looks up.
        """
        return self._cookie.values()

    def _user(self) -> str | None:
        """Return the user of the request's log-in; None without a living one."""
        return self._use_cases.sessions.user_of(self._tokens())


def _words(problem: Problem) -> str:
    """What went wrong, for whoever sits before the page rather than for a program."""
    if problem.kind is Problems.CROSS_SITE_REQUEST:
        return "The form came from another page. Open this one by itself, and try again."
    reason, left = problem.members.get("reason", ""), problem.members.get("attempts_left")
    sentence = _SENTENCES.get(reason, problem.detail or problem.kind.value.meaning)
    if reason != "wrong":
        return sentence
    wait = problem.headers.get("Retry-After")
    if wait:
        return f"{sentence} That was one too many: wait {wait} s."
    return f"{sentence} {left} {'attempt' if left == 1 else 'attempts'} left."


def _is_page() -> bool:
    """Whether somebody looks at the answer, rather than something (Fetch Metadata, else what is accepted)."""
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _is_followed() -> bool:
    """Whether a person follows a link, as far as the browser tells (Fetch Metadata)."""
    mode, purpose = (request.headers.get(name) for name in ("Sec-Fetch-Mode", "Sec-Purpose"))
    return request.method == "GET" and mode in {None, "navigate"} and purpose is None


def _is_of_this_site() -> bool:
    """Return whether the request to log out certainly comes from this site.

    A form has an Origin. A link has none, so it needs evidence: Fetch Metadata, or, from browsers without it and over
    plain HTTP, a Referer of this host. Another site can suppress the Referer of its links and pictures, so nothing
    follows from its absence. Programs send neither, but every browser says with each request which languages it wants.
    """
    try:
        refuse_other_sites()
    except Problem:
        return False
    if request.method == "POST":
        return True
    site, mode = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Sec-Fetch-Mode"))
    if site is not None:
        return site in SAME_ORIGIN and mode == "navigate"
    referer = request.headers.get("Referer")
    if referer is None:
        return mode is None and "Accept-Language" not in request.headers
    return referer.partition("://")[2].partition("/")[0] == request.host


def _form() -> dict[str, str]:
    """The form's fields. Raises a problem for what is no form."""
    if request.mimetype != _FORM:
        raise Problem(Problems.UNSUPPORTED_MEDIA_TYPE, "The form must be sent as the page sends it.")
    try:
        return dict(parse_qsl(read_raw().decode(), keep_blank_values=True, max_num_fields=16))
    except ValueError:
        raise invalid({"body": ["Must be a form in UTF-8 with a few fields."]}) from None


def _any_code(typed: str) -> Code:
    try:
        return Code.parse(typed)
    except MalformedCode:
        return RecoveryCode.parse(typed)
