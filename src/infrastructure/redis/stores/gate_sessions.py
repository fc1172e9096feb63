"""Who may pass the gate, one key in Redis each."""

import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from infrastructure.redis.client.gateway import Gateway

TOKEN_BYTES: Final = 32
"""256 bits."""
KEY_PREFIX: Final = "open-mfa:{gate}"
"""All in one Cluster slot, so that several cookies can be looked up by one command."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class RedisGateSessions:
    """Implements `GateSessions`: Redis knows only the digests of tokens, and forgets them when they end.

    Args:
        gateway: Redis.
        gate: which gate it is: with another secret or tenant it is another one, which nobody has passed.
        lifetime: seconds for which whoever has logged in may pass; passing extends nothing.
    """

    def __init__(self, gateway: Gateway, gate: str, lifetime: int) -> None:
        self._gateway = gateway
        self._gate = gate.encode()
        self._lifetime = lifetime

    def begin(self, user: str) -> str:
        """A new token. Raises `StoreUnavailable`."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._gateway.set(self._key(token), user, self._lifetime)
        return token

    def user_of(self, tokens: Sequence[str]) -> str | None:
        """Whose they are; one command, and none where nothing can be a token. Raises `StoreUnavailable`."""
        keys = self._keys(tokens)
        users = {user for user in self._gateway.get_all(keys) if user is not None} if keys else set()
        return users.pop().decode("utf-8", "replace") if len(users) == 1 else None

    def end(self, tokens: Sequence[str]) -> None:
        """Revokes them. Raises `StoreUnavailable`."""
        keys = self._keys(tokens)
        if keys:
            self._gateway.delete(keys)

    def _keys(self, tokens: Sequence[str]) -> list[str]:
        return [self._key(token) for token in tokens if _TOKEN.fullmatch(token)]

    def _key(self, token: str) -> str:
        return f"{KEY_PREFIX}:{sha256(self._gate + token.encode('ascii')).hexdigest()}"
