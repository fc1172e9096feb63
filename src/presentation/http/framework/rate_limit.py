"""The rate limit for requests of one client address."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from flask import request
from limits import RateLimitItem

from application.ports.stores import RequestCounters
from presentation.http.framework.access import Guards, Limit
from presentation.http.framework.client_address import network_of
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ENROLMENTS: Final = 10
"""An address may enrol `ENROLMENTS` times as often as it may check codes, because many users may share the address."""
_CHECKS: Final = Limit.CODE_CHECKS.value
_ENROLMENTS: Final = Limit.ENROLMENTS.value
_COUNTERS: Final = "open_mfa.counters"
"""The key of the counters in the WSGI environment of a request that is counted with the next command."""


class RateLimits:
    """The guards that count requests by client address.

    Attributes:
        code_checks: the guards of requests that check a code or a password. They share one count, so an attacker gains
            nothing by trying several endpoints.

    Args:
        limits: the limits of requests that check codes; if empty, nothing is limited.
        counters: the counters.
    """

    def __init__(self, limits: Sequence[RateLimitItem], counters: RequestCounters) -> None:
        self._counters = counters
        self._limits = limits
        self._looser = [type(limit)(limit.amount * ENROLMENTS, limit.multiples) for limit in limits]
        self.code_checks: Guards = (partial(self._count, _CHECKS, limits),) if limits else ()

    def by_kind(self) -> Mapping[Limit, Guards]:
        """Return the guards of each kind of limit, for requests that end with `count_now`."""
        if not self._limits:
            return {}
        return {
            Limit.CODE_CHECKS: (partial(self._count_later, _CHECKS, self._limits),),
            Limit.ENROLMENTS: (partial(self._count_later, _ENROLMENTS, self._looser),),
        }

    def _count(self, kind: str, limits: Sequence[RateLimitItem]) -> None:
        address = network_of(request.remote_addr)
        for limit in limits:
            key = limit.key_for(kind, address)
            self._check(limit, key, self._counters.count(key, limit.get_expiry()))

    def _count_later(self, kind: str, limits: Sequence[RateLimitItem]) -> None:
        """Count the last limit with the next command to the store, which saves a round trip."""
        self._count(kind, limits[:-1])
        last = limits[-1]
        key = last.key_for(kind, network_of(request.remote_addr))
        self._counters.count_with_next_command(key, last.get_expiry(), partial(self._check, last, key))
        request.environ[_COUNTERS] = self._counters

    def _check(self, limit: RateLimitItem, key: str, count: int) -> None:
        if count > limit.amount:
            wait = max(1, round(self._counters.window_left(key)))
            raise Problem(Problems.RATE_LIMITED, f"Try again in {wait} s.", headers={"Retry-After": str(wait)})


def count_now(environ: "WSGIEnvironment") -> None:
    """Count a request that has sent no command to the store since its count was deferred.

    Raises:
        Problem: 429. The rate limit has priority over everything else that may refuse the request.
        StoreUnavailable: the request could not be counted.
    """
    counters = environ.get(_COUNTERS)
    if counters is not None:
        counters.count_now()
