"""The routes of sessions."""

from collections.abc import Mapping

from flask import Blueprint, Response

from application.timestamps import timestamp
from domain.owner import Owner
from presentation.http.factors.requests import EnrolTotpBody, ReplaceTotpBody
from presentation.http.factors.routes import factor_routes
from presentation.http.factors.serializers import describe_credential
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.access import Guards, Limit
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.responses import json_response, no_content
from presentation.http.sessions.access import session_access
from presentation.http.sessions.cookie import Sessions
from presentation.http.sessions.responses import OwnerResponse


class SessionHandlers:
    """List the credentials of a session, and forget the session."""

    def __init__(self, services: FactorServices) -> None:
        self._use_cases = services.use_cases
        self._clock = services.clock

    def show(self, owner: Owner | None) -> Response:
        """List all credentials."""
        credentials = [] if owner is None else self._use_cases.describe_all.execute(owner)
        now = self._clock.now()
        ends = [credential.expires_at for credential in credentials if credential.expires_at is not None]
        return json_response(
            {
                "factors": [describe_credential(credential, now) for credential in credentials],
                "expires_at": timestamp(max(ends, default=None)),
            }
        )

    def forget(self, owner: Owner | None) -> Response:
        """Delete all credentials and the cookie."""
        if owner is not None:
            self._use_cases.forget.execute(owner)
        return no_content()


def session_blueprint(services: FactorServices, sessions: Sessions, limits: Mapping[Limit, Guards]) -> Blueprint:
    """Return the routes below `/api/v1/session`."""
    session, lifetime = SessionHandlers(services), sessions.lifetime
    routes = (
        Route(
            "GET",
            "",
            session.show,
            Operation(
                summary="List all credentials of the session",
                responses={200: OwnerResponse()},
                owner=OwnerUse.OPTIONAL,
            ),
        ),
        Route(
            "DELETE",
            "",
            session.forget,
            Operation(
                summary="Delete the session and all its credentials", responses={204: None}, owner=OwnerUse.ENDED
            ),
        ),
    )
    access = session_access(sessions, limits)
    blueprint = Blueprint("session", __name__, url_prefix="/api/v1/session")
    for name, description, of_factor in factor_routes(
        services, lifetime, EnrolTotpBody(), ReplaceTotpBody(), limits.get(Limit.CODE_CHECKS, ())
    ):
        add_routes(blueprint, Tag(f"Session: {name}", description), access, of_factor)
    add_routes(blueprint, Tag("Session", "All credentials of a session."), access, routes)
    return blueprint
