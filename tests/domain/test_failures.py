"""Throttling: how wrong codes lock a factor."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidValue
from domain.failures import DEFAULT_LOCKS, LOCK_AFTER, LOCK_LENGTH, NO_FAILURES, Failures, LockSchedule
from tests.support.fakes import NOON


def after(wrong_codes: int, now: int = NOON) -> Failures:
    failures = NO_FAILURES
    for _ in range(wrong_codes):
        failures = failures.another(now, DEFAULT_LOCKS)
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
    assert Failures(10**9, 0).another(NOON, DEFAULT_LOCKS).locked_until == NOON + 900


def test_a_lock_holds_in_its_last_second() -> None:
    assert after(5).locked(NOON + 29)


def test_a_lock_ends_after_its_last_second() -> None:
    assert not after(5).locked(NOON + 30)


def test_a_lock_runs_from_the_wrong_code_that_caused_it() -> None:
    assert after(5).another(NOON + 1000, DEFAULT_LOCKS).locked_until == NOON + 1060


@pytest.mark.parametrize(("count", "left"), [(0, 5), (1, 4), (4, 1), (5, 0), (6, 0), (100, 0)])
def test_attempts_left_are_the_attempts_before_the_lock(count: int, left: int) -> None:
    assert after(count).attempts_left(DEFAULT_LOCKS) == left


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_a_further_wrong_code_never_shortens_a_lock(pauses: list[int]) -> None:
    failures = NO_FAILURES
    for now in itertools.accumulate(pauses, initial=NOON):
        later = failures.another(now, DEFAULT_LOCKS)
        assert later.count == failures.count + 1
        assert later.locked_until >= failures.locked_until
        failures = later


SCHEDULES = st.builds(
    lambda after, lengths: LockSchedule(after, *sorted(lengths)),
    st.integers(*LOCK_AFTER),
    st.tuples(st.integers(*LOCK_LENGTH), st.integers(*LOCK_LENGTH)),
)


@given(st.lists(st.tuples(SCHEDULES, st.integers(-1, 100_000)), min_size=1, max_size=20))
def test_no_sequence_of_policies_and_wrong_codes_shortens_a_lock(steps: list[tuple[LockSchedule, int]]) -> None:
    failures, now = NO_FAILURES, NOON
    for locks, pause in steps:
        # A negative pause: an instance whose clock is behind judges the code.
        now += pause
        later = failures.another(now, locks)
        assert later.count == failures.count + 1
        assert later.locked_until >= failures.locked_until
        failures = later


@given(SCHEDULES, st.integers(0, 30))
def test_a_schedule_locks_after_its_number_of_wrong_codes_and_doubles_up_to_its_longest_lock(
    locks: LockSchedule, beyond: int
) -> None:
    failures = NO_FAILURES
    for left in reversed(range(locks.after)):
        assert not failures.locked(NOON)
        failures = failures.another(NOON, locks)
        assert failures.attempts_left(locks) == left
    for _ in range(beyond):
        failures = failures.another(NOON, locks)

    assert failures.locked_until == NOON + min(locks.first * 2**beyond, locks.longest)


@pytest.mark.parametrize("values", [(2, 30, 900), (11, 30, 900), (5, 29, 900), (5, 30, 86401), (5, 900, 30)])
def test_a_schedule_outside_of_the_bounds_is_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidValue):
        LockSchedule(*values)
