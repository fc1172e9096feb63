"""The refusals by the limits of tenants: each is counted, and the first one of a window is logged."""

import pytest

from application.request_context import FIELDS
from domain.usage import LimitName
from infrastructure.observability.limit_refusals import CountedRefusals
from infrastructure.observability.metrics import Metrics

DAY = 86400
"""Seconds."""


class Refusals(CountedRefusals):
    """Refusals at moments that a test chooses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.metrics = Metrics()
        super().__init__(self.metrics, lambda: self.now)


@pytest.fixture
def refusals(caplog: pytest.LogCaptureFixture) -> Refusals:
    caplog.clear()
    return Refusals()


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [getattr(each, FIELDS) for each in caplog.records if each.getMessage() == "limit reached"]


@pytest.mark.parametrize(
    ("limit", "wait", "quiet"),
    [(LimitName.CHALLENGES, 1, 60), (LimitName.SENDS, DAY, DAY), (LimitName.SENDS, 300, 300)],
)
def test_a_window_is_logged_once_and_at_most_once_a_minute(
    refusals: Refusals, caplog: pytest.LogCaptureFixture, limit: LimitName, wait: int, quiet: int
) -> None:
    for moment in (0, 0, 1, quiet - 1, quiet, quiet + 1):
        refusals.now = 1000.0 + moment
        refusals.refused("shop", limit, wait)

    assert lines(caplog) == [{"tenant": "shop", "limit": limit.value, "wait": wait}] * 2
    assert f'{{limit="{limit}",tenant="shop"}} 6.0' in refusals.metrics.exposition().decode()


def test_each_tenant_and_each_limit_is_logged(refusals: Refusals, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        for tenant in ("shop", "forum"):
            for limit in LimitName:
                refusals.refused(tenant, limit, 10)

    assert len(lines(caplog)) == 6
