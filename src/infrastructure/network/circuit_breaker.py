"""A circuit breaker: limits the callers that wait for a failing server."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from infrastructure.network import deadline

T = TypeVar("T")

PROBE_SECONDS: Final = 1.5
"""Seconds for one attempt while the circuit is open: enough to find a master even if some Sentinels do not answer."""
FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.25
"""Seconds between two attempts. Each pause is twice the former one, less a random part of up to one half."""


@dataclass(frozen=True, slots=True)
class ErrorKinds:
    """The errors by which a client reports that its server fails.

    Attributes:
        all: the types of all of them.
        timeout: the type of those that report a time-out.
        is_transient: returns whether it makes sense to retry after an error, because it may end by itself.
    """

    all: tuple[type[Exception], ...]
    timeout: type[Exception]
    is_transient: Callable[[Exception], bool]


class TooManyCallers(Exception):
    """The server is failing, and enough callers are already retrying."""


class State(Enum):
    """The states of a circuit."""

    CLOSED = "closed"
    """The last operation succeeded, or failed once: every caller may try."""
    SUSPECTED = "suspected"
    """An operation timed out, or failed twice in a row: a limited number of callers may try until their deadline."""
    OPEN = "open"
    """A caller has used up its time: a limited number of callers may try, once each."""


class CircuitBreaker:
    """Carries out operations on one server, and retries them while the failure may end by itself.

    Without a limit, a server that does not answer would keep every thread of the service waiting. The first success
    closes the circuit for all callers.

    Args:
        errors: the errors of the server's client. All others are passed on, and change nothing.
        retrying: one slot for each caller that may retry. Several circuits can share them.
        sleep: waits for some seconds.
        left: the seconds until the deadline of the caller.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        errors: ErrorKinds,
        retrying: threading.BoundedSemaphore,
        *,
        sleep: Callable[[float], None] = time.sleep,
        left: Callable[[], float] = deadline.left,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.state = State.CLOSED
        self._last_failed = False
        self._errors = errors
        self._retrying = retrying
        self._sleep = sleep
        self._left = left
        self._jitter = jitter

    @property
    def refuses(self) -> bool:
        """Whether the last operation failed, for any reason, or the server is suspected to fail."""
        return self._last_failed or self.state is not State.CLOSED

    def call(self, operation: Callable[[], T], on_failure: Callable[[Exception], None]) -> T:
        """Carry out an operation, and repeat it until it succeeds or the deadline passes.

        Args:
            operation: may be called several times.
            on_failure: called with each transient error.

        Raises:
            TooManyCallers: enough other callers are already retrying.
            Exception: the failure that explains most. A time-out of the last attempt, which often has little time
                left, explains less than the errors before it.
        """
        seconds = PROBE_SECONDS if self.state is State.OPEN else deadline.BUDGET
        holds_slot = self.state is not State.CLOSED
        if holds_slot:
            self._take_slot()
        telling: Exception | None = None
        pause = FIRST_PAUSE
        try:
            with deadline.within(seconds):
                while True:
                    try:
                        result = operation()
                    except self._errors.all as error:
                        if not self._errors.is_transient(error):
                            self._last_failed = True
                            raise
                        failure: Exception = error
                    else:
                        self.state, self._last_failed = State.CLOSED, False
                        return result
                    # Outside of the `except` block, so that an error that is raised here keeps its own context.
                    on_failure(failure)
                    if telling is None or not isinstance(failure, self._errors.timeout):
                        telling = failure
                    wait = pause * (0.5 + self._jitter() / 2)
                    if self.state is State.OPEN or self._left() <= wait:
                        self.state, self._last_failed = State.OPEN, True
                        raise telling
                    if not holds_slot and (isinstance(failure, self._errors.timeout) or pause > FIRST_PAUSE):
                        self._suspect()
                        holds_slot = True
                    self._sleep(wait)
                    pause = min(LONGEST_PAUSE, pause * 2)
        finally:
            if holds_slot:
                self._retrying.release()

    def _suspect(self) -> None:
        if self.state is State.CLOSED:
            self.state = State.SUSPECTED
        self._take_slot()

    def _take_slot(self) -> None:
        """Take a slot. Raise `TooManyCallers` if there is none."""
        if not self._retrying.acquire(blocking=False):
            raise TooManyCallers
