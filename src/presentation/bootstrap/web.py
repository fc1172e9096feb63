"""The composition root of the HTTP application."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, Response, request
from flask.sessions import SecureCookieSession, SessionInterface
from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from application.errors import StoreUnavailable
from application.log_level import SharedLogLevel
from application.ports.clock import Clock
from application.ports.secrets import Randomness
from application.request_context import FIELDS
from domain.errors import AlreadyConfirmed, AlreadyEnrolled, NotEnrolled
from infrastructure.network import deadline
from infrastructure.observability.level_follower import LogLevelFollower
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.metrics import CONTENT_TYPE, Metrics
from infrastructure.settings import Settings
from infrastructure.store import Store
from presentation.bootstrap.container import Core
from presentation.http import schemas
from presentation.http.accounts.access import AccountAccess
from presentation.http.accounts.resources import AccountResources
from presentation.http.admin.resources import BasicAuthentication, admin_blueprint
from presentation.http.docs.resources import register_docs
from presentation.http.factors.owner_access import Guards
from presentation.http.factors.resources import SessionResources
from presentation.http.framework.client_address import network_of
from presentation.http.framework.endpoint import LARGEST_BODY
from presentation.http.framework.field_limits import FieldLimits
from presentation.http.framework.middleware import Edge
from presentation.http.framework.path_prefix import PATH_PREFIX, PathPrefix
from presentation.http.framework.problems import BY_STATUS, RETRY_WHEN_UNAVAILABLE, Problem, Problems
from presentation.http.gate.resources import GateResources
from presentation.http.health.resources import operation_blueprint
from presentation.http.sessions.access import SessionAccess
from presentation.http.sessions.sessions import Sessions

EXTENSION: Final = "open_mfa"
ENROLMENTS: Final = 10
"""How many times as often as a code is checked a session may enrol: a person does both once."""

_log = logging.getLogger("open_mfa.http")


@dataclass(frozen=True, slots=True)
class Service:
    """What runs beside the requests, for whoever starts and stops the process (`app.extensions["open_mfa"]`)."""

    store: Store
    log_level: LogLevelFollower

    def start(self) -> None:
        """Starts what runs beside the requests; once in every worker."""
        self.log_level.start()

    def stop(self) -> None:
        """Stops it, and gives the connections back."""
        self.log_level.stop()
        self.store.close()


def create_app(
    settings: Settings,
    *,
    store: Store | None = None,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    lines: Lines = LINES,
    metrics: Metrics | None = None,
) -> Flask:
    """The WSGI application.

    Args:
        settings: all that can be configured.
        store: the store; by default, the one that the settings name.
        clock: another clock than the system's; for tests.
        randomness: other randomness than the system's; for tests.
        lines: the lines that the audit trail is written to; others for tests.
        metrics: the counters of events; for this process alone by default.
    """
    core = Core(settings, store, clock, randomness, lines, metrics)
    shared_level = SharedLogLevel(core.store.log_levels, settings.log_level)
    follower = LogLevelFollower(shared_level)

    app = _flask(settings, core.metrics, lines)
    checking, enrolling = _rate_limits(settings, core.store.rate_limits)
    sessions = Sessions(
        settings.secret_key,
        settings.session_lifetime,
        secure=settings.cookie_secure,
        clock=core.clock,
        path_prefix=settings.path_prefix,
    )
    session = SessionResources(
        SessionAccess(sessions),
        core.factors,
        core.clock,
        core.provisioning,
        settings.algorithm,
        schemas.EnrolTotpBody(),
        checking=checking,
        enrolling=enrolling,
    )
    app.register_blueprint(session.blueprint("session", "/api/v1/session"))
    if settings.api_keys:
        account = AccountResources(
            AccountAccess(settings.api_keys),
            core.factors,
            core.clock,
            core.provisioning,
            settings.algorithm,
            schemas.EnrolAccountTotpBody(),
            account_use_cases=core.accounts,
        )
        app.register_blueprint(account.blueprint("account", "/api/v1/accounts/<account_id>"))
    if core.gate is not None:
        gate = GateResources(
            core.gate,
            core.clock,
            lifetime=settings.gate_lifetime,
            secure=settings.cookie_secure,
            cookie_domain=settings.gate_cookie_domain,
            path_prefix=settings.path_prefix,
            issuer=settings.issuer,
            accounts=settings.gate_tenant is not None,
            checking=checking,
        )
        app.register_blueprint(gate.blueprint())
    if settings.administrator is not None:
        authentication = BasicAuthentication(settings.administrator.user, settings.administrator.password)
        guards: Guards = (*checking, authentication)
        app.register_blueprint(
            admin_blueprint(guards, core.clock, core.store.describe, shared_level, follower.follow_now)
        )
    app.register_blueprint(operation_blueprint(core.check_ready, core.metrics.exposition, CONTENT_TYPE))
    register_docs(app, gate=core.gate is not None)
    app.extensions[EXTENSION] = Service(core.store, follower)
    return app


class _NoSession(SessionInterface):
    """Flask's own sessions are not used; opening and saving them would cost a tenth of a verification."""

    _nothing = SecureCookieSession()

    def open_session(self, app: Flask, request: Any) -> SecureCookieSession:  # noqa: ARG002 - Flask's signature
        return self._nothing

    def is_null_session(self, obj: object) -> bool:  # noqa: ARG002 - Flask's signature
        return True


def _flask(settings: Settings, metrics: Metrics, lines: Lines) -> Flask:
    app = Flask("presentation.http", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, PROPAGATE_EXCEPTIONS=False)
    app.config[PATH_PREFIX] = settings.path_prefix
    app.session_interface = _NoSession()
    app.url_map.merge_slashes = False

    _answer_problems(app, metrics)
    proxies = settings.trusted_proxies
    prefix = settings.path_prefix
    inner = PathPrefix(app.wsgi_app, prefix) if prefix else app.wsgi_app
    edge = Edge(inner, metrics, lambda: deadline.within(deadline.BUDGET), lines.settle)
    outer = ProxyFix(edge, x_for=proxies, x_proto=proxies, x_host=proxies) if proxies else edge
    app.wsgi_app = FieldLimits(outer, proxies)  # type: ignore[method-assign] # Flask's documented way to wrap
    return app


def _rate_limits(settings: Settings, storage: Storage) -> tuple[Guards, Guards]:
    """The guards of what is open to the world: of code checks and the admin API, and of what fills the store.

    There is one count for all of the former, so that a guesser gains nothing by moving on. Enrolling is no guess, and
    many people may share an address; but nobody may fill the store.
    """
    if not settings.rate_limit:
        return (), ()
    windows = FixedWindowRateLimiter(storage)

    def guard(scope: str, limits: Sequence[RateLimitItem]) -> Callable[[], None]:
        def within_the_limit() -> None:
            address = network_of(request.remote_addr)
            for limit in limits:
                if not windows.hit(limit, scope, address):
                    end, _ = windows.get_window_stats(limit, scope, address)
                    wait = max(1, round(end - time.time()))
                    raise Problem(Problems.RATE_LIMITED, f"Try again in {wait} s.", headers={"Retry-After": str(wait)})

        return within_the_limit

    looser = [type(limit)(limit.amount * ENROLMENTS, limit.multiples) for limit in settings.rate_limit]
    return (guard("checks", settings.rate_limit),), (guard("enrolments", looser),)


def _unavailable(error: StoreUnavailable, metrics: Metrics) -> Response:
    metrics.store_failure()
    _log.error("store unavailable", extra={FIELDS: {"problem": str(error)}})
    return Problem(Problems.STORE_UNAVAILABLE, headers={"Retry-After": str(RETRY_WHEN_UNAVAILABLE)}).response()


def _answer_problems(app: Flask, metrics: Metrics) -> None:
    """Turns every exception into a problem document; none into an acceptance."""
    kinds: dict[type[Exception], Problems] = {
        NotEnrolled: Problems.NOT_ENROLLED,
        AlreadyEnrolled: Problems.ALREADY_ENROLLED,
        AlreadyConfirmed: Problems.ALREADY_CONFIRMED,
    }
    for exception, kind in kinds.items():
        app.register_error_handler(exception, lambda _, kind=kind: Problem(kind).response())

    @app.errorhandler(Problem)
    def problem(problem: Problem) -> Response:
        return problem.response()

    @app.errorhandler(StoreUnavailable)
    def unavailable(error: StoreUnavailable) -> Response:
        return _unavailable(error, metrics)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        kind = BY_STATUS.get(error.code or 500, Problems.INVALID_REQUEST)
        allow = dict(error.get_headers()).get("Allow")
        return Problem(kind, headers={"Allow": allow} if allow else {}).response()

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _log.critical("unexpected failure", exc_info=error)
        return Problem(Problems.INTERNAL_ERROR).response()
