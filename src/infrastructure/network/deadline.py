"""One deadline around everything that a request asks of Redis.

Redis' own time-outs bound a single command on a single connection. What a caller waits for is the sum of all of them,
retries and look-ups of the topology included, so the sum is what is bounded here.
"""

import time
from contextvars import ContextVar
from typing import Final

BUDGET: Final = 4.0
"""Seconds, so that the caller has his answer well within 5 s."""
SOCKET_TIMEOUT: Final = 0.5
"""Seconds, for connecting and for each answer: a frozen server says nothing, so only this finds it out."""
_LEAST_TIMEOUT: Final = 0.01
"""Seconds: 0 would mean not to block at all, which is something else than to time out."""

_deadline: ContextVar[float | None] = ContextVar("redis deadline", default=None)


class within:  # noqa: N801 - used like a function; made of a generator it would cost three times as much
    """Leaves at most this many seconds, less where the request has less left.

    Entering it tells the moment, on the monotonic clock, after which nothing is tried again.
    """

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> float:
        end, former = time.monotonic() + self._seconds, _deadline.get()
        if former is not None and former < end:
            end = former
        self._token = _deadline.set(end)
        return end

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)


class paused:  # noqa: N801 - see `within`
    """Takes the time spent inside off no deadline: something else than Redis is waited for, which has its own bound.

    Inside there is no deadline, unless another `within` sets one. Left, the innermost `within` that it stands in ends
    that much later; those further out do not.
    """

    __slots__ = ("_entered", "_former", "_token")

    def __enter__(self) -> None:
        self._entered, self._former = time.monotonic(), _deadline.get()
        self._token = _deadline.set(None)

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)
        if self._former is not None:
            # The `within` around goes back to what was before it by its own token, whatever is set here.
            _deadline.set(self._former + time.monotonic() - self._entered)


def left() -> float:
    """Seconds until the deadline, 0 when it has passed."""
    deadline = _deadline.get()
    return BUDGET if deadline is None else max(0.0, deadline - time.monotonic())


def patience() -> float:
    """Seconds that a single wait on a socket may take now."""
    rest = left()
    return SOCKET_TIMEOUT if rest > SOCKET_TIMEOUT else max(_LEAST_TIMEOUT, rest)
