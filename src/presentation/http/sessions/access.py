"""The session as the owner of a request. The cookie names the session."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from flask import Response

from domain.owner import Owner
from presentation.http.framework.access import Access, Guards, Limit, SecurityScheme
from presentation.http.sessions.cookie import Sessions

_COOKIE: Final = (
    "The first `POST` sets this cookie. A browser stores and sends it automatically. The name of the cookie and the"
    " `type` of problems depend on the settings of the service, so generate a client from the document of the"
    " deployment that it calls, or of a deployment with the same settings."
)


class SessionOwners:
    """Finds the session of a request (`OwnerAccess`)."""

    absent = (
        "The request has no session, or several at once, so nothing is enrolled. An enrolment starts a session. Keep "
        "its cookie and send it with each request (over https, unless OPEN_MFA_COOKIE_SECURE is false)."
    )
    sets_cookie = True

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def current(self) -> Owner | None:
        """Return the session of the cookie; None without one."""
        session_id = self._sessions.id_of_request()
        return None if session_id is None else self._sessions.owner(session_id)

    def current_or_new(self) -> tuple[Owner, Callable[[Response], None]]:
        """Return the session of the cookie or a new one, and a function that sets the cookie for a full lifetime."""
        session_id = self._sessions.id_of_request() or self._sessions.new_id()
        return self._sessions.owner(session_id), partial(self._sessions.start, session_id=session_id)

    def end(self, response: Response) -> None:
        """Remove the cookie."""
        self._sessions.end(response)


def session_access(sessions: Sessions, limits: Mapping[Limit, Guards]) -> Access:
    """Return the access to the routes of sessions: everybody may send requests, within the rate limits."""
    cookie = {"type": "apiKey", "in": "cookie", "name": sessions.cookie_name, "description": _COOKIE}
    return Access(security=SecurityScheme("session", cookie), limits=limits, owners=SessionOwners(sessions))
