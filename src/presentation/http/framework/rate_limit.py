"""The rate limit for requests of one client address."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from flask import request
from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from presentation.http.framework.client_address import network_of
from presentation.http.framework.problems import Problem, Problems

ENROLMENTS: Final = 10
"""An address may enrol `ENROLMENTS` times as often as it may check codes, because many users may share the address."""

Guard = Callable[[], None]
"""A function that raises `Problem` if the current request must not be handled."""


class RateLimit:
    """The guards that count requests by client address.

    Args:
        limits: the limits of requests that check codes; none of them means no limit.
        storage: the counters.
    """

    def __init__(self, limits: Sequence[RateLimitItem], storage: Storage) -> None:
        self._limits = limits
        self._windows = FixedWindowRateLimiter(storage)

    @property
    def checking(self) -> tuple[Guard, ...]:
        """The guard of requests that check a code or a password.

        They share one count, so an attacker gains nothing by trying several endpoints.
        """
        return self._guards("checks", self._limits)

    @property
    def enrolling(self) -> tuple[Guard, ...]:
        """The guard of requests that write to the store without checking a code."""
        looser = [type(limit)(limit.amount * ENROLMENTS, limit.multiples) for limit in self._limits]
        return self._guards("enrolments", looser)

    def _guards(self, scope: str, limits: Sequence[RateLimitItem]) -> tuple[Guard, ...]:
        if not limits:
            return ()

        def within_the_limit() -> None:
            address = network_of(request.remote_addr)
            for limit in limits:
                if not self._windows.hit(limit, scope, address):
                    end, _ = self._windows.get_window_stats(limit, scope, address)
                    wait = max(1, round(end - time.time()))
                    raise Problem(Problems.RATE_LIMITED, f"Try again in {wait} s.", headers={"Retry-After": str(wait)})

        return (within_the_limit,)
