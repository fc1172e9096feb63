"""The session as an owner: whoever holds the cookie."""

from collections.abc import Callable, Mapping
from functools import partial

from flask import Response

from domain.owner import Owner
from presentation.http.factors.owner_access import Guards
from presentation.http.framework.endpoint import SecurityScheme
from presentation.http.framework.problems import Problems
from presentation.http.sessions.sessions import Sessions


class SessionAccess:
    """Implements `OwnerAccess` on the session cookie."""

    tag = "Session"
    absent = (
        "The request carries no session, or several at once, so nothing is enrolled. Enrolling starts a session: keep "
        "its cookie and send it along (over https, unless OPEN_MFA_COOKIE_SECURE is off)."
    )
    sets_cookie = True
    parameters: Mapping[str, tuple[str, str, str]] = {}
    guards: Guards = ()
    problems: tuple[Problems, ...] = ()

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.security: SecurityScheme | None = SecurityScheme(
            "session",
            {
                "type": "apiKey",
                "in": "cookie",
                "name": sessions.cookie_name,
                "description": "The first `POST` sets this cookie. A browser stores and sends it by itself. The name of"
                " the cookie and the `type` of problems depend on the service's settings, so generate a client from the"
                " document of the deployment that it calls, or of one with the same settings.",
            },
        )
        self.lifetime: int | None = sessions.lifetime

    def present(self) -> Owner | None:
        """Whose cookie it is."""
        session_id = self._sessions.id_of_request()
        return None if session_id is None else self._sessions.owner(session_id)

    def found(self) -> tuple[Owner, Callable[[Response], None]]:
        """The session of the cookie, or a new one; either way the cookie lives as long as what is enrolled now."""
        session_id = self._sessions.id_of_request() or self._sessions.new_id()
        return self._sessions.owner(session_id), partial(self._sessions.start, session_id=session_id)

    def dismiss(self, response: Response) -> None:
        """Takes the cookie away."""
        self._sessions.end(response)
