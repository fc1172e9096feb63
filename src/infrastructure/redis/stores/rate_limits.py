"""Rate limits, counted in the same Redis and under the same deadline as everything else."""

from collections.abc import Callable
from typing import Final

from infrastructure.redis.client.deferred import DeferredScript
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script

COUNT: Final = Script("infrastructure.redis.stores", "count.lua")
KEY_PREFIX: Final = "open-mfa:rate"


class RedisRequestCounters:
    """The port `RequestCounters`.

    A count is lost if a master fails before it is replicated, and counted twice if a response is lost. Neither accepts
    a code.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def count(self, key: str, seconds: int) -> int:
        """Add 1 within a window of some seconds that begins with the first count, and return the sum."""
        total: int = self._gateway.run_script(COUNT, _key(key), 1, seconds, durable=False)
        return total

    def count_with_next_command(self, key: str, seconds: int, receive: Callable[[int], None]) -> None:
        """Count with the next command of this thread; see the port."""
        self._gateway.defer(DeferredScript(COUNT, _key(key), (1, seconds), receive))

    def count_now(self) -> None:
        """Make the count that waits, if there is one. Raise `StoreUnavailable`, or the error of its receiver."""
        self._gateway.run_deferred()

    def window_left(self, key: str) -> float:
        """Return the seconds until the window ends, rounded to a whole number."""
        return self._gateway.seconds_to_live(_key(key))


def _key(key: str) -> str:
    return f"{KEY_PREFIX}:{key}"
