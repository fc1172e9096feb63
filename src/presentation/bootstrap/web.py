"""The wiring of the HTTP application."""

from dataclasses import dataclass
from typing import Final

from flask import Flask
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
from presentation.bootstrap.audit import Kind
from presentation.bootstrap.container import Container
from presentation.bootstrap.standalone import spend_past_codes
from presentation.http.accounts.api_keys import ApiKeys
from presentation.http.accounts.listing import account_list_blueprint
from presentation.http.accounts.routes import account_blueprint
from presentation.http.admin.authentication import BasicAuthentication
from presentation.http.admin.routes import AdminHandlers, admin_blueprint
from presentation.http.docs.resources import register_docs
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.application import Application
from presentation.http.framework.error_handlers import register_error_handlers
from presentation.http.framework.field_limits import FieldLimits
from presentation.http.framework.middleware import RequestMiddleware
from presentation.http.framework.path_prefix import PATH_PREFIX, PathPrefix
from presentation.http.framework.rate_limit import RateLimits
from presentation.http.framework.request_body import LARGEST_BODY
from presentation.http.framework.texts import LANGUAGE
from presentation.http.gate.routes import GateOptions, gate_blueprint
from presentation.http.health.routes import health_blueprint
from presentation.http.sessions.cookie import Sessions
from presentation.http.sessions.routes import session_blueprint

EXTENSION: Final = "open_mfa"


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of the application that have a start and an end (`app.extensions["open_mfa"]`)."""

    container: Container
    log_level: LogLevelFollower

    def start(self) -> None:
        """Start the follower of the log level and the chain of the audit trail. Each worker calls this once."""
        self.log_level.start()
        if self.container.audit is not None:
            self.container.audit.start()

    def stop(self) -> None:
        """Stop the follower, end the chain, and close the connections to the store."""
        self.log_level.stop()
        self.container.close()


def create_app(
    settings: Settings,
    *,
    store: Store | None = None,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    lines: Lines = LINES,
    metrics: Metrics | None = None,
    serves_metrics: bool = True,
    kind: Kind = "serve",
) -> Flask:
    """Return the WSGI application.

    Args:
        settings: the settings.
        store: the store; by default, the one that the settings name.
        clock: a clock for tests; by default, the system's.
        randomness: randomness for tests; by default, the system's.
        lines: the queue of lines that the audit trail is written to.
        metrics: the counters of events; by default, counters of this process alone.
        serves_metrics: whether `/metrics` shows the counters.
        kind: the kind of the process, for the audit trail.
    """
    container = Container(settings, store, clock, randomness, lines, metrics, kind)
    shared_level = SharedLogLevel(container.store.log_levels, settings.log.level)
    follower = LogLevelFollower(shared_level)

    app = _flask(settings, container.metrics, lines)
    limits = RateLimits(settings.limits.rate_limit, container.store.rate_limits)
    sessions = Sessions(
        settings.keys.secret_key,
        settings.session.lifetime,
        secure=settings.session.cookie_secure,
        clock=container.clock,
        path_prefix=settings.server.path_prefix,
    )
    services = FactorServices(container.factors, container.clock, container.provisioning, container.tenants)
    app.register_blueprint(session_blueprint(services, sessions, limits.by_kind()))
    api_keys = container.tenants.api_keys
    if api_keys:
        container.metrics.show_keys(api_keys)
        keys = ApiKeys(api_keys, container.clock, container.metrics)
        app.register_blueprint(account_list_blueprint(container.accounts.list_accounts, keys))
        app.register_blueprint(account_blueprint(services, container.accounts, keys))
    if container.gate is not None:
        options = GateOptions(
            lifetime=settings.gate.lifetime,
            secure=settings.session.cookie_secure,
            cookie_domain=settings.gate.cookie_domain,
            path_prefix=settings.server.path_prefix,
            issuer=settings.enrolment.issuer,
            accounts=settings.gate.tenant is not None,
        )
        app.register_blueprint(gate_blueprint(container.gate, container.clock, options, limits.code_checks))
    if settings.administrator is not None:
        authenticate = BasicAuthentication(settings.administrator.user, settings.administrator.password)
        admin = AdminHandlers(container.clock, container.store.describe, shared_level, follower.follow_now)
        app.register_blueprint(admin_blueprint(admin, authenticate, limits.code_checks))
    exposition = container.metrics.exposition if serves_metrics else None
    app.register_blueprint(health_blueprint(container.check_ready, exposition, CONTENT_TYPE))
    register_docs(app, gate=container.gate is not None)
    if settings.standalone and container.gate is not None:
        spend_past_codes(container.gate.shared)
    app.extensions[EXTENSION] = Service(container, follower)
    return app


def _flask(settings: Settings, metrics: Metrics, lines: Lines) -> Flask:
    app = Application("presentation.http", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, PROPAGATE_EXCEPTIONS=False)
    app.config[PATH_PREFIX] = settings.server.path_prefix
    app.config[LANGUAGE] = settings.texts.language
    app.url_map.merge_slashes = False

    register_error_handlers(app, metrics.store_failure)
    proxies = settings.server.trusted_proxies
    prefix = settings.server.path_prefix
    inner = PathPrefix(app.wsgi_app, prefix) if prefix else app.wsgi_app
    measured = RequestMiddleware(inner, metrics, lambda: deadline.within(deadline.BUDGET), lines.settle)
    outer = ProxyFix(measured, x_for=proxies, x_proto=proxies, x_host=proxies) if proxies else measured
    app.wsgi_app = FieldLimits(outer, proxies)  # type: ignore[method-assign] # Flask's documented way to wrap
    return app
