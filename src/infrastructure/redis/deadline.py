"""One deadline around everything that a request asks of Redis.

Redis' own time-outs bound a single command on a single connection. What a caller waits for is the sum of all of them,
retries included, so the sum is what is bounded here.
"""

import time
from contextvars import ContextVar
from typing import Final

BUDGET: Final = 4.0
"""Seconds. With one last command under way (`SOCKET_TIMEOUT`), the caller has his answer within 5 s."""
SOCKET_TIMEOUT: Final = 0.5
"""Seconds, for connecting and for each answer: a frozen server says nothing, so only this finds it out."""

_deadline: ContextVar[float | None] = ContextVar("redis deadline", default=None)


def start() -> None:
    """Starts the budget of the request that this thread now serves."""
    _deadline.set(time.monotonic() + BUDGET)


def current() -> float:
    """The moment, on the monotonic clock, after which nothing is tried again."""
    deadline = _deadline.get()
    return time.monotonic() + BUDGET if deadline is None else deadline
