"""The people who have passed the gate. A cookie holds the token of their log-in."""

from typing import Final

from flask import Response

from application.ports.stores import GateSessions
from presentation.http.framework.cookies import Cookie

COOKIE: Final = "open_mfa_gate"
"""The name of the cookie without the prefix that it has over TLS."""
TOKEN: Final = "[A-Za-z0-9_-]{43}"  # noqa: S105 - the pattern of a token


class Visitors:
    """Recognizes the people who have passed the gate.

    Args:
        sessions: the log-ins.
        cookie: the cookie.
    """

    def __init__(self, sessions: GateSessions, cookie: Cookie) -> None:
        self._sessions = sessions
        self._cookie = cookie

    def user(self) -> str | None:
        """Return the user of the request's log-in; None without a valid one."""
        return self._sessions.user_of(self.tokens())

    def tokens(self) -> list[str]:
        """Return all values of the cookie.

        Another host of the domain may have set any number of them. So all of them are looked up, and none hides
        another. A head has room for about 900 values, which one command looks up.
        """
        return self._cookie.values()

    def keep(self, response: Response, token: str) -> None:
        """Set the cookie."""
        self._cookie.set(response, token)

    def forget(self, response: Response) -> Response:
        """Remove the cookie."""
        self._cookie.remove(response)
        return response

    def end(self) -> None:
        """End the log-ins of the request."""
        self._sessions.end(self.tokens())
