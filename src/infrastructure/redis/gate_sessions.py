"""Who may pass the gate, one key in Redis each."""

import re
import secrets
from hashlib import sha256
from typing import Final

from infrastructure.redis.gateway import Gateway

TOKEN_BYTES: Final = 32
"""256 bits."""
KEY_PREFIX: Final = "open-mfa:gate"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class RedisGateSessions:
    """Implements `GateSessions`: Redis knows only the digests of tokens, and forgets them when they end.

    Args:
        gateway: Redis.
        lifetime: seconds for which whoever has logged in may pass; passing extends nothing.
    """

    def __init__(self, gateway: Gateway, lifetime: int) -> None:
        self._gateway = gateway
        self._lifetime = lifetime

    def begin(self, user: str) -> str:
        """A new token. Raises `StoreUnavailable`."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._gateway.set(_key(token), user, self._lifetime)
        return token

    def user_of(self, token: str) -> str | None:
        """Whose it is; one command, and none for what can't be a token. Raises `StoreUnavailable`."""
        if not _TOKEN.fullmatch(token):
            return None
        user = self._gateway.get(_key(token))
        return None if user is None else user.decode()

    def end(self, token: str) -> None:
        """Revokes it. Raises `StoreUnavailable`."""
        if _TOKEN.fullmatch(token):
            self._gateway.delete([_key(token)])


def _key(token: str) -> str:
    return f"{KEY_PREFIX}:{sha256(token.encode('ascii')).hexdigest()}"
