"""The rate limit for requests of one client address."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from flask import request
from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from presentation.http.framework.access import Guards, Limit
from presentation.http.framework.client_address import network_of
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem

ENROLMENTS: Final = 10
"""An address may enrol `ENROLMENTS` times as often as it may check codes, because many users may share the address."""


class RateLimits:
    """The guards that count requests by client address.

    Attributes:
        code_checks: the guards of requests that check a code or a password. They share one count, so an attacker gains
            nothing by trying several endpoints.
        enrolments: the guards of requests that write to the store without checking a code.

    Args:
        limits: the limits of requests that check codes; if empty, nothing is limited.
        storage: the counters.
    """

    def __init__(self, limits: Sequence[RateLimitItem], storage: Storage) -> None:
        looser = [type(limit)(limit.amount * ENROLMENTS, limit.multiples) for limit in limits]
        self._windows = FixedWindowRateLimiter(storage)
        self.code_checks = self._guards("checks", limits)
        self.enrolments = self._guards("enrolments", looser)

    def by_kind(self) -> Mapping[Limit, Guards]:
        """Return the guards of each kind of limit."""
        return {Limit.CODE_CHECKS: self.code_checks, Limit.ENROLMENTS: self.enrolments}

    def _guards(self, scope: str, limits: Sequence[RateLimitItem]) -> Guards:
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
