"""HOTP: the effects of codes on the counter."""

from dataclasses import replace

import pytest

from domain.code import Code
from domain.failures import DEFAULT_LOCKS, Failures
from domain.hotp import HotpCredential
from domain.secret import SharedSecret
from domain.stored_state import Outcome
from domain.verdict import Accepted, Reason, Rejected
from tests.domain.examples import ALGORITHM, code_of, hotp, wrong_codes
from tests.support.fakes import NOON

LARGEST_COUNTER = 2**63 - 1
# Secrets whose 6-digit codes collide: counters 3 and 9 of the first, 5 and 14 of the second have the same code.
COLLIDING = SharedSecret(b"colliding secret 0295642")
COLLIDING_FURTHER = SharedSecret(b"colliding secret 0218118")


def submit(credential: HotpCredential, counter: int) -> Outcome:
    return credential.judge(code_of(credential, counter), NOON, ALGORITHM, DEFAULT_LOCKS)


def resynchronize(credential: HotpCredential, first: int, second: int) -> Outcome:
    return credential.resynchronize(
        code_of(credential, first), code_of(credential, second), NOON, ALGORITHM, DEFAULT_LOCKS
    )


def rejected(reason: Reason, attempts_left: int = 5) -> Rejected:
    return Rejected(reason, attempts_left)


@pytest.mark.parametrize("look_ahead", [0, 1, 10, 50])
def test_the_next_code_is_accepted(look_ahead: int) -> None:
    assert submit(hotp(7, look_ahead=look_ahead), 7).verdict == Accepted()


@pytest.mark.parametrize("look_ahead", [0, 1, 10, 50])
def test_the_last_code_of_the_look_ahead_is_accepted(look_ahead: int) -> None:
    assert submit(hotp(7, look_ahead=look_ahead), 7 + look_ahead).verdict == Accepted()


@pytest.mark.parametrize("look_ahead", [0, 1, 10, 50])
def test_the_first_code_after_the_look_ahead_is_wrong(look_ahead: int) -> None:
    assert submit(hotp(7, look_ahead=look_ahead), 8 + look_ahead).verdict == rejected(Reason.WRONG, 4)


@pytest.mark.parametrize("ahead", [0, 1, 9, 10])
def test_an_accepted_code_moves_the_counter_past_its_own(ahead: int) -> None:
    assert submit(hotp(7), 7 + ahead).state.counter == 8 + ahead


def test_a_code_of_a_spent_counter_is_a_replay() -> None:
    assert submit(submit(hotp(7), 7).state, 7).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("skipped", [7, 8, 11])
def test_a_code_of_a_skipped_counter_is_a_replay(skipped: int) -> None:
    assert submit(submit(hotp(7), 12).state, skipped).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize(("look_ahead", "look_back"), [(0, 11), (10, 11), (50, 51)])
def test_replays_are_recognized_as_far_back_as_a_double_click_reaches(look_ahead: int, look_back: int) -> None:
    assert submit(hotp(200, look_ahead=look_ahead), 200 - look_back).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("counter", [89, 95, 99])
def test_a_code_below_the_initial_counter_was_never_spent_and_is_wrong(counter: int) -> None:
    assert submit(hotp(100, initial_counter=100), counter).verdict == rejected(Reason.WRONG, 4)


def test_a_replay_changes_nothing() -> None:
    credential = hotp(7, failures=Failures(3))

    assert submit(credential, 6).state is credential


def test_a_wrong_code_does_not_change_the_counter() -> None:
    credential = hotp(7)

    outcome = credential.judge(next(wrong_codes(credential, 7)), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.state == replace(credential, failures=Failures(1))


def test_the_first_of_two_counters_with_the_same_code_is_spent() -> None:
    assert submit(hotp(secret=COLLIDING), 3).state.counter == 4


@pytest.mark.parametrize(
    ("secret", "spent", "coming"), [(COLLIDING, 3, 9), (COLLIDING_FURTHER, 5, 14)], ids=["in reach", "out of reach"]
)
def test_a_spent_code_stays_a_replay_if_a_later_counter_has_the_same_digits(
    secret: SharedSecret, spent: int, coming: int
) -> None:
    credential = hotp(secret=secret)
    assert code_of(credential, spent) == code_of(credential, coming)

    again = submit(submit(credential, spent).state, spent)

    assert again.verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("below", [0, 1, 100])
def test_the_largest_initial_counters_work(below: int) -> None:
    first = LARGEST_COUNTER - below

    outcome = submit(hotp(first, initial_counter=first), first)

    assert (outcome.verdict, outcome.state.counter) == (Accepted(), first + 1)


def test_the_look_ahead_reaches_over_the_largest_initial_counter() -> None:
    credential = hotp(LARGEST_COUNTER, initial_counter=LARGEST_COUNTER)

    assert submit(credential, LARGEST_COUNTER + 10).verdict == Accepted()


@pytest.mark.parametrize("ahead", [0, 1, 11, 500, 999, 1000])
def test_resynchronization_finds_two_codes_whose_first_is_up_to_1000_counters_ahead(ahead: int) -> None:
    outcome = resynchronize(hotp(7), 7 + ahead, 8 + ahead)

    assert (outcome.verdict, outcome.state.counter) == (Accepted(), 9 + ahead)


def test_resynchronization_does_not_look_further_than_1000_counters_ahead() -> None:
    assert resynchronize(hotp(7), 1008, 1009).verdict == rejected(Reason.WRONG, 4)


@pytest.mark.parametrize(("first", "second"), [(20, 22), (21, 20), (20, 20)])
def test_codes_that_do_not_follow_each_other_are_a_wrong_pair(first: int, second: int) -> None:
    assert resynchronize(hotp(7), first, second).verdict == rejected(Reason.WRONG, 4)


def test_a_wrong_pair_does_not_change_the_counter() -> None:
    assert resynchronize(hotp(7), 20, 22).state == hotp(7, failures=Failures(1))


@pytest.mark.parametrize("spent", [20, 21])
def test_both_codes_of_a_pair_are_spent(spent: int) -> None:
    assert submit(resynchronize(hotp(7), 20, 21).state, spent).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("look_ahead", [0, 10])
def test_the_next_code_after_a_resynchronization_is_accepted(look_ahead: int) -> None:
    assert submit(resynchronize(hotp(7, look_ahead=look_ahead), 900, 901).state, 902).verdict == Accepted()


def test_a_pair_sent_twice_is_a_replay() -> None:
    assert resynchronize(resynchronize(hotp(7), 20, 21).state, 20, 21).verdict == rejected(Reason.REPLAYED)


def test_a_pair_whose_first_code_is_spent_is_a_replay() -> None:
    assert resynchronize(hotp(7), 6, 7).verdict == rejected(Reason.REPLAYED)


def test_a_pair_below_the_initial_counter_is_wrong() -> None:
    assert resynchronize(hotp(100, initial_counter=100), 98, 99).verdict == rejected(Reason.WRONG, 4)


def test_a_pair_across_the_initial_counter_is_wrong() -> None:
    assert resynchronize(hotp(100, initial_counter=100), 99, 100).verdict == rejected(Reason.WRONG, 4)


def test_resynchronization_works_at_the_largest_initial_counter() -> None:
    credential = hotp(LARGEST_COUNTER, initial_counter=LARGEST_COUNTER)

    assert resynchronize(credential, LARGEST_COUNTER + 1000, LARGEST_COUNTER + 1001).verdict == Accepted()


def test_a_wrong_first_code_is_no_pair() -> None:
    credential = hotp(7)

    outcome = credential.resynchronize(
        next(wrong_codes(credential, 7)), code_of(credential, 8), NOON, ALGORITHM, DEFAULT_LOCKS
    )

    assert outcome.verdict == rejected(Reason.WRONG, 4)


def test_codes_of_another_secret_are_wrong() -> None:
    code = code_of(hotp(secret=SharedSecret(b"another secret of 160 b.")), 7)

    assert hotp(7).judge(Code(code.text), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == rejected(Reason.WRONG, 4)
