"""The gate: two factors in front of any web application, for nginx `auth_request`, Traefik and Caddy."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from flask import Blueprint, Response, after_this_request, render_template, request

from application.gate import GateSessions, LogInAtGate, LogInRequest, VerifyShared
from application.ports import Clock
from domain.code import Code
from domain.errors import InvalidValue, MalformedCode, NotEnrolled
from domain.recovery_codes import RecoveryCode
from presentation import schemas
from presentation.edge import ROUTE
from presentation.owner_access import Guards
from presentation.problems import MEDIA_TYPE, Problem, Problems, invalid
from presentation.refusals import REFUSALS, accepted
from presentation.resource import READING, Operation, add, read_raw, refuse_other_sites, reply
from presentation.return_to import HOME, safe_return_to
from presentation.static import asset

TAG: Final = "Gate"
COOKIE: Final = "open_mfa_gate"
LOGIN: Final = "/auth/login"
ASSETS: Final = "/auth/assets"
"""Here too, so that a proxy needs to leave the gate nothing but `/auth/`."""
LOOKS: Final = ("page.css", "favicon-32x32.png")
"""All that the log-in page consists of besides itself."""
ANY_METHOD: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
LOGIN_POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
"""No script at all. No form-action: Chromium would forbid the application to lead anywhere else after the log-in."""
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_COOKIES: Final = 4
"""That are looked at, so that a check stays cheap whatever is sent."""
_COOKIE: Final = re.compile(rf"(?:^|;)[ \t]*{COOKIE}=([A-Za-z0-9_-]{{43}})[ \t]*(?=;|$)")
_LONGEST_LOCATION: Final = 2000
"""Characters: proxies have 4 KiB for an answer's head."""
_SENTENCES: Final = {
    "wrong": "The code is wrong. Type the one that your authenticator shows now.",
    "replayed": "The code was used before, and each is good once. Wait for the next one.",
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
        accounts: bool,
        checking: Guards,
    ) -> None:
        self._use_cases = use_cases
        self._clock = clock
        self._lifetime = lifetime
        self._secure = secure
        self._accounts = accounts
        self._checking = checking

    def blueprint(self) -> Blueprint:
        """The resources."""
        blueprint = Blueprint("gate", __name__, template_folder="templates")
        self._add(blueprint, "/auth/check", ANY_METHOD, self._check)
        self._add(blueprint, "/auth/forward", ANY_METHOD, self._forward)
        self._add(blueprint, LOGIN, ("GET",), self._show_login)
        self._add(blueprint, LOGIN, ("POST",), self._log_in)
        self._add(blueprint, "/auth/logout", ("GET", "POST"), self._log_out)
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
                body=schemas.VerifyBody(),
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
        user = self._use_cases.sessions.user_of(_tokens())
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
        return_to = quote(safe_return_to(request.headers.get("X-Forwarded-Uri")), safe="/")
        location = f"{LOGIN}?return_to={return_to}"
        return Response(status=303, headers={"Location": location if len(location) <= _LONGEST_LOCATION else LOGIN})

    def _show_login(self) -> Response:
        return self._page(200, request.args.get("return_to"))

    def _log_in(self) -> Response:
        return_to, account = request.args.get("return_to"), ""

        @after_this_request
        def for_a_person(response: Response) -> Response:
            """Redis is away, or worse: that is no reason to show anybody JSON."""
            if response.mimetype != MEDIA_TYPE:
                return response
            wait = response.headers.get("Retry-After")
            headers = {"Retry-After": wait} if wait else {}
            return self._page(response.status_code, return_to, _NO_VERDICT, headers, account)

        try:
            refuse_other_sites()
            form = _form()
            return_to = form.get("return_to", return_to)
            account = form.get("account", "").strip() if self._accounts else ""
            for guard in self._checking:
                guard()
            token = self._judge(form.get("code") or form.get("token") or "", account or None)
        except Problem as problem:
            return self._page(problem.kind.value.status, return_to, _words(problem), problem.headers, account)
        response = Response(status=303, headers={"Location": safe_return_to(return_to)})
        self._remember(response, token, self._lifetime)
        return response

    def _judge(self, typed: str, account: str | None) -> str:
        """The token of whoever may pass now; everybody else gets a problem."""
        try:
            code = Code.parse(typed) if account is None else _any_code(typed)
        except MalformedCode as error:
            raise Problem(Problems.CODE_REJECTED, f"A code {error}.") from None
        try:
            result = self._use_cases.log_in.execute(LogInRequest(code, account, _tokens()))
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
        refuse_other_sites()
        if request.method != "POST" and not _is_followed():
            # A picture, a prefetch, a HEAD: nobody has asked to be logged out.
            raise Problem(Problems.CROSS_SITE_REQUEST, "Log out by following a link, or by a form.")

        @after_this_request
        def forget(response: Response) -> Response:
            """In the browser, also where Redis is away."""
            self._remember(response, "", 0)
            return response

        self._use_cases.sessions.end(_tokens())
        return Response(status=303, headers={"Location": HOME})

    def _verify(self, body: Mapping[str, Any]) -> Response:
        try:
            outcome = self._use_cases.shared.execute(body["code"])
        except MalformedCode as error:
            raise invalid({"code": [f"The gate's codes {error}."]}) from None
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
        page = render_template(
            "login.html",
            return_to=safe_return_to(return_to),
            error=error,
            accounts=self._accounts,
            account=account,
            action=LOGIN,
            assets=ASSETS,
        )
        response = Response(page, status, dict(headers or {}), mimetype="text/html")
        response.headers["Content-Security-Policy"] = LOGIN_POLICY
        # Under no-referrer a form's Origin is null, and without Fetch Metadata it is all there is to go by.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def _remember(self, response: Response, token: str, lifetime: int) -> None:
        """Sets the cookie, or with no lifetime takes it away."""
        response.set_cookie(
            COOKIE, token, max_age=lifetime, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )


def _words(problem: Problem) -> str:
    """What went wrong, for whoever sits before the page rather than for a program."""
    if problem.kind is Problems.CROSS_SITE_REQUEST:
        return "The form came from another page. Open this one by itself, and try again."
    sentence = _SENTENCES.get(problem.members.get("reason", ""), problem.detail or problem.kind.value.meaning)
    wait = problem.headers.get("Retry-After")
    return f"{sentence} That was one too many: wait {wait} s." if wait and "reason" in problem.members else sentence


def _is_page() -> bool:
    """Whether somebody looks at the answer, rather than something (Fetch Metadata, else what is accepted)."""
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _is_followed() -> bool:
    """Whether a person follows a link, as far as the browser tells (Fetch Metadata)."""
    mode, purpose = (request.headers.get(name) for name in ("Sec-Fetch-Mode", "Sec-Purpose"))
    return request.method == "GET" and mode in {None, "navigate"} and purpose is None


def _tokens() -> list[str]:
    """All of the cookie's name: one that another host of the domain has planted must not hide ours."""
    return list(dict.fromkeys(_COOKIE.findall(request.environ.get("HTTP_COOKIE", ""))))[:_MOST_COOKIES]


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
