"""The connections that wait for their client, in the event loop of a worker."""

import time
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, unique
from itertools import chain
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from presentation.http.server.connection import Connection


@unique
class Reason(Enum):
    """The reason why a connection waits, and its time limit in seconds. The worker may close it a second later."""

    FIRST_BYTE = 10.0
    """The client has not sent anything yet."""
    REQUEST = 5.0
    """The rest of the request is missing."""
    DELIVERY = 20.0
    """The client has not received the whole response."""
    CLOSING = 2.0
    """The client has not closed its side after the last response."""


class WaitingConnections:
    """The connections that wait for their client, except those between two requests, which gunicorn manages.

    Connections with the same reason have the same time limit. So the one that has waited longest is the first of them,
    and its time is up first.

    Args:
        poller: the selector of the event loop.
    """

    def __init__(self, poller: BaseSelector) -> None:
        self._poller = poller
        self._by_reason: dict[Reason, dict[Connection, None]] = {reason: {} for reason in Reason}

    def add(self, conn: "Connection", reason: Reason, then: Callable[[object], None]) -> None:
        """Wait for the client. If the connection waits for another reason, this reason replaces it.

        Args:
            conn: the connection.
            reason: the reason.
            then: called by the event loop when the client has acted.
        """
        if conn in self._by_reason[reason]:
            return
        self.remove(conn)
        conn.since = time.monotonic()
        conn.timeout = conn.since + reason.value
        self._by_reason[reason][conn] = None
        self._poller.register(conn.sock, EVENT_WRITE if reason is Reason.DELIVERY else EVENT_READ, then)

    def remove(self, conn: "Connection") -> None:
        """End the waiting of a connection, if it waits."""
        for connections in self._by_reason.values():
            if conn in connections:
                del connections[conn]
                self._poller.unregister(conn.sock)

    def limit(self, reason: Reason, deadline: float) -> None:
        """Give the connections with this reason at most the time until `deadline`, on the monotonic clock."""
        for conn in self._by_reason[reason]:
            conn.timeout = min(conn.timeout, deadline)

    def expired(self, *reasons: Reason) -> Iterator["Connection"]:
        """Yield the connections whose time is up. The caller must remove each before it gets the next one."""
        now = time.monotonic()
        for reason in reasons:
            connections = self._by_reason[reason]
            while connections and (conn := next(iter(connections))).timeout <= now:
                yield conn

    def longest(self, network: str | None, others: Iterable[Any]) -> "Connection | None":
        """Return the connection that has waited longest, None if there is none.

        Args:
            network: the network of the connection, None for any.
            others: further connections that wait, in their order.
        """
        oldest = [
            next((conn for conn in each if network in {None, conn.network}), None)
            for each in chain(self._by_reason.values(), (others,))
        ]
        return min((conn for conn in oldest if conn is not None), key=lambda conn: conn.since, default=None)
