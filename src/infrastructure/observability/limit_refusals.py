"""The refusals by the limits of tenants, as metrics and log lines."""

import logging
import time
from collections.abc import Callable
from typing import Final

from application.request_context import FIELDS
from domain.usage import LimitName
from infrastructure.observability.metrics import Metrics

QUIET: Final = 60.0
"""Seconds between two lines of one process about the same limit of a tenant, if its window is shorter."""
_log = logging.getLogger("open_mfa.limits")


class CountedRefusals:
    """The port `LimitRefusals`. Each refusal is counted, but only the first one of a window is logged.

    Args:
        metrics: the counters.
        monotonic: returns the seconds of a clock that never goes back.
    """

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._quiet_until: dict[tuple[str, LimitName], float] = {}

    def refused(self, tenant: str, limit: LimitName, wait: int) -> None:
        """Count the refusal, and log it unless the window is already logged."""
        self._metrics.limit_refusal(tenant, limit.value)
        now = self._monotonic()
        if now < self._quiet_until.get((tenant, limit), now):
            return
        self._quiet_until[tenant, limit] = now + max(wait, QUIET)
        _log.warning("limit reached", extra={FIELDS: {"tenant": tenant, "limit": limit.value, "wait": wait}})
