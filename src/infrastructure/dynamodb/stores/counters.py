"""Counters in fixed windows. Each window begins with its first count."""

from dataclasses import dataclass
from typing import Final

from infrastructure.dynamodb.client.items import EXPIRES, KEY, Item, is_current, number, number_in
from infrastructure.dynamodb.client.table import Condition, Table

COUNT: Final = "count"
"""The attribute that contains the count."""
_NAMES: Final = {"#count": COUNT, "#expires": EXPIRES}
_MOST_RACES: Final = 8
"""Windows that may end while a count begins one."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter.

    Attributes:
        key: the key of its item.
        seconds: the length of its window.
        most: the count that must not be exceeded; None for no limit.
    """

    key: str
    seconds: int
    most: int | None = None

    def add(self, table: Table, now: int) -> Item | None:
        """Add 1, and return the item; None if the limit is reached, and then nothing is counted.

        If a response is lost, the count may be added twice. Raise `StoreUnavailable`.
        """
        for _ in range(_MOST_RACES):
            item = self._add(table, now)
            if item is not None:
                return item
            begun = {COUNT: number(1), EXPIRES: number(now + self.seconds)}
            if self._begin(table, begun, now):
                return begun
            if self.most is not None and self.wait(table.get(self.key), now):
                return None
        return None

    def take_back(self, table: Table, item: Item) -> None:
        """Subtract 1 from the window that `add` returned, unless another window has begun. Raise `StoreUnavailable`."""
        values = {":one": number(-1), ":end": item[EXPIRES]}
        table.update(self.key, "ADD #count :one", Condition("#expires = :end", _NAMES, values))

    def wait(self, item: Item | None, now: int) -> int:
        """Return the seconds until the counter is below its limit, from its item."""
        if item is None or self.most is None or not is_current(item, now):
            return 0
        end = number_in(item, EXPIRES) or now
        return max(1, end - now) if (number_in(item, COUNT) or 0) >= self.most else 0

    def _add(self, table: Table, now: int) -> Item | None:
        values = {":one": number(1), ":now": number(now)}
        text = "#expires > :now"
        if self.most is not None:
            text, values[":most"] = f"{text} AND #count < :most", number(self.most)
        return table.update(self.key, "ADD #count :one", Condition(text, _NAMES, values))

    def _begin(self, table: Table, begun: Item, now: int) -> bool:
        values = {":now": number(now)}
        names = {"#key": KEY, "#expires": EXPIRES}
        condition = Condition("attribute_not_exists(#key) OR #expires <= :now", names, values)
        return table.put(self.key, begun, condition)
