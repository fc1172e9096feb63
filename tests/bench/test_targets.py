"""The targets, and whether they are met."""

import pytest
from bench.cases import CHECK, FLOOR, GOOD_TOTP, ONE_GET
from bench.targets import TARGETS, Target


@pytest.mark.parametrize(
    ("metric", "ratio", "is_met"),
    [
        ("requests_per_second", 0.9, True),
        ("requests_per_second", 0.89, False),
        ("cpu_us", 1.15, True),
        ("cpu_us", 1.16, False),
        ("p99_ms", 1.25, True),
        ("p99_ms", 1.26, False),
    ],
)
def test_a_limit_itself_meets_the_target(metric: str, ratio: float, is_met: bool) -> None:
    (target,) = [each for each in TARGETS if each.case == GOOD_TOTP and each.metric == metric]

    assert target.is_met({GOOD_TOTP: {"ratios": {FLOOR: {metric: ratio}}}}) is is_met


def test_a_check_of_the_gate_is_compared_with_the_route_with_one_get() -> None:
    (target,) = [each for each in TARGETS if each.case == CHECK]

    assert target == Target(CHECK, "requests_per_second", 0.9, ONE_GET)
    assert str(target) == "req/s ≥ 0.90 of (c)"
    assert (
        target.ratio({CHECK: {"ratios": {FLOOR: {"requests_per_second": 2}, ONE_GET: {"requests_per_second": 1}}}}) == 1
    )
