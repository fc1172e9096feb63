"""Rate limits counted in the same Redis, under the same deadline as everything else."""

import time
from typing import Final

from limits.storage import Storage

from application.errors import StoreUnavailable
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script

COUNT: Final = Script("infrastructure.redis.stores", "count.lua")
KEY_PREFIX: Final = "open-mfa:rate"


class GatewayStorage(Storage):
    """A storage for the `limits` library, which has one of its own for Redis.

    That one opens its own connections, with its own time-outs, and can't be given a Sentinel or Cluster client; this
    one counts through the gateway, so that a rate limit fails as closed and as fast as a verification does.
    """

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self._gateway = gateway

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage raises."""
        return StoreUnavailable

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts `amount` within a window of `expiry` seconds that begins with the first.

        A count may be lost with a master, and may be made twice when an answer was lost: neither accepts a code.
        """
        count: int = self._gateway.run_script(COUNT, _key(key), amount, expiry, durable=False)
        return count

    def get(self, key: str) -> int:
        """The count so far."""
        return int(self._gateway.get(_key(key)) or 0)

    def get_expiry(self, key: str) -> float:
        """Unix time at which the window ends."""
        return time.time() + self._gateway.seconds_to_live(_key(key))

    def check(self) -> bool:
        """Whether the store answers."""
        try:
            self._gateway.ping()
        except StoreUnavailable:
            return False
        return True

    def reset(self) -> int | None:
        """Not needed: windows end by themselves."""
        return None

    def clear(self, key: str) -> None:
        """Forgets one count."""
        self._gateway.delete([_key(key)])


def _key(key: str) -> str:
    return f"{KEY_PREFIX}:{key}"
