"""The shared log level, one key in Redis."""

from typing import Final

from infrastructure.redis.client.gateway import Gateway

KEY: Final = "open-mfa:log-level"


class RedisLogLevels:
    """Implements `LogLevels`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def read(self) -> str | None:
        """Return the level that was set for all workers; None if none was set. Raise `StoreUnavailable`."""
        value = self._gateway.get(KEY)
        return None if value is None else value.decode("ascii", "replace")

    def write(self, level: str) -> None:
        """Set the level for all workers. It does not expire. Raise `StoreUnavailable`."""
        self._gateway.set(KEY, level)
