"""One deadline around everything that a request asks of Redis.

Redis' own time-outs bound a single command on a single connection. What a caller waits for is the sum of all of them,
retries and look-ups of the topology included, so the sum is what is bounded here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

BUDGET: Final = 4.0
"""Seconds, so that the caller has his answer well within 5 s."""
SOCKET_TIMEOUT: Final = 0.5
"""Seconds, for connecting and for each answer: a frozen server says nothing, so only this finds it out."""
_LEAST_TIMEOUT: Final = 0.01
"""Seconds: 0 would mean not to block at all, which is something else than to time out."""

_deadline: ContextVar[float | None] = ContextVar("redis deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[float]:
    """Leaves at most this many seconds, less where the request has less left.

    Yields:
        The moment, on the monotonic clock, after which nothing is tried again.
    """
    end, former = time.monotonic() + seconds, _deadline.get()
    if former is not None:
        end = min(end, former)
    token = _deadline.set(end)
    try:
        yield end
    finally:
        _deadline.reset(token)


def left() -> float:
    """Seconds until the deadline, 0 when it has passed."""
    deadline = _deadline.get()
    return BUDGET if deadline is None else max(0.0, deadline - time.monotonic())


def patience() -> float:
    """Seconds that a single wait on a socket may take now."""
    return max(_LEAST_TIMEOUT, min(SOCKET_TIMEOUT, left()))
