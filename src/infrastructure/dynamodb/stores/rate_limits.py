"""Rate limits, counted in the same table and under the same deadline as everything else."""

import time
from collections.abc import Callable
from functools import partial

from application.errors import StoreUnavailable
from infrastructure.dynamodb.client.items import EXPIRES, number_in
from infrastructure.dynamodb.client.table import Table
from infrastructure.dynamodb.stores.counters import COUNT, Counter


class DynamoRequestCounters:
    """The port `RequestCounters`. The windows follow the clocks of the instances."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, key: str, seconds: int) -> int:
        """Add 1 within a window of some seconds that begins with the first count, and return the sum."""
        item = Counter(_key(key), seconds).add(self._table, int(time.time()))
        total = None if item is None else number_in(item, COUNT)
        if total is None:
            raise StoreUnavailable(f"the counter {_key(key)} is malformed")
        return total

    def count_with_next_command(self, key: str, seconds: int, receive: Callable[[int], None]) -> None:
        """Count before the next call of this thread; see the port. DynamoDB counts only with a call of its own."""
        self._table.defer(partial(self._count_for, key, seconds, receive))

    def count_now(self) -> None:
        """Make the count that waits, if there is one. Raise `StoreUnavailable`, or the error of its receiver."""
        self._table.run_deferred()

    def window_left(self, key: str) -> float:
        """Return the seconds until the window ends."""
        item = self._table.get(_key(key))
        end = None if item is None else number_in(item, EXPIRES)
        return 0 if end is None else end - time.time()

    def _count_for(self, key: str, seconds: int, receive: Callable[[int], None]) -> None:
        receive(self.count(key, seconds))


def _key(key: str) -> str:
    return f"rate:{key}"
