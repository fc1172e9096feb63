"""The rule that distinguishes a change from noise."""

import random
from collections.abc import Sequence

import pytest
from bench.cases import FLOOR
from bench.comparison import report
from bench.noise import FEWEST_ROUNDS, STARTS, Change, Rounds, changes

CASE = "verify: good (TOTP)"
METRICS = ("requests_per_second", "cpu_us", "p99_ms")


def rounds(ratios: Sequence[float], speeds: Sequence[float]) -> Rounds:
    """Return rounds in which (b) has these speeds, and the case is `ratio` times as high in every metric."""
    return {
        FLOOR: {metric: list(speeds) for metric in METRICS},
        CASE: {metric: [ratio * speed for ratio, speed in zip(ratios, speeds, strict=True)] for metric in METRICS},
    }


def noisy(center: float, spread: float, seed: int, count: int = 12) -> Rounds:
    choose = random.Random(seed)
    # The machine's own speed halves and doubles. It must not matter.
    speeds = [choose.uniform(500, 2000) for _ in range(count)]
    return rounds([center * choose.lognormvariate(0, spread) for _ in range(count)], speeds)


def moved(found: Sequence[Change]) -> set[str]:
    return {change.metric for change in found if change.has_moved}


def test_the_same_run_has_not_moved() -> None:
    run = noisy(0.9, 0.1, seed=1)

    assert moved(changes(run, run)) == set()


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.1, 0.3])
def test_runs_of_the_same_code_seldom_seem_to_differ(spread: float) -> None:
    pairs = [(noisy(0.9, spread, seed), noisy(0.9, spread, seed + 1000)) for seed in range(200)]

    # All three metrics have the same values here, so each pair counts once.
    assert sum(bool(moved(changes(*pair))) for pair in pairs) <= 6


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_change_of_a_quarter_is_found_in_a_quiet_run(factor: float) -> None:
    found = changes(noisy(0.9 * factor, 0.02, seed=1), noisy(0.9, 0.02, seed=2))

    assert moved(found) == set(METRICS)
    assert {change.metric for change in found if change.is_better} == (
        {"requests_per_second"} if factor > 1 else {"cpu_us", "p99_ms"}
    )


def test_a_change_below_the_difference_of_two_starts_is_noise() -> None:
    speeds = [1000.0] * 12
    found = changes(rounds([0.9 * (1 + STARTS * 0.9)] * 12, speeds), rounds([0.9] * 12, speeds))

    assert moved(found) == set()


@pytest.mark.parametrize("count", [1, 2, FEWEST_ROUNDS - 1])
def test_few_rounds_show_no_spread_so_nothing_has_moved(count: int) -> None:
    speeds = [1000.0] * count

    assert moved(changes(rounds([2.0] * count, speeds), rounds([1.0] * count, speeds))) == set()


def test_the_report_names_moved_cases_the_rule_and_cases_that_only_one_run_has() -> None:
    def part(values: Rounds, **more: list[float]) -> dict[str, object]:
        others = {name: dict.fromkeys(METRICS, each) for name, each in more.items()}
        rows = {FLOOR: {"requests_per_second": 1000.0}}
        return {"rounds": dict(values) | others, "rows": rows, "environment": {"commit": "abc"}}

    now, before = part(noisy(0.5, 0.02, 1), new=[1.0] * 12), part(noisy(0.9, 0.02, 2), old=[1.0] * 12)
    text = report(now, before, "saved.json")

    assert "A case has moved if its median ratio to (b) changed by more than 3 standard errors" in text
    assert f"| {CASE} " in text
    assert "worse" in text
    assert "3 of 3 figures moved beyond the noise." in text
    assert "Only this run measured new." in text
    assert "Only saved.json measured old." in text
    assert report(now, None, "saved.json") == "saved.json has no cases to compare with."
