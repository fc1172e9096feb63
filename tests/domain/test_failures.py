"""Throttling: how wrong codes lock a factor."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import NO_FAILURES, Failures
from tests.support.fakes import NOON


def after(wrong_codes: int, now: int = NOON) -> Failures:
    failures = NO_FAILURES
    for _ in range(wrong_codes):
        failures = failures.another(now)
    return failures


@pytest.mark.parametrize("count", range(5))
def test_four_wrong_codes_lock_nothing(count: int) -> None:
    assert not after(count).locked(NOON)


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 900), (11, 900), (12, 900), (50, 900), (3000, 900)],
)
def test_the_fifth_wrong_code_locks_for_30_s_and_each_further_one_for_twice_as_long_up_to_15_min(
    count: int, seconds: int
) -> None:
    assert after(count) == Failures(count, NOON + seconds)


def test_a_count_of_any_size_locks_for_15_min() -> None:
    assert Failures(10**9, 0).another(NOON).locked_until == NOON + 900


def test_a_lock_holds_in_its_last_second() -> None:
    assert after(5).locked(NOON + 29)


def test_a_lock_ends_after_its_last_second() -> None:
    assert not after(5).locked(NOON + 30)


def test_a_lock_runs_from_the_wrong_code_that_caused_it() -> None:
    assert after(5).another(NOON + 1000).locked_until == NOON + 1060


@pytest.mark.parametrize(("count", "left"), [(0, 5), (1, 4), (4, 1), (5, 0), (6, 0), (100, 0)])
def test_attempts_left_are_the_attempts_before_the_lock(count: int, left: int) -> None:
    assert after(count).attempts_left() == left


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_a_further_wrong_code_never_shortens_a_lock(pauses: list[int]) -> None:
    failures = NO_FAILURES
    for now in itertools.accumulate(pauses, initial=NOON):
        later = failures.another(now)
        assert later.count == failures.count + 1
        assert later.locked_until >= failures.locked_until
        failures = later
