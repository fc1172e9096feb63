"""Sessions: a signed cookie with a random id, which never appears in Redis as it is."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Final

from flask import Request, Response
from itsdangerous import BadSignature, Signer

from application.ports import Clock
from domain.owner import Owner, OwnerKind

COOKIE: Final = "open_mfa_session"
ID_BYTES: Final = 32
"""256 bits, as OWASP's session management asks for many times over."""
OWNER_ID_BYTES: Final = 24
"""Of the id's SHA-256: 192 bits name an owner beyond any collision, in 32 characters."""
# Werkzeug would read all cookies, and unquote what ours never needs.
_COOKIE: Final = re.compile(rf"(?:^|;)\s*{COOKIE}=([A-Za-z0-9_.-]+)\s*(?=;|$)")


class Sessions:
    """Starts and recognizes sessions.

    A session is nothing but its cookie and what is enrolled under the id's digest. The cookie carries when it was made;
    whoever enrols gets a fresh one, so that it lives as long as the youngest of what it leads to. Use extends nothing.
    """

    def __init__(self, secret_key: str, lifetime: int, *, secure: bool, clock: Clock) -> None:
        # The key is derived here, once, instead of by the signer for every cookie.
        key = hmac.digest(secret_key.encode(), b"open-mfa session cookie", "sha256")
        self._signer = Signer(key, sep=".", key_derivation="none", digest_method=hashlib.sha256)
        self._secure = secure
        self._clock = clock
        self.lifetime = lifetime
        """Seconds."""

    def id_of(self, request: Request) -> str | None:
        """The id of a session that is alive; None for no cookie, one that is not ours, or one that is too old."""
        # All of that name: one that another host of the domain has planted must not hide ours.
        for cookie in _COOKIE.finditer(request.environ.get("HTTP_COOKIE", "")):
            try:
                session_id, _, made_at = self._signer.unsign(cookie[1]).decode("ascii").rpartition(".")
            except BadSignature:
                continue
            # Another instance's clock may be a little ahead of ours: only age ends a session.
            if self._clock.now() - int(made_at) < self.lifetime:
                return session_id
        return None

    def new_id(self) -> str:
        """A random id."""
        return secrets.token_urlsafe(ID_BYTES)

    def owner(self, session_id: str) -> Owner:
        """Who the session is in the store."""
        digest = hashlib.sha256(b"open-mfa session owner\0" + session_id.encode("ascii")).digest()
        return Owner(OwnerKind.SESSION, urlsafe_b64encode(digest[:OWNER_ID_BYTES]).decode("ascii"))

    def start(self, response: Response, session_id: str) -> None:
        """Sets the cookie for another lifetime."""
        response.set_cookie(
            COOKIE,
            self._signer.sign(f"{session_id}.{self._clock.now()}").decode("ascii"),
            max_age=self.lifetime,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def end(self, response: Response) -> None:
        """Takes the cookie away."""
        response.delete_cookie(COOKIE, path="/", secure=self._secure, httponly=True, samesite="Lax")
