"""The states of the circuit breaker, with a clock that moves only when the breaker sleeps."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TimeoutError,
)

from infrastructure.network import deadline
from infrastructure.network.circuit_breaker import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    CircuitBreaker,
    State,
    TooManyCallers,
)
from infrastructure.redis.client.error_kinds import ERRORS

SLOTS = 2
TRANSIENT: list[Exception] = [ConnectionError(), ReadOnlyError(), TimeoutError(), RedisClusterException()]
PERMANENT: list[Exception] = [AuthenticationError(), OutOfMemoryError(), ResponseError()]


class Rig:
    """A circuit breaker whose callers have `seconds` each.

    Attributes:
        pauses: the seconds between the attempts of the current caller.
        failures: the errors that the breaker reported.
    """

    def __init__(self, seconds: float = 4.0, jitter: float = 1.0) -> None:
        self.slots = threading.BoundedSemaphore(SLOTS)
        self.seconds = seconds
        self.pauses: list[float] = []
        self.failures: list[Exception] = []
        self.breaker = CircuitBreaker(ERRORS, self.slots, sleep=self._sleep, left=self._left, jitter=lambda: jitter)
        self._now = 0.0
        self._end = seconds

    def call(self, *outcomes: Exception | str, cost: float = 0.0) -> object:
        """Call an operation that takes `cost` seconds and has these outcomes, the last of them again and again."""
        remaining = list(outcomes)

        def operation() -> str:
            self._now += cost
            outcome = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            if isinstance(outcome, str):
                return outcome
            raise outcome

        return self.run(operation)

    def run(self, operation: Callable[[], str]) -> str:
        self._end, self.pauses = self._now + self.seconds, []
        return self.breaker.call(operation, self.failures.append)

    def fail(self, error: Exception, cost: float = 0.0) -> None:
        with pytest.raises(type(error)):
            self.call(error, cost=cost)

    def free_slots(self) -> int:
        taken = 0
        while self.slots.acquire(blocking=False):
            taken += 1
        for _ in range(taken):
            self.slots.release()
        return taken

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._now += seconds

    def _left(self) -> float:
        return max(0.0, self._end - self._now)


def test_a_circuit_is_closed_at_first() -> None:
    rig = Rig()
    assert rig.breaker.state is State.CLOSED
    assert not rig.breaker.refuses
    assert rig.call("result") == "result"


@pytest.mark.parametrize("error", [ConnectionError(), ReadOnlyError()])
def test_one_failure_leaves_the_circuit_closed(error: Exception) -> None:
    rig = Rig()
    states: list[State] = []
    outcomes = iter([error])

    def operation() -> str:
        states.append(rig.breaker.state)
        for outcome in outcomes:
            raise outcome
        return "result"

    assert rig.run(operation) == "result"
    assert states == [State.CLOSED, State.CLOSED]
    assert rig.failures == [error]


@pytest.mark.parametrize("failures", [[TimeoutError()], [ConnectionError(), ConnectionError()]])
def test_a_time_out_or_a_second_failure_raises_suspicion(failures: list[Exception]) -> None:
    rig = Rig()
    remaining = list(failures)
    states: list[State] = []

    def operation() -> str:
        states.append(rig.breaker.state)
        if remaining:
            raise remaining.pop(0)
        assert rig.free_slots() == SLOTS - 1
        return "result"

    assert rig.run(operation) == "result"
    assert states == [State.CLOSED] * len(failures) + [State.SUSPECTED]
    assert rig.breaker.state is State.CLOSED
    assert rig.free_slots() == SLOTS


@pytest.mark.parametrize("error", TRANSIENT)
def test_a_caller_without_time_opens_the_circuit(error: Exception) -> None:
    rig = Rig()
    rig.fail(error)
    assert rig.breaker.state is State.OPEN
    assert rig.breaker.refuses
    assert rig.free_slots() == SLOTS


def test_a_caller_of_an_open_circuit_tries_once() -> None:
    rig = Rig()
    rig.fail(ConnectionError())
    rig.failures.clear()
    rig.fail(ConnectionError())
    assert len(rig.failures) == 1
    assert rig.pauses == []


def test_the_first_success_closes_the_circuit() -> None:
    rig = Rig()
    rig.fail(ConnectionError())
    assert rig.call("result") == "result"
    assert rig.breaker.state is State.CLOSED
    assert not rig.breaker.refuses


@pytest.mark.parametrize("is_open", [False, True])
def test_a_limited_number_of_callers_may_retry(*, is_open: bool) -> None:
    rig = Rig()
    if is_open:
        rig.fail(ConnectionError())

    def nest(depth: int) -> Callable[[], str]:
        """Return an operation during which another caller calls."""

        def nested() -> str:
            if rig.breaker.state is State.CLOSED:
                raise TimeoutError
            if depth == SLOTS:
                assert rig.free_slots() == 0
                with pytest.raises(TooManyCallers):
                    rig.call("result")
                return "result"
            rig.run(nest(depth + 1))
            return "result"

        return nested

    assert rig.run(nest(1)) == "result"
    assert rig.free_slots() == SLOTS


@pytest.mark.parametrize("error", PERMANENT)
def test_a_permanent_error_is_not_retried(error: Exception) -> None:
    rig = Rig()
    rig.fail(error)
    assert rig.pauses == []
    assert rig.failures == []
    assert rig.breaker.state is State.CLOSED
    assert rig.breaker.refuses


def test_the_last_time_out_does_not_hide_an_error_that_explains_more() -> None:
    rig = Rig()
    with pytest.raises(ConnectionError):
        rig.call(ConnectionError(), TimeoutError(), cost=0.5)


def test_the_error_keeps_its_own_context() -> None:
    """The context has the cause, such as the name that does not resolve."""
    rig = Rig()
    cause = OSError("the cause")

    def operation() -> str:
        if not rig.failures:
            try:
                raise cause
            except OSError:
                raise ConnectionError from None
        raise TimeoutError

    with pytest.raises(ConnectionError) as raised:
        rig.run(operation)
    assert raised.value.__context__ is cause


@given(st.floats(0, 1))
def test_pauses_grow_until_the_longest_one(jitter: float) -> None:
    rig = Rig(jitter=jitter)
    rig.fail(ConnectionError())
    full = [min(LONGEST_PAUSE, FIRST_PAUSE * 2**number) for number in range(len(rig.pauses))]
    assert rig.pauses == pytest.approx([each * (0.5 + jitter / 2) for each in full])
    assert sum(rig.pauses) <= rig.seconds


def test_a_caller_never_sleeps_beyond_its_deadline() -> None:
    rig = Rig(seconds=1.0)
    rig.fail(TimeoutError(), cost=0.49)
    assert len(rig.failures) == 2
    assert sum(rig.pauses) + 2 * 0.49 <= 1.0


def test_the_deadline_covers_all_attempts() -> None:
    rig = Rig()
    left: list[float] = []

    def operation() -> str:
        left.append(deadline.left())
        return "result"

    rig.run(operation)
    rig.fail(ConnectionError())
    rig.run(operation)
    assert left[0] == pytest.approx(deadline.BUDGET, abs=0.5)
    assert left[1] == pytest.approx(1.5, abs=0.5)


@given(st.lists(st.lists(st.sampled_from([*TRANSIENT, *PERMANENT, "result"]), min_size=1, max_size=5), max_size=8))
def test_after_every_call_the_state_follows_from_its_last_outcome(calls: list[list[Exception | str]]) -> None:
    rig = Rig()
    for outcomes in calls:
        try:
            rig.call(*outcomes)
        except ERRORS.all as error:
            # A permanent error says nothing about the server's health, so the state stays as it was.
            assert rig.breaker.refuses
            if ERRORS.is_transient(error):
                assert rig.breaker.state is State.OPEN
        else:
            assert rig.breaker.state is State.CLOSED
            assert not rig.breaker.refuses
        assert rig.free_slots() == SLOTS
