"""The administrator's authentication by HTTP Basic (RFC 7617)."""

import hmac
from base64 import b64decode
from contextlib import suppress
from hashlib import sha256
from typing import Final

from flask import request

from presentation.http.framework.access import SecurityScheme
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem

BASIC: Final = SecurityScheme(
    "administrator",
    {
        "type": "http",
        "scheme": "basic",
        "description": "The values of `OPEN_MFA_ADMIN_USER` and `OPEN_MFA_ADMIN_PASSWORD`.",
    },
)
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Open-MFA administration", charset="UTF-8"'}


class BasicAuthentication:
    """Refuse requests without the credentials of the administrator.

    Clients encode credentials in UTF-8 or, against the advice of the challenge, in ISO 8859-1. Both are accepted. The
    time of a refusal does not depend on the part that is wrong.
    """

    def __init__(self, user: str, password: str) -> None:
        credentials = f"{user}:{password}"
        encoded = {credentials.encode()}
        with suppress(UnicodeEncodeError):
            encoded.add(credentials.encode("iso-8859-1"))
        self._expected = [sha256(each).digest() for each in encoded]

    def __call__(self) -> None:
        """Raise a problem with status 401 for other credentials."""
        sent = sha256(_credentials()).digest()
        matches = [hmac.compare_digest(sent, expected) for expected in self._expected]
        if not any(matches):
            raise Problem(Problems.UNAUTHENTICATED, headers=_CHALLENGE)


def _credentials() -> bytes:
    """Return the name, a colon and the password as the client sent them. Return nothing for any other header."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(encoded.strip(" \t"), validate=True)
    except ValueError:
        return b""
