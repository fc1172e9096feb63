"""The admin API."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from flask import Blueprint, Response

from application.errors import StoreUnavailable
from application.log_level import Level, SharedLogLevel
from application.ports.clock import Clock
from application.ports.stores import StoreDescription
from application.timestamps import timestamp
from presentation.http.admin.authentication import BASIC, BasicAuthentication
from presentation.http.admin.schemas import LogLevelResponse, ServerResponse, SetLogLevelBody
from presentation.http.framework.access import Access, Guards
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.operation import Operation
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.responses import json_response


@dataclass(frozen=True, slots=True)
class AdminHandlers:
    """The handlers of the admin API.

    Attributes:
        clock: the clock.
        describe_store: returns the description of the store, or raises `StoreUnavailable`.
        log_level: the log level of all instances.
        follow_log_level: lets this process apply the log level at once. The others apply it within seconds.
    """

    clock: Clock
    describe_store: Callable[[], StoreDescription]
    log_level: SharedLogLevel
    follow_log_level: Callable[[], None]

    def show_server(self) -> Response:
        """Return the state of the service."""
        now = timestamp(self.clock.now())
        return json_response({"status": "up", "datetime": now, "version": version("open-mfa")})

    def show_database(self) -> Response:
        """Return the state of the store, even if the store is down."""
        try:
            store = self.describe_store()
        except StoreUnavailable:
            return json_response({"status": "down", "datetime": None, "version": None})
        return json_response({"status": "up", "datetime": timestamp(store.time), "version": store.version})

    def show_log_level(self) -> Response:
        """Return the log level."""
        return json_response({"level": self.log_level.read()})

    def set_log_level(self, level: Level) -> Response:
        """Set the log level."""
        self.log_level.write(level)
        self.follow_log_level()
        return json_response({"level": level})


def admin_blueprint(admin: AdminHandlers, authenticate: BasicAuthentication, rate_limit: Guards) -> Blueprint:
    """Return the routes below `/api/v1/admin`. The rate limit counts requests before they are authenticated."""
    access = Access(
        security=BASIC,
        guards=(*rate_limit, authenticate),
        problems=(Problems.UNAUTHENTICATED, Problems.RATE_LIMITED),
    )
    routes = (
        Route(
            "GET",
            "/server",
            admin.show_server,
            Operation(summary="Show the state of the service", responses={200: ServerResponse()}),
        ),
        Route(
            "GET",
            "/database",
            admin.show_database,
            Operation(summary="Show the state of Redis", responses={200: ServerResponse()}),
        ),
        Route(
            "GET",
            "/logging",
            admin.show_log_level,
            Operation(summary="Show the log level", responses={200: LogLevelResponse()}),
        ),
        Route(
            "PUT",
            "/logging",
            admin.set_log_level,
            Operation(
                summary="Set the log level",
                description="The level reaches all workers of all instances within 5 s. It survives a restart.",
                body=SetLogLevelBody(),
                body_required=True,
                responses={200: LogLevelResponse()},
                examples={"debug": {"level": "DEBUG"}},
            ),
        ),
    )
    blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")
    add_routes(blueprint, Tag("Administration", "The state and the log level of the service."), access, routes)
    return blueprint
