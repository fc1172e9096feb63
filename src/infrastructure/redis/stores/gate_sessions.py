"""The sessions of the gate, one key in Redis each."""

from collections.abc import Sequence
from typing import Final

from infrastructure.records.gate_tokens import digests_of, new_token
from infrastructure.redis.client.gateway import Gateway

KEY_PREFIX: Final = "open-mfa:{gate}"
"""All sessions are in one slot of a Cluster, so that one command can look up several cookies."""


class RedisGateSessions:
    """Implements `GateSessions`. Redis stores only the digests of tokens, and removes them when the sessions end.

    Args:
        gateway: the gateway to Redis.
        gate: the name of the gate. It depends on the secret and the tenant, so a change of these ends all sessions.
        lifetime: seconds after which a session ends. Its use does not extend it.
    """

    def __init__(self, gateway: Gateway, gate: str, lifetime: int) -> None:
        self._gateway = gateway
        self._gate = gate
        self._lifetime = lifetime

    def begin(self, user: str) -> str:
        """Begin a session and return its token. Raise `StoreUnavailable`."""
        token = new_token()
        (key,) = self._keys([token])
        self._gateway.set(key, user, self._lifetime)
        return token

    def user_of(self, tokens: Sequence[str]) -> str | None:
        """Return the user, by one command, or by none if no text has the form of a token. Raise `StoreUnavailable`."""
        keys = self._keys(tokens)
        users = {user for user in self._gateway.get_all(keys) if user is not None} if keys else set()
        return users.pop().decode("utf-8", "replace") if len(users) == 1 else None

    def end(self, tokens: Sequence[str]) -> None:
        """End the sessions that have these tokens. Raise `StoreUnavailable`."""
        keys = self._keys(tokens)
        if keys:
            self._gateway.delete(keys)

    def _keys(self, tokens: Sequence[str]) -> list[str]:
        return [f"{KEY_PREFIX}:{digest}" for digest in digests_of(self._gate, tokens)]
