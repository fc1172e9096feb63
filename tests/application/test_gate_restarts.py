"""A process that keeps the state of the gate in memory accepts no code that a former process has accepted."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.gate import VerifyShared
from domain.code import Code
from domain.outcome import AcceptedOutcome
from domain.owner import Owner, OwnerKind
from domain.secret import SharedSecret
from tests.application.rig import Rig
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

KEY = b"12345678901234567890"
INTERVAL = 30
LONGEST = 60
"""Seconds after a start in which the gate may refuse every code."""

ADVANCES = st.tuples(st.just("advance"), st.sampled_from([1, 15, 29, 30, 31, 60, 61, 90]))
SENDINGS = st.tuples(st.just("send"), st.integers(-1, 1))
RESTARTS = st.tuples(st.just("restart"), st.just(0))


class Process:
    """The gate's use case in a process that has started at a time, with an empty memory."""

    def __init__(self, now: int) -> None:
        rig = Rig()
        self.clock = rig.clock
        self.clock.time = now
        owner = Owner(OwnerKind.GATE, "gate")
        self.shared = VerifyShared(rig.verify, rig.enrol, owner, SharedSecret(KEY), used_before=True)
        self.shared.enrol()

    def step(self) -> int:
        return self.clock.now() // INTERVAL

    def accepts(self, step: int) -> bool:
        return isinstance(self.shared.execute(Code(hotp_value(KEY, step))), AcceptedOutcome)


@given(offset=st.integers(0, INTERVAL - 1), actions=st.lists(ADVANCES | SENDINGS | RESTARTS, max_size=60))
def test_no_sequence_of_restarts_lets_a_code_be_accepted_twice(offset: int, actions: list[tuple[str, int]]) -> None:
    process = Process(NOON + offset)
    accepted: Counter[int] = Counter()
    for action, number in actions:
        if action == "advance":
            process.clock.advance(number)
        elif action == "restart":
            process = Process(process.clock.now())
        else:
            step = process.step() + number
            accepted[step] += process.accepts(step)

    assert max(accepted.values(), default=0) <= 1


@pytest.mark.parametrize("pause", [0, 1, 29, 30, 31, 59, 60, 89, 90])
@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_code_stays_spent_however_long_the_restart_takes(ahead: int, pause: int) -> None:
    before = Process(NOON)
    before.clock.advance(LONGEST + INTERVAL)
    step = before.step() + ahead
    assert before.accepts(step)

    after = Process(before.clock.now() + pause)

    for _ in range(LONGEST + INTERVAL):
        assert not after.accepts(step)
        after.clock.advance(1)


@given(offset=st.integers(0, INTERVAL - 1))
def test_a_code_is_accepted_within_a_minute_after_a_start(offset: int) -> None:
    process = Process(NOON + offset)
    while not process.accepts(process.step()):
        assert process.clock.now() - NOON - offset < LONGEST
        process.clock.advance(1)

    assert process.clock.now() - NOON - offset > INTERVAL
