"""The deadline counts the waits of a request, except for those that have their own bound."""

import contextlib

import pytest

from infrastructure.network import deadline


class Monotonic:
    """A clock that moves only on demand."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    return clock


def test_time_that_passes_is_subtracted(clock: Monotonic) -> None:
    with deadline.within(4):
        clock.time += 3
        assert deadline.left() == 1


def test_a_longer_deadline_inside_does_not_extend_the_current_one(clock: Monotonic) -> None:
    with deadline.within(1), deadline.within(10):
        assert deadline.left() == 1


def test_a_deadline_that_has_passed_leaves_nothing(clock: Monotonic) -> None:
    with deadline.within(1):
        clock.time += 2
        assert deadline.left() == 0


def test_one_wait_takes_half_a_second_or_the_time_that_is_left(clock: Monotonic) -> None:
    with deadline.within(1):
        assert deadline.socket_timeout() == deadline.SOCKET_TIMEOUT
        clock.time += 0.75
        assert deadline.socket_timeout() == 0.25
        clock.time += 1
        # A time-out of 0 would make the socket non-blocking.
        assert 0 < deadline.socket_timeout() <= 0.01


def test_time_that_passes_in_a_pause_is_not_subtracted(clock: Monotonic) -> None:
    with deadline.within(4):
        clock.time += 1
        with deadline.paused():
            clock.time += 10
        assert deadline.left() == 3
        clock.time += 1
        assert deadline.left() == 2


def test_a_pause_that_ends_with_an_error_is_not_subtracted(clock: Monotonic) -> None:
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


def test_a_pause_inside_a_pause_counts_once(clock: Monotonic) -> None:
    with deadline.within(4):
        with deadline.paused():
            clock.time += 1
            with deadline.paused():
                clock.time += 10
        assert deadline.left() == 4


def test_another_deadline_in_a_pause_may_be_longer(clock: Monotonic) -> None:
    with deadline.within(4), deadline.paused(), deadline.within(10):
        assert deadline.left() == 10


def test_a_pause_has_no_deadline(clock: Monotonic) -> None:
    with deadline.within(4), deadline.paused():
        clock.time += 10
        assert deadline.left() == deadline.BUDGET


def test_a_pause_without_a_deadline_sets_none(clock: Monotonic) -> None:
    with deadline.paused():
        clock.time += 10
    clock.time += 10
    assert deadline.left() == deadline.BUDGET


def test_a_pause_moves_only_the_innermost_deadline(clock: Monotonic) -> None:
    with deadline.within(4):
        with deadline.within(2):
            with deadline.paused():
                clock.time += 1
            assert deadline.left() == 2
        assert deadline.left() == 3
    clock.time += 10
    assert deadline.left() == deadline.BUDGET


def test_a_pause_does_not_suspend_a_limit(clock: Monotonic) -> None:
    with deadline.limited(5), deadline.within(4):
        clock.time += 1
        with deadline.paused():
            assert deadline.left() == 4
            with deadline.within(10):
                assert deadline.left() == 4
            clock.time += 2
        assert deadline.left() == 2
    with deadline.paused():
        assert deadline.left() == deadline.BUDGET


def test_a_limit_does_not_extend_a_deadline(clock: Monotonic) -> None:
    with deadline.limited(60), deadline.within(4):
        assert deadline.left() == 4
        with deadline.paused():
            clock.time += 20
        assert deadline.left() == 4
