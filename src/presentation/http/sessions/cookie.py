"""Sessions: a signed cookie with a random id, which never appears in Redis as it is."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Final

from flask import Response
from itsdangerous import BadSignature, Signer

from application.ports.clock import Clock
from domain.owner import Owner, OwnerKind
from presentation.http.framework.cookies import EVERYWHERE, Cookie

COOKIE: Final = "open_mfa_session"
"""The name of the cookie without the prefix that it has over TLS."""
ID_BYTES: Final = 32
"""256 bits, as OWASP's session management asks for many times over."""
OWNER_ID_BYTES: Final = 24
"""Of the id's SHA-256: 192 bits name an owner beyond any collision, in 32 characters."""
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}\.[0-9]{1,12}\.[A-Za-z0-9_-]{43}")
"""Id, time and signature. Only a value of this form is worth the computation of a signature."""


class Sessions:
    """Starts and recognizes sessions.

    A session is nothing but its cookie and what is enrolled under the id's digest. The cookie carries when it was made;
    whoever enrols gets a fresh one, so that it lives as long as the youngest of what it leads to. Use extends nothing.
    """

    def __init__(self, secret_key: str, lifetime: int, *, secure: bool, clock: Clock, path_prefix: str = "") -> None:
        # The key is derived here, once, instead of by the signer for every cookie.
        key = hmac.digest(secret_key.encode(), b"open-mfa session cookie", "sha256")
        self._signer = Signer(key, sep=".", key_derivation="none", digest_method=hashlib.sha256)
        self._clock = clock
        self._cookie = Cookie(
            COOKIE,
            r"[A-Za-z0-9_.-]+",
            lifetime=lifetime,
            clock=clock,
            secure=secure,
            path=path_prefix or EVERYWHERE,
        )
        self.cookie_name = self._cookie.name
        self.lifetime = lifetime
        """Seconds."""

    def id_of_request(self) -> str | None:
        """Return the id of the request's session; None without a living one.

        Cookies of several living sessions count for none of them: another person may have set one of them, and could
        read the secret that is enrolled in it.
        """
        ids = {session_id for value in self._cookie.values() if (session_id := self._id_in(value)) is not None}
        return ids.pop() if len(ids) == 1 else None

    def _id_in(self, value: str) -> str | None:
        if not _VALUE.fullmatch(value):
            return None
        try:
            session_id, _, made_at = self._signer.unsign(value).decode("ascii").rpartition(".")
        except BadSignature:
            return None
        # Another instance's clock may be a little ahead of ours: only age ends a session.
        return session_id if self._clock.now() - int(made_at) < self.lifetime else None

    def new_id(self) -> str:
        """A random id."""
        return secrets.token_urlsafe(ID_BYTES)

    def owner(self, session_id: str) -> Owner:
        """Who the session is in the store."""
        digest = hashlib.sha256(b"open-mfa session owner\0" + session_id.encode("ascii")).digest()
        return Owner(OwnerKind.SESSION, urlsafe_b64encode(digest[:OWNER_ID_BYTES]).decode("ascii"))

    def start(self, response: Response, session_id: str) -> None:
        """Set the cookie for another lifetime."""
        self._cookie.set(response, self._signer.sign(f"{session_id}.{self._clock.now()}").decode("ascii"))

    def end(self, response: Response) -> None:
        """Remove the cookie."""
        self._cookie.remove(response)
