"""The table: every call succeeds before the deadline, or the store is unavailable (ADR 36)."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

from application.errors import StoreUnavailable
from infrastructure.dynamodb.client.errors import CONDITION_FAILED, ERRORS, DynamoError, Refused, Throttled, Unavailable
from infrastructure.dynamodb.client.items import KEY, Item, string
from infrastructure.dynamodb.url import TableUrl
from infrastructure.network import deadline
from infrastructure.network.circuit_breaker import CircuitBreaker, TooManyCallers

ATTEMPT: Final = 1.0
"""Seconds for one attempt. DynamoDB usually answers within 0.01 s, and only a time-out detects a lost connection."""
LONG_ATTEMPT: Final = 3.0
"""Seconds for one attempt to read up to 1 MB of the table."""
THROTTLED_PAUSES: Final = (0.025, 0.05, 0.1, 0.2, 0.4)
"""Seconds between the attempts of a call that is throttled, each less a random part of up to one half.

Only some items may be throttled, so the circuit breaker, which concerns all items, does not count these attempts.
"""
LARGEST_BATCH: Final = 100
"""The number of items that DynamoDB reads with one call."""
MAX_RETRYING_CALLERS: Final = 4
"""Half of the usual threads of a worker."""

_deferred: ContextVar[Callable[[], None] | None] = ContextVar("deferred count", default=None)


class Calls(Protocol):
    """Carries out calls; see `Connection`."""

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Carry out one call once. Raise `DynamoError`."""

    def prepare(self) -> None:
        """Prepare for the first call. Raise `DynamoError`."""

    def close_idle(self) -> None:
        """Close the idle connections."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a write, as an expression of DynamoDB.

    Attributes:
        text: the expression.
        names: the names of attributes by their placeholders.
        values: values by their placeholders.
    """

    text: str
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of a call."""
        values = {"ExpressionAttributeValues": self.values} if self.values else {}
        names = {"ExpressionAttributeNames": self.names} if self.names else {}
        return {"ConditionExpression": self.text, **names, **values}


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the table.

    Attributes:
        items: the items.
        next: the key after which the next part begins; None at the end.
    """

    items: Sequence[Item]
    next: str | None


class Table:
    """The operations that the service needs. All reads are strongly consistent.

    Every method raises `StoreUnavailable` if it fails before the deadline, or if DynamoDB refuses it.

    Args:
        url: the table.
        calls: carries out the calls.
        max_retrying_callers: the number of callers that may retry at the same time while DynamoDB fails. The others
            fail at once.
    """

    def __init__(self, url: TableUrl, calls: Calls, max_retrying_callers: int = MAX_RETRYING_CALLERS) -> None:
        self._url = url
        self._calls = calls
        self._retrying = threading.BoundedSemaphore(max_retrying_callers)
        # One for each operation, because a policy can forbid each of them.
        self._breakers: dict[str, CircuitBreaker] = {}

    def get(self, key: str) -> Item | None:
        """Return an item; None if there is none."""
        item: Item | None = self._run("get_item", Key=_key(key), ConsistentRead=True).get("Item")
        return item

    def get_all(self, keys: Sequence[str]) -> list[Item]:
        """Return the items that exist, in no order."""
        found: list[Item] = []
        left = [_key(key) for key in dict.fromkeys(keys)]
        with deadline.within(deadline.BUDGET):
            while left:
                batch, left = left[:LARGEST_BATCH], left[LARGEST_BATCH:]
                request = {self._url.table: {"Keys": batch, "ConsistentRead": True}}
                answer = self._run("batch_get_item", RequestItems=request)
                found += answer.get("Responses", {}).get(self._url.table, [])
                unread = answer.get("UnprocessedKeys", {}).get(self._url.table, {}).get("Keys", [])
                if unread:
                    # DynamoDB had no capacity for them.
                    time.sleep(min(THROTTLED_PAUSES[1], deadline.left()))
                    left += unread
        return found

    def put(self, key: str, item: Item, condition: Condition | None = None) -> bool:
        """Replace an item if it meets a condition. Return whether it did."""
        arguments = {} if condition is None else condition.arguments
        return self._run("put_item", Item=_key(key) | dict(item), **arguments) is not _FAILED

    def update(self, key: str, change: str, condition: Condition) -> Item | None:
        """Change an item, and return its new attributes; None if it does not meet the condition.

        Args:
            key: the key.
            change: the update expression.
            condition: the condition, with the names and values of the change.
        """
        arguments = condition.arguments | {"UpdateExpression": change, "ReturnValues": "ALL_NEW"}
        answer = self._run("update_item", Key=_key(key), **arguments)
        return None if answer is _FAILED else answer["Attributes"]

    def delete(self, key: str) -> None:
        """Remove an item."""
        self._run("delete_item", Key=_key(key))

    def scan(self, prefix: str, after: str | None, size: int) -> Page:
        """Return the items in the next part of the table whose keys have a prefix.

        Args:
            prefix: the beginning of the keys.
            after: `next` of the part before; None for the first part.
            size: the largest number of items that DynamoDB reads for the part, whatever their keys.
        """
        arguments: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": _key(after)}
        answer = self._run(
            "scan",
            ConsistentRead=True,
            Limit=size,
            FilterExpression="begins_with(#key, :prefix)",
            ExpressionAttributeNames={"#key": KEY},
            ExpressionAttributeValues={":prefix": string(prefix)},
            **arguments,
        )
        end = answer.get("LastEvaluatedKey")
        return Page(answer.get("Items", []), None if end is None else end[KEY]["S"])

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Carry out an operation on the table itself, such as `describe_table`, and return its response."""
        return self._run(operation, **arguments)

    def time(self, key: str) -> int:
        """Return the clock of DynamoDB, Unix time in seconds, from the response to a read of any key."""
        answer = self._run("get_item", Key=_key(key), ConsistentRead=True)
        try:
            date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
            return int(parsedate_to_datetime(date).timestamp())
        except (KeyError, ValueError):
            raise StoreUnavailable(f"The DynamoDB table {self._url} does not tell its time") from None

    @property
    def refuses_writes(self) -> bool:
        """Whether the last `put` failed and none has succeeded since."""
        return self._breaker("put_item").refuses

    def defer(self, count: Callable[[], None]) -> None:
        """Call a function before the next operation of this thread. A former function that waits is called now."""
        self.run_deferred()
        _deferred.set(count)

    def run_deferred(self) -> None:
        """Call the function that waits, if there is one. Raise its error."""
        count = _deferred.get()
        if count is not None:
            _deferred.set(None)
            count()

    def close(self) -> None:
        """Close all connections."""
        self._calls.close_idle()

    def _run(self, operation: str, **arguments: Any) -> dict[str, Any]:
        self.run_deferred()
        if operation != "batch_get_item":
            arguments["TableName"] = self._url.table
        try:
            return self._breaker(operation).call(lambda: self._attempt(operation, arguments), self._close_idle)
        except TooManyCallers:
            text = f"The DynamoDB table {self._url} does not answer, and too many requests are already waiting"
            raise StoreUnavailable(text) from None
        except DynamoError as error:
            code = f" ({error.code})" if error.code else ""
            raise StoreUnavailable(f"The DynamoDB table {self._url} {error}{code}") from error

    def _attempt(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a call; repeat it only while it is throttled, because it was certainly not executed then."""
        self._calls.prepare()
        for pause in (*THROTTLED_PAUSES, None):
            try:
                with deadline.within(LONG_ATTEMPT if operation == "scan" else ATTEMPT):
                    return self._calls.call(operation, **arguments)
            except Refused as error:
                if error.code == CONDITION_FAILED:
                    return _FAILED
                raise
            except Throttled:
                wait = pause and pause * random.uniform(0.5, 1)  # noqa: S311 - it only spreads the attempts
                if wait is None or deadline.left() <= wait:
                    raise
            time.sleep(wait)
        raise AssertionError  # The last attempt has no pause.

    def _breaker(self, operation: str) -> CircuitBreaker:
        breaker = self._breakers.get(operation)
        return breaker or self._breakers.setdefault(operation, CircuitBreaker(ERRORS, self._retrying))

    def _close_idle(self, error: Exception) -> None:
        """Close idle connections, each of which might time out."""
        if isinstance(error, Unavailable):
            self._calls.close_idle()


_FAILED: Final[dict[str, Any]] = {}
"""The result of a write whose condition does not hold."""


def _key(key: str) -> dict[str, Any]:
    return {KEY: string(key)}
