"""Sessions: a signed cookie with a random ID. Redis never contains the ID itself."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Final

from flask import Response

from application.ports.clock import Clock
from domain.owner import Owner, OwnerKind
from presentation.http.framework.cookies import EVERYWHERE, Cookie

COOKIE: Final = "open_mfa_session"
"""The name of the cookie without the prefix that it has over TLS."""
ID_BYTES: Final = 32
"""256 bits. OWASP recommends at least 64 bits for a session ID (Session Management Cheat Sheet)."""
OWNER_ID_BYTES: Final = 24
"""The bytes of the ID's SHA-256 that name the owner. 192 bits exclude collisions and take 32 characters."""
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}\.[0-9]{1,12}\.[A-Za-z0-9_-]{43}")
"""ID, time and signature. The service computes no signature for a value of another form."""


class Sessions:
    """Starts and recognizes sessions.

    A session consists of its cookie and of the credentials under the digest of its ID. The cookie contains the time of
    its creation. Each enrolment sets a new cookie, which lives as long as the newest credential. Using a
    session extends nothing.

    Args:
        secret_key: the key of the signatures.
        lifetime: the lifetime of a session in seconds.
        secure: whether the cookie travels over TLS only.
        clock: the clock.
        path_prefix: the path below which the service runs.
    """

    def __init__(self, secret_key: str, lifetime: int, *, secure: bool, clock: Clock, path_prefix: str = "") -> None:
        key = hmac.digest(secret_key.encode(), b"open-mfa session cookie", "sha256")
        # Each signature copies the prepared state, which takes half the time of a new one.
        self._mac = hmac.new(key, digestmod="sha256")
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
        """The lifetime of a session in seconds."""

    def id_of_request(self) -> str | None:
        """Return the ID of the request's session; None without a valid one.

        A request with cookies of several valid sessions has no session: another person may have set one of the cookies,
        and could then read the secret that the user enrols in that session.
        """
        ids = {session_id for value in self._cookie.values() if (session_id := self._id_in(value)) is not None}
        return ids.pop() if len(ids) == 1 else None

    def _id_in(self, value: str) -> str | None:
        if not _VALUE.fullmatch(value):
            return None
        signed, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(signed)):
            return None
        session_id, _, made_at = signed.rpartition(".")
        # The clock of another instance may be ahead, so a time in the future is valid. Only age ends a session.
        return session_id if self._clock.now() - int(made_at) < self.lifetime else None

    def _signature(self, signed: str) -> str:
        """Return HMAC-SHA-256 in base64 without padding."""
        mac = self._mac.copy()
        mac.update(signed.encode("ascii"))
        return urlsafe_b64encode(mac.digest()).rstrip(b"=").decode("ascii")

    def new_id(self) -> str:
        """Return a new random ID."""
        return secrets.token_urlsafe(ID_BYTES)

    def owner(self, session_id: str) -> Owner:
        """Return the owner under which the store keeps the credentials of the session."""
        digest = hashlib.sha256(b"open-mfa session owner\0" + session_id.encode("ascii")).digest()
        return Owner(OwnerKind.SESSION, urlsafe_b64encode(digest[:OWNER_ID_BYTES]).decode("ascii"))

    def start(self, response: Response, session_id: str) -> None:
        """Set the cookie. It expires one lifetime from now."""
        signed = f"{session_id}.{self._clock.now()}"
        self._cookie.set(response, f"{signed}.{self._signature(signed)}")

    def end(self, response: Response) -> None:
        """Remove the cookie."""
        self._cookie.remove(response)
