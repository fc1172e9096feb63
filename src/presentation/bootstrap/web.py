"""The wiring of the HTTP application."""

from dataclasses import dataclass
from typing import Any, Final

from flask import Flask
from flask.sessions import SecureCookieSession, SessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from application.log_level import SharedLogLevel
from application.ports.clock import Clock
from application.ports.secrets import Randomness
from infrastructure.network import deadline
from infrastructure.observability.level_follower import LogLevelFollower
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.metrics import CONTENT_TYPE, Metrics
from infrastructure.settings import Settings
from infrastructure.store import Store
from presentation.bootstrap.container import Container
from presentation.http import schemas
from presentation.http.accounts.access import AccountAccess
from presentation.http.accounts.resources import AccountResources
from presentation.http.admin.resources import BasicAuthentication, admin_blueprint
from presentation.http.docs.resources import register_docs
from presentation.http.factors.resources import SessionResources
from presentation.http.framework.endpoint import LARGEST_BODY
from presentation.http.framework.error_handlers import register_error_handlers
from presentation.http.framework.field_limits import FieldLimits
from presentation.http.framework.middleware import Edge
from presentation.http.framework.path_prefix import PATH_PREFIX, PathPrefix
from presentation.http.framework.rate_limit import RateLimit
from presentation.http.gate.resources import GateResources
from presentation.http.health.resources import operation_blueprint
from presentation.http.sessions.access import SessionAccess
from presentation.http.sessions.sessions import Sessions

EXTENSION: Final = "open_mfa"


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of the application that have a start and an end (`app.extensions["open_mfa"]`)."""

    store: Store
    log_level: LogLevelFollower

    def start(self) -> None:
        """Start the follower of the log level. Each worker calls this once."""
        self.log_level.start()

    def stop(self) -> None:
        """Stop the follower, and close the connections to the store."""
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
    """Return the WSGI application.

    Args:
        settings: the settings.
        store: the store; by default, the one that the settings name.
        clock: a clock for tests; by default, the system's.
        randomness: randomness for tests; by default, the system's.
        lines: the queue of lines that the audit trail is written to.
        metrics: the counters of events; by default, counters of this process alone.
    """
    container = Container(settings, store, clock, randomness, lines, metrics)
    shared_level = SharedLogLevel(container.store.log_levels, settings.log.level)
    follower = LogLevelFollower(shared_level)

    app = _flask(settings, container.metrics, lines)
    rate_limit = RateLimit(settings.limits.rate_limit, container.store.rate_limits)
    sessions = Sessions(
        settings.keys.secret_key,
        settings.session.lifetime,
        secure=settings.session.cookie_secure,
        clock=container.clock,
        path_prefix=settings.server.path_prefix,
    )
    session = SessionResources(
        SessionAccess(sessions),
        container.factors,
        container.clock,
        container.provisioning,
        settings.enrolment.algorithm,
        schemas.EnrolTotpBody(),
        checking=rate_limit.checking,
        enrolling=rate_limit.enrolling,
    )
    app.register_blueprint(session.blueprint("session", "/api/v1/session"))
    if settings.accounts.api_keys:
        account = AccountResources(
            AccountAccess(settings.accounts.api_keys),
            container.factors,
            container.clock,
            container.provisioning,
            settings.enrolment.algorithm,
            schemas.EnrolAccountTotpBody(),
            account_use_cases=container.accounts,
        )
        app.register_blueprint(account.blueprint("account", "/api/v1/accounts/<account_id>"))
    if container.gate is not None:
        gate = GateResources(
            container.gate,
            container.clock,
            lifetime=settings.gate.lifetime,
            secure=settings.session.cookie_secure,
            cookie_domain=settings.gate.cookie_domain,
            path_prefix=settings.server.path_prefix,
            issuer=settings.enrolment.issuer,
            accounts=settings.gate.tenant is not None,
            checking=rate_limit.checking,
        )
        app.register_blueprint(gate.blueprint())
    if settings.administrator is not None:
        authentication = BasicAuthentication(settings.administrator.user, settings.administrator.password)
        admin = admin_blueprint(
            (*rate_limit.checking, authentication),
            container.clock,
            container.store.describe,
            shared_level,
            follower.follow_now,
        )
        app.register_blueprint(admin)
    app.register_blueprint(operation_blueprint(container.check_ready, container.metrics.exposition, CONTENT_TYPE))
    register_docs(app, gate=container.gate is not None)
    app.extensions[EXTENSION] = Service(container.store, follower)
    return app


class _NoSession(SessionInterface):
    """No session. To open and save a session of Flask would take a tenth of the time of a verification."""

    _nothing = SecureCookieSession()

    def open_session(self, app: Flask, request: Any) -> SecureCookieSession:  # noqa: ARG002 - Flask's signature
        return self._nothing

    def is_null_session(self, obj: object) -> bool:  # noqa: ARG002 - Flask's signature
        return True


def _flask(settings: Settings, metrics: Metrics, lines: Lines) -> Flask:
    app = Flask("presentation.http", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, PROPAGATE_EXCEPTIONS=False)
    app.config[PATH_PREFIX] = settings.server.path_prefix
    app.session_interface = _NoSession()
    app.url_map.merge_slashes = False

    register_error_handlers(app, metrics.store_failure)
    proxies = settings.server.trusted_proxies
    prefix = settings.server.path_prefix
    inner = PathPrefix(app.wsgi_app, prefix) if prefix else app.wsgi_app
    edge = Edge(inner, metrics, lambda: deadline.within(deadline.BUDGET), lines.settle)
    outer = ProxyFix(edge, x_for=proxies, x_proto=proxies, x_host=proxies) if proxies else edge
    app.wsgi_app = FieldLimits(outer, proxies)  # type: ignore[method-assign] # Flask's documented way to wrap
    return app
