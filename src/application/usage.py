"""The limits of a tenant: how often all of its accounts together may use the service (ADR 41)."""

import math
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from application.errors import LimitReached
from application.ports.policies import Policies
from application.ports.refusals import LimitRefusals
from application.ports.stores import RequestCounters
from domain.owner import Owner
from domain.usage import LimitName

DAY: Final = 86400
"""Seconds."""
SECOND: Final = 1
"""Seconds."""
_LONGEST_REST: Final = 10.0
"""Seconds for which a process refuses without a question to the store. It bounds the effect of a changed counter."""
_REST_IN_A_SECOND: Final = 0.1
"""The same for windows of one second. The store does not tell which part of the second is over."""


class _Rest(NamedTuple):
    """A time in which a process refuses requests without a question to the store. Both ends are monotonic seconds."""

    until: float
    window_end: float


class TenantUsage:
    """Counts the use of the service by each tenant that has a limit. For other owners, it does nothing.

    A count is never too low: a request that fails later still counts. All instances share the counts, which are in the
    store. After a refusal, a process refuses further requests by itself for a moment, so that they cost little.

    Args:
        policies: the policies of the tenants.
        counters: the counters.
        refusals: records the refusals.
        monotonic: returns the seconds of a clock that never goes back.
    """

    def __init__(
        self,
        policies: Policies,
        counters: RequestCounters,
        refusals: LimitRefusals,
        monotonic: Callable[[], float],
    ) -> None:
        self._policies = policies
        self._counters = counters
        self._refusals = refusals
        self._monotonic = monotonic
        self._rests: dict[tuple[str, LimitName], _Rest] = {}

    def count_challenge(self, owner: Owner) -> None:
        """Count a request that may judge a code, together with the next command to the store.

        The caller must send a command next. It gets `LimitReached` instead of the result if the limit is reached.

        Raises:
            LimitReached: the limit was reached a moment ago.
        """
        tenant, most = owner.tenant, self._policies.of(owner).limits.challenges_per_second
        if tenant is None or most is None:
            return
        self._refuse_at_rest(tenant, LimitName.CHALLENGES)
        key = _key(tenant, LimitName.CHALLENGES)
        self._counters.count_with_next_command(key, SECOND, partial(self._check_challenges, tenant, most))

    def count_enrolment(self, owner: Owner) -> None:
        """Count a new secret, or a new set of recovery codes.

        Raises:
            LimitReached: the limit is reached.
            StoreUnavailable: nothing was counted.
        """
        tenant, most = owner.tenant, self._policies.of(owner).limits.enrolments_per_day
        if tenant is None or most is None:
            return
        self._refuse_at_rest(tenant, LimitName.ENROLMENTS)
        key = _key(tenant, LimitName.ENROLMENTS)
        if self._counters.count(key, DAY) > most:
            left = self._counters.window_left(key)
            self._refuse(tenant, LimitName.ENROLMENTS, left, min(left, _LONGEST_REST))

    def _check_challenges(self, tenant: str, most: int, count: int) -> None:
        if count > most:
            self._refuse(tenant, LimitName.CHALLENGES, SECOND, _REST_IN_A_SECOND)

    def _refuse(self, tenant: str, limit: LimitName, left: float, rest: float) -> None:
        now = self._monotonic()
        self._rests[tenant, limit] = _Rest(now + rest, now + left)
        raise self._refusal(tenant, limit, left)

    def _refuse_at_rest(self, tenant: str, limit: LimitName) -> None:
        rest = self._rests.get((tenant, limit))
        if rest is not None:
            now = self._monotonic()
            if now < rest.until:
                raise self._refusal(tenant, limit, rest.window_end - now)

    def _refusal(self, tenant: str, limit: LimitName, left: float) -> LimitReached:
        wait = max(1, math.ceil(left))
        self._refusals.refused(tenant, limit, wait)
        return LimitReached(limit, wait)


def _key(tenant: str, limit: LimitName) -> str:
    return f"tenant:{tenant}:{limit}"
