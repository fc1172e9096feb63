"""One-time codes: accepted once, until they expire, and invalidated by the fifth wrong code."""

from dataclasses import replace

import pytest

from domain.code import Code
from domain.errors import MalformedCode
from domain.failures import DEFAULT_LOCKS, Failures
from domain.one_time_code import OneTimeCode
from domain.outcome import RefusedOutcome
from domain.stored_state import Outcome
from domain.tombstone import Tombstone
from domain.verdict import Accepted, Reason, Rejected
from tests.domain.examples import ALGORITHM, one_time_code
from tests.support.fakes import NOON

GOOD, WRONG = Code("314159"), Code("271828")
END = NOON + 300


def submit(credential: OneTimeCode, code: Code, now: int = NOON) -> Outcome:
    return credential.judge(code, now, ALGORITHM, DEFAULT_LOCKS)


def spent() -> OneTimeCode:
    credential = submit(one_time_code(), GOOD).state
    assert isinstance(credential, OneTimeCode)
    return credential


@pytest.mark.parametrize("digits", ["314159", "0000000", "31415926", "314159265", "3141592653"])
def test_the_code_is_accepted(digits: str) -> None:
    assert submit(one_time_code(digits), Code(digits)).verdict == Accepted()


def test_the_code_is_accepted_in_its_last_second() -> None:
    assert submit(one_time_code(), GOOD, END - 1).verdict == Accepted()


def test_the_code_expires_exactly_at_its_end() -> None:
    assert submit(one_time_code(), GOOD, END).verdict == Rejected(Reason.EXPIRED, 5)


def test_an_accepted_code_that_is_sent_again_is_a_replay() -> None:
    assert submit(spent(), GOOD).verdict == Rejected(Reason.REPLAYED, 5)


def test_a_replay_is_recognized_after_the_end_too() -> None:
    assert submit(spent(), GOOD, END + 1000).verdict == Rejected(Reason.REPLAYED, 5)


def test_a_replay_changes_nothing() -> None:
    credential = spent()

    assert submit(credential, GOOD).state is credential


def test_another_code_is_wrong_and_counted() -> None:
    outcome = submit(one_time_code(), WRONG)

    assert outcome == RefusedOutcome(Rejected(Reason.WRONG, 4), replace(one_time_code(), failures=Failures(1)))


def test_another_code_is_wrong_and_counted_after_the_valid_one_too() -> None:
    assert submit(spent(), WRONG).verdict == Rejected(Reason.WRONG, 4)


@pytest.mark.parametrize("code", [GOOD, WRONG])
def test_valid_and_wrong_codes_get_the_same_verdict_after_the_end(code: Code) -> None:
    assert submit(one_time_code(failures=Failures(2)), code, END).verdict == Rejected(Reason.EXPIRED, 3)


def test_nothing_is_counted_after_the_end() -> None:
    credential = one_time_code()

    assert submit(credential, WRONG, END).state is credential


def test_the_code_is_valid_after_the_fourth_wrong_code() -> None:
    credential = submit(one_time_code(failures=Failures(3)), WRONG).state

    assert credential.judge(GOOD, NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


def test_the_fifth_wrong_code_invalidates_the_code_and_leaves_a_lock() -> None:
    credential = one_time_code(failures=Failures(4))

    assert submit(credential, WRONG) == RefusedOutcome(
        Rejected(Reason.WRONG, 0),
        Tombstone(id=credential.id, failures=Failures(5, NOON + 30), expires_at=NOON + 3630),
    )


def test_one_wrong_code_invalidates_a_code_that_inherited_many_failures() -> None:
    assert isinstance(submit(one_time_code(failures=Failures(7)), WRONG).state, Tombstone)


def test_a_code_that_inherited_many_failures_is_accepted() -> None:
    assert submit(one_time_code(failures=Failures(7)), GOOD).verdict == Accepted()


@pytest.mark.parametrize("digits", ["31415", "3141590"])
def test_a_code_of_another_length_is_malformed(digits: str) -> None:
    with pytest.raises(MalformedCode):
        submit(one_time_code(), Code(digits))
