"""The log-in page and its form."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from flask import Response, after_this_request, request

from application.gate import EVERYBODY, LogInAtGate, LogInRequest
from application.ports.clock import Clock
from domain.characters import trim
from domain.code import Code
from domain.errors import InvalidValue, MalformedCode, NotEnrolled
from domain.outcome import RefusedOutcome
from domain.recovery_codes import RecoveryCode
from presentation.http.factors.verdict_problems import problem_of
from presentation.http.framework.access import Guards
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, Problem, invalid
from presentation.http.framework.request_body import read_raw
from presentation.http.framework.same_site import refuse_other_sites
from presentation.http.framework.texts import texts_of_request
from presentation.http.gate.messages import explain, malformed, not_accepted, unavailable
from presentation.http.gate.pages import GatePages
from presentation.http.gate.return_to import ReturnTo
from presentation.http.gate.visitors import Visitors

_FORM: Final = "application/x-www-form-urlencoded"


class LoginHandlers:
    """Show the log-in page, and log a person in.

    Args:
        log_in: the use case.
        clock: the clock.
        visitors: recognizes the people who have passed the gate.
        pages: the pages.
        return_to: the rules for the targets of a log-in.
        accounts: whether people can log in with an account of their own.
        code_checks: the guards of a request that submits a code.
    """

    def __init__(
        self,
        log_in: LogInAtGate,
        clock: Clock,
        visitors: Visitors,
        pages: GatePages,
        return_to: ReturnTo,
        *,
        accounts: bool,
        code_checks: Guards,
    ) -> None:
        self._log_in = log_in
        self._clock = clock
        self._visitors = visitors
        self._pages = pages
        self._return_to = return_to
        self._accounts = accounts
        self._code_checks = code_checks

    def show(self) -> Response:
        """Show the log-in page, or redirect a person who is logged in."""
        return_to = request.args.get("return_to")
        self._show_failures_as_a_page(lambda: (return_to, ""))
        if self._visitors.user() is not None:
            return self._redirect(return_to)
        return self._pages.login(200, return_to)

    def log_in(self) -> Response:
        """Log a person in by the form of the page."""
        return_to, account = request.args.get("return_to"), ""
        self._show_failures_as_a_page(lambda: (return_to, account))
        try:
            refuse_other_sites()
            form = _form()
            return_to = form.get("return_to", return_to)
            account = trim(form.get("account", "")) if self._accounts else ""
            if self._visitors.user() == (account or EVERYBODY):
                # This is the second request of a double click. The first one has spent the code and was accepted.
                return self._redirect(return_to)
            for guard in self._code_checks:
                guard()
            token = self._token(form.get("code") or form.get("token") or "", account or None)
        except Problem as problem:
            error = explain(problem, texts_of_request())
            return self._pages.login(problem.kind.value.status, return_to, error, problem.headers, account)
        response = self._redirect(return_to)
        self._visitors.keep(response, token)
        return response

    def _redirect(self, return_to: str | None) -> Response:
        return Response(status=303, headers={"Location": self._return_to.safe(return_to)})

    def _show_failures_as_a_page(self, fields: Callable[[], tuple[str | None, str]]) -> None:
        """Respond to failures with the log-in page instead of JSON, for example while Redis is unreachable.

        Args:
            fields: returns the values of the form at the time of the response: return_to and the account.
        """

        @after_this_request
        def page_for_problem(response: Response) -> Response:
            if response.mimetype != MEDIA_TYPE:
                return response
            wait = response.headers.get("Retry-After")
            return_to, account = fields()
            headers = {"Retry-After": wait} if wait else {}
            error = unavailable(texts_of_request())
            return self._pages.login(response.status_code, return_to, error, headers, account)

    def _token(self, typed: str, account: str | None) -> str:
        """Return the token of a new log-in. Raise a problem if the code is not accepted."""
        texts = texts_of_request()
        try:
            code = Code.parse(typed) if account is None else _any_code(typed)
        except MalformedCode:
            raise Problem(Problems.CODE_REJECTED, malformed(typed, texts, accounts=account is not None)) from None
        refused = Problem(Problems.CODE_REJECTED, not_accepted(texts))
        try:
            result = self._log_in.execute(LogInRequest(code, account, self._visitors.tokens()))
        except MalformedCode:
            raise (refused if account else Problem(Problems.CODE_REJECTED, malformed(typed, texts))) from None
        except (InvalidValue, NotEnrolled):
            raise refused from None
        if isinstance(result, RefusedOutcome):
            raise problem_of(result, self._clock) if account is None else refused
        return result


def _form() -> dict[str, str]:
    """Return the fields of the form. Raise a problem if the body is not a form."""
    if request.mimetype != _FORM:
        raise Problem(Problems.UNSUPPORTED_MEDIA_TYPE, "Send the form in the format that the page uses.")
    try:
        return dict(parse_qsl(read_raw(request.environ).decode(), keep_blank_values=True, max_num_fields=16))
    except ValueError:
        raise invalid({"body": ["Must be a form in UTF-8 with at most 16 fields."]}) from None


def _any_code(typed: str) -> Code:
    try:
        return Code.parse(typed)
    except MalformedCode:
        return RecoveryCode.parse(typed)
