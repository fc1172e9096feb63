"""The handlers of exceptions. Each exception becomes a problem document, so none looks like an accepted code."""

import logging
from collections.abc import Callable
from typing import Final

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from application.errors import StoreUnavailable
from application.request_context import FIELDS
from domain.errors import AlreadyConfirmed, AlreadyEnrolled, DuplicateSecret, NotEnrolled, TooManyAuthenticators
from presentation.http.framework.problem_types import BY_STATUS, Problems
from presentation.http.framework.problems import Problem, sentence

RETRY_WHEN_UNAVAILABLE: Final = 2
"""Seconds after which a client may try again. A fail-over of Redis takes 2 to 4."""
_PROBLEMS: Final[dict[type[Exception], Problems]] = {
    NotEnrolled: Problems.NOT_ENROLLED,
    AlreadyEnrolled: Problems.ALREADY_ENROLLED,
    AlreadyConfirmed: Problems.ALREADY_CONFIRMED,
    TooManyAuthenticators: Problems.TOO_MANY_AUTHENTICATORS,
}

_log = logging.getLogger("open_mfa.http")


def register_error_handlers(app: Flask, count_store_failure: Callable[[], None]) -> None:
    """Register a handler for each kind of exception.

    Args:
        app: the application.
        count_store_failure: called once for each request that the store could not serve.
    """
    for exception, kind in _PROBLEMS.items():
        app.register_error_handler(exception, lambda _, kind=kind: Problem(kind).response())

    @app.errorhandler(DuplicateSecret)
    def duplicate(error: DuplicateSecret) -> Response:
        return Problem(Problems.ALREADY_ENROLLED, sentence(error)).response()

    @app.errorhandler(Problem)
    def problem(problem: Problem) -> Response:
        return problem.response()

    @app.errorhandler(StoreUnavailable)
    def unavailable(error: StoreUnavailable) -> Response:
        count_store_failure()
        _log.error("store unavailable", extra={FIELDS: {"problem": str(error)}})
        return Problem(Problems.STORE_UNAVAILABLE, headers={"Retry-After": str(RETRY_WHEN_UNAVAILABLE)}).response()

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        kind = BY_STATUS.get(error.code or 500, Problems.INVALID_REQUEST)
        allow = dict(error.get_headers()).get("Allow")
        return Problem(kind, headers={"Allow": allow} if allow else {}).response()

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _log.critical("unexpected failure", exc_info=error)
        return Problem(Problems.INTERNAL_ERROR).response()
