"""The shared log level, one key in Redis."""

from typing import Final

from infrastructure.redis.client.gateway import Gateway

KEY: Final = "open-mfa:log-level"


class RedisLogLevels:
    """Implements `LogLevels`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def read(self) -> str | None:
        """The level that was set for all. Raises `StoreUnavailable`."""
        value = self._gateway.get(KEY)
        return None if value is None else value.decode("ascii", "replace")

    def write(self, level: str) -> None:
        """Sets the level for all, for good. Raises `StoreUnavailable`."""
        self._gateway.set(KEY, level)
