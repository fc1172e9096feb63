"""The deadline: what it counts, and what it does not."""

import contextlib

import pytest

from infrastructure.network import deadline


class Monotonic:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    return clock


def test_time_that_passes_is_taken_off(clock: Monotonic) -> None:
    with deadline.within(4):
        clock.time += 3
        assert deadline.left() == 1


def test_time_that_passes_in_a_pause_is_not(clock: Monotonic) -> None:
    with deadline.within(4):
        clock.time += 1
        with deadline.paused():
            clock.time += 10
        assert deadline.left() == 3
        clock.time += 1
        assert deadline.left() == 2


def test_a_pause_that_ends_in_an_error_is_one_too(clock: Monotonic) -> None:
    with deadline.within(4):
        with contextlib.suppress(ZeroDivisionError), deadline.paused():
            clock.time += 10
            raise ZeroDivisionError
        assert deadline.left() == 4


def test_several_pauses_add_up(clock: Monotonic) -> None:
    with deadline.within(4):
        for _ in range(3):
            with deadline.paused():
                clock.time += 10
        assert deadline.left() == 4


def test_a_pause_in_a_pause_counts_once(clock: Monotonic) -> None:
    with deadline.within(4):
        with deadline.paused():
            clock.time += 1
            with deadline.paused():
                clock.time += 10
        assert deadline.left() == 4


def test_in_a_pause_another_deadline_may_be_longer(clock: Monotonic) -> None:
    with deadline.within(4), deadline.paused(), deadline.within(10):
        assert deadline.left() == 10


def test_in_a_pause_there_is_no_deadline(clock: Monotonic) -> None:
    with deadline.within(4), deadline.paused():
        clock.time += 10
        assert deadline.left() == deadline.BUDGET


def test_a_pause_without_a_deadline_makes_none(clock: Monotonic) -> None:
    with deadline.paused():
        clock.time += 10
    clock.time += 10
    assert deadline.left() == deadline.BUDGET


def test_a_deadline_with_a_pause_ends_where_it_was_set(clock: Monotonic) -> None:
    with deadline.within(4):
        with deadline.within(2):
            with deadline.paused():
                clock.time += 1
            assert deadline.left() == 2
        # The outer one has gone on.
        assert deadline.left() == 3
    clock.time += 10
    assert deadline.left() == deadline.BUDGET
