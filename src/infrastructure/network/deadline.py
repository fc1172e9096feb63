"""One deadline for all waits of a request.

A time-out bounds one wait on one connection. A request waits several times: for retries, for name servers, for the
topology of the store. So the sum of these waits is bounded here.
"""

import time
from contextvars import ContextVar
from typing import Final

BUDGET: Final = 4.0
"""Seconds for all waits of a request, so that the client has its response well within 5 s."""
SOCKET_TIMEOUT: Final = 0.5
"""Seconds for one wait on a socket. Only a time-out detects a frozen server."""
_SHORTEST_TIMEOUT: Final = 0.01
"""Seconds. A time-out of 0 would make a socket non-blocking."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_limit: ContextVar[float | None] = ContextVar("limit", default=None)
"""The end of all waits, which `paused` does not suspend."""


class within:  # noqa: N801 - used like a function; as a generator it would cost three times as much
    """Set a deadline `seconds` from now, or keep the current one if it is earlier.

    Entering returns the deadline on the monotonic clock.
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


class limited(within):  # noqa: N801 - see `within`
    """Set a deadline that `paused` does not suspend, because the platform ends the process soon after it."""

    __slots__ = ("_limit_token",)

    def __enter__(self) -> float:
        end = super().__enter__()
        self._limit_token = _limit.set(end)
        return end

    def __exit__(self, *details: object) -> None:
        _limit.reset(self._limit_token)
        super().__exit__(*details)


class paused:  # noqa: N801 - see `within`
    """Suspend the deadline, for a wait that has its own limit.

    Inside, there is no deadline but that of a surrounding `limited`, unless another `within` sets one. On exit, the
    deadline of the innermost surrounding `within` moves by the time that was spent inside. Deadlines further out do not
    move.
    """

    __slots__ = ("_entered", "_former", "_token")

    def __enter__(self) -> None:
        self._entered, self._former = time.monotonic(), _deadline.get()
        self._token = _deadline.set(_limit.get())

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)
        if self._former is not None:
            end, limit = self._former + time.monotonic() - self._entered, _limit.get()
            # The surrounding `within` restores its former deadline by its own token, so this value does not outlive it.
            _deadline.set(end if limit is None else min(end, limit))


def left() -> float:
    """Return the seconds until the deadline: 0 if it has passed, `BUDGET` if there is none."""
    deadline = _deadline.get()
    return BUDGET if deadline is None else max(0.0, deadline - time.monotonic())


def socket_timeout() -> float:
    """Return the time-out in seconds for one wait on a socket: `SOCKET_TIMEOUT`, or less if less time is left."""
    deadline = _deadline.get()
    if deadline is None:
        return SOCKET_TIMEOUT
    rest = deadline - time.monotonic()
    return SOCKET_TIMEOUT if rest > SOCKET_TIMEOUT else max(_SHORTEST_TIMEOUT, rest)
