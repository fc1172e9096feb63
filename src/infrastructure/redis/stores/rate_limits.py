"""Rate limits, counted in the same Redis and under the same deadline as everything else."""

import time
from typing import Final

from limits.storage import Storage

from application.errors import StoreUnavailable
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script

COUNT: Final = Script("infrastructure.redis.stores", "count.lua")
KEY_PREFIX: Final = "open-mfa:rate"


class RedisRateLimits(Storage):
    """A storage for the `limits` library.

    The library has a storage for Redis, but that one opens its own connections with its own time-outs, and accepts no
    client for Sentinel or Cluster. This one uses the gateway, so a rate limit fails as fast as a verification, and no
    request passes while it can't count.
    """

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self._gateway = gateway

    @property
    def base_exceptions(self) -> type[Exception]:
        """The type of the errors of this storage."""
        return StoreUnavailable

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` within a window of `expiry` seconds that begins with the first count, and return the sum.

        A count is lost if a master fails before it is replicated, and counted twice if a response is lost. Neither
        accepts a code.
        """
        count: int = self._gateway.run_script(COUNT, _key(key), amount, expiry, durable=False)
        return count

    def get(self, key: str) -> int:
        """Return the current count."""
        return int(self._gateway.get(_key(key)) or 0)

    def get_expiry(self, key: str) -> float:
        """Return the end of the window, Unix time in seconds."""
        return time.time() + self._gateway.seconds_to_live(_key(key))

    def check(self) -> bool:
        """Return whether the store answers."""
        try:
            self._gateway.ping()
        except StoreUnavailable:
            return False
        return True

    def reset(self) -> int | None:
        """Do nothing: windows end by themselves."""
        return None

    def clear(self, key: str) -> None:
        """Remove one count."""
        self._gateway.delete([_key(key)])


def _key(key: str) -> str:
    return f"{KEY_PREFIX}:{key}"
