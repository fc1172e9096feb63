"""Limits of sent codes, counted in DynamoDB."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.delivery import Channel
from application.ports.stores import RefusedSend
from domain.owner import Owner
from infrastructure.delivery.send_limits import MOST_SENDS, WINDOW, Counted, SendLimits
from infrastructure.dynamodb.client.items import EXPIRES, KEY, Item, is_current, number, string, string_in
from infrastructure.dynamodb.client.table import Condition, Table
from infrastructure.dynamodb.stores.counters import Counter

_TIMES: Final = "times"
"""The times of the last codes to a recipient, newest first, separated by spaces."""
_MOST_RACES: Final = 16
"""Codes for the same recipient that may be counted at the same moment."""


class DynamoSendLimit:
    """The `SendLimit` in DynamoDB.

    Each limit has an item of its own, and each of them is changed by a conditional write, so no limit is ever exceeded.
    All items are read first, so usually nothing is counted if a code must not be sent. If another code reaches a limit
    in the meantime, the counts of the other limits are taken back. Only if DynamoDB fails at that moment, a code that
    is not sent stays counted.

    A transaction would count for all limits at once. But transactions on the same item cancel each other, and all codes
    of a tenant change the same item.

    Args:
        table: the table.
        clock: the time at which a code is sent.
        key: the key of the digests.
        per_hour: the number of codes in an hour, for each tenant and for all sessions together.
    """

    def __init__(self, table: Table, clock: Clock, key: str, per_hour: int) -> None:
        self._table = table
        self._clock = clock
        self._limits = SendLimits(key, per_hour)

    def admit(
        self, owner: Owner, channel: Channel, to: str, client: str, per_day: int | None = None
    ) -> RefusedSend | None:
        """Count a code and return None, or return the refusal. Raise `StoreUnavailable`."""
        counted = self._limits.counted(owner, channel, to, client, per_day)
        name = f"sends:{counted.sender}"
        recipients = [f"{name}:to:{digest}" for digest in counted.recipients]
        counters = [Counter(f"{name}:{each.name}", each.seconds, each.most) for each in counted.counters]
        for _ in range(_MOST_RACES):
            now = self._clock.now()
            items = self._items([*recipients, *(each.key for each in counters)])
            wait, number = _longest_wait(items, recipients, counters, now)
            if wait:
                return counted.refusal(number, wait)
            if self._count(items, recipients, counters, now):
                return None
        raise _too_many(counted)

    def _items(self, keys: Sequence[str]) -> dict[str, Item]:
        return {string_in(item, KEY) or "": item for item in self._table.get_all(keys)}

    def _count(
        self, items: Mapping[str, Item], recipients: Sequence[str], counters: Sequence[Counter], now: int
    ) -> bool:
        """Count a code for each limit. Return False if another code was faster, and then take back all counts."""
        with ExitStack() as counts:
            for key in recipients:
                if not self._append(key, items.get(key), now):
                    return False
                counts.callback(self._take_back, key, now)
            for counter in counters:
                item = counter.add(self._table, now)
                if item is None:
                    return False
                counts.callback(counter.take_back, self._table, item)
            counts.pop_all()
        return True

    def _append(self, key: str, item: Item | None, now: int) -> bool:
        """Add a time to those of a recipient if they have not changed."""
        return self._replace(key, item, [now, *_times(item, now)][:MOST_SENDS], now)

    def _take_back(self, key: str, now: int) -> None:
        """Remove a time from those of a recipient."""
        for _ in range(_MOST_RACES):
            item = self._table.get(key)
            times = _times(item, now)
            if now not in times:
                return
            times.remove(now)
            if self._replace(key, item, times, now):
                return

    def _replace(self, key: str, item: Item | None, times: Sequence[int], now: int) -> bool:
        """Replace the times of a recipient if they have not changed. Return whether they were replaced."""
        names = {"#times": _TIMES}
        if item is None:
            condition = Condition("attribute_not_exists(#times)", names)
        else:
            condition = Condition("#times = :times", names, {":times": string(string_in(item, _TIMES) or "")})
        # Former versions of DynamoDB refuse an empty text.
        content = {_TIMES: string(" ".join(map(str, times)) or " "), EXPIRES: number(now + WINDOW)}
        return self._table.put(key, content, condition)


def _times(item: Item | None, now: int) -> list[int]:
    """Return the times of the last codes, newest first."""
    if item is None or not is_current(item, now):
        return []
    return [int(each) for each in (string_in(item, _TIMES) or "").split()]


def _longest_wait(
    items: Mapping[str, Item], recipients: Sequence[str], counters: Sequence[Counter], now: int
) -> tuple[int, int]:
    """Return the longest wait and the number of its limit."""
    waits = [(_wait_for_recipient(_times(items.get(key), now), now), 1) for key in recipients]
    waits += [(each.wait(items.get(each.key), now), limit) for limit, each in enumerate(counters, start=2)]
    return max(waits, key=lambda each: each[0])


def _wait_for_recipient(times: Sequence[int], now: int) -> int:
    return max(0, times[MOST_SENDS - 1] + WINDOW - now) if len(times) >= MOST_SENDS else 0


def _too_many(counted: Counted) -> StoreUnavailable:
    return StoreUnavailable(f"the limits of {counted.sender} change too often at once")
