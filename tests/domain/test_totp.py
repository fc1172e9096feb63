"""TOTP: the effects of codes on the last accepted time step."""

from dataclasses import replace

import pytest

from domain.failures import DEFAULT_LOCKS, Failures
from domain.secret import SharedSecret
from domain.stored_state import Outcome
from domain.totp import TotpCredential
from domain.verdict import Accepted, Reason, Rejected
from tests.domain.examples import ALGORITHM, STEP, code_of, totp, wrong_codes
from tests.support.fakes import NOON

# The steps before and after noon have the same 6-digit code.
COLLIDING = SharedSecret((3_196_505).to_bytes(20, "big"))


def submit(credential: TotpCredential, step: int, now: int = NOON) -> Outcome:
    return credential.judge(code_of(credential, step), now, ALGORITHM, DEFAULT_LOCKS)


def resynchronize(credential: TotpCredential, first: int, second: int, now: int = NOON) -> Outcome:
    return credential.resynchronize(
        code_of(credential, first), code_of(credential, second), now, ALGORITHM, DEFAULT_LOCKS
    )


def rejected(reason: Reason, attempts_left: int = 5) -> Rejected:
    return Rejected(reason, attempts_left)


@pytest.mark.parametrize("window", [0, 1, 10])
@pytest.mark.parametrize("side", [-1, 0, 1])
def test_the_steps_at_the_edges_of_the_window_are_accepted(window: int, side: int) -> None:
    assert submit(totp(window=window), STEP + side * window).verdict == Accepted()


@pytest.mark.parametrize("window", [0, 1, 10])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_steps_next_to_the_window_are_wrong(window: int, side: int) -> None:
    assert submit(totp(window=window), STEP + side * (window + 1)).verdict == rejected(Reason.WRONG, 4)


@pytest.mark.parametrize("second", [0, 1, 29])
def test_a_step_lasts_until_its_last_second(second: int) -> None:
    assert submit(totp(window=0), STEP, NOON + second).verdict == Accepted()


@pytest.mark.parametrize("second", [-1, 30])
def test_a_step_is_over_at_the_first_second_of_the_next(second: int) -> None:
    assert submit(totp(window=0), STEP, NOON + second).verdict == rejected(Reason.WRONG, 4)


@pytest.mark.parametrize("interval", [15, 60, 300])
def test_steps_last_as_long_as_the_interval(interval: int) -> None:
    credential = totp(interval=interval, window=0)

    assert submit(credential, NOON // interval, NOON + interval - 1).verdict == Accepted()


@pytest.mark.parametrize("now", [0, 29, 30])
def test_the_window_does_not_reach_below_the_epoch(now: int) -> None:
    assert submit(totp(window=10), 0, now).verdict == Accepted()


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_an_accepted_step_is_remembered(off: int) -> None:
    assert submit(totp(), STEP + off).state.last_step == STEP + off


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_an_accepted_code_that_is_sent_again_is_a_replay(off: int) -> None:
    assert submit(submit(totp(), STEP + off).state, STEP + off).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("earlier", [1, 2, 5, 20])
def test_an_accepted_step_spends_the_earlier_ones_in_the_window(earlier: int) -> None:
    assert submit(totp(STEP + 10, window=10), STEP + 10 - earlier).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("seconds", [60, 90, 3600, 10**8])
def test_the_last_accepted_code_is_a_replay_at_any_later_time(seconds: int) -> None:
    assert submit(totp(STEP), STEP, NOON + seconds).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize(("window", "before"), [(0, 0), (0, 1), (1, 1), (1, 2), (10, 20)])
def test_codes_in_the_window_of_the_last_one_are_replays_at_any_later_time(window: int, before: int) -> None:
    assert submit(totp(STEP, window=window), STEP - before, NOON + 3600).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize(("window", "before"), [(0, 2), (1, 3), (10, 21)])
def test_codes_before_the_window_of_the_last_one_are_wrong(window: int, before: int) -> None:
    assert submit(totp(STEP, window=window), STEP - before, NOON + 3600).verdict == rejected(Reason.WRONG, 4)


def test_an_old_code_is_no_replay_if_none_was_accepted() -> None:
    assert submit(totp(), STEP - 2).verdict == rejected(Reason.WRONG, 4)


def test_a_replay_changes_nothing() -> None:
    credential = totp(STEP, failures=Failures(3))

    assert submit(credential, STEP).state is credential


def test_a_later_step_in_the_window_is_accepted_after_an_earlier_one() -> None:
    assert submit(totp(STEP), STEP + 1).verdict == Accepted()


def test_nothing_spent_is_accepted_when_the_clock_goes_back() -> None:
    assert submit(totp(STEP), STEP, NOON - 30).verdict == rejected(Reason.REPLAYED)


def test_a_step_below_the_last_one_stays_spent_when_the_clock_goes_far_back() -> None:
    assert submit(totp(STEP), STEP - 100, NOON - 3000).verdict == rejected(Reason.REPLAYED)


def test_a_wrong_code_does_not_change_the_last_step() -> None:
    credential = totp(STEP - 5)

    outcome = credential.judge(next(wrong_codes(credential, STEP)), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.state == replace(credential, failures=Failures(1))


def test_the_first_of_two_steps_with_the_same_code_is_spent() -> None:
    assert submit(totp(secret=COLLIDING), STEP + 1).state.last_step == STEP - 1


def test_a_spent_code_stays_a_replay_if_a_later_step_in_the_window_has_the_same_digits() -> None:
    credential = totp(secret=COLLIDING)
    assert code_of(credential, STEP - 1) == code_of(credential, STEP + 1)

    again = submit(submit(credential, STEP - 1).state, STEP + 1)

    assert again.verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("off", [-20, -19, -1, 0, 1, 19, 20])
def test_resynchronization_finds_an_authenticator_up_to_20_steps_off(off: int) -> None:
    outcome = resynchronize(totp(), STEP + off - 1, STEP + off)

    assert (outcome.verdict, outcome.state.drift) == (Accepted(), off)


@pytest.mark.parametrize("off", [-21, 21])
def test_resynchronization_does_not_look_further_than_20_steps_either_way(off: int) -> None:
    assert resynchronize(totp(), STEP + off - 1, STEP + off).verdict == rejected(Reason.WRONG, 4)


@pytest.mark.parametrize(("first", "second"), [(5, 7), (7, 6), (6, 6)])
def test_codes_that_do_not_follow_each_other_are_a_wrong_pair(first: int, second: int) -> None:
    assert resynchronize(totp(), STEP + first, STEP + second).verdict == rejected(Reason.WRONG, 4)


def test_a_wrong_pair_changes_neither_step_nor_drift() -> None:
    assert resynchronize(totp(STEP, drift=2), STEP + 5, STEP + 7).state == totp(STEP, drift=2, failures=Failures(1))


@pytest.mark.parametrize("window", [0, 1])
@pytest.mark.parametrize("off", [-20, 0, 20])
def test_the_next_code_after_a_resynchronization_is_accepted_when_its_time_comes(window: int, off: int) -> None:
    credential = resynchronize(totp(window=window), STEP + off - 1, STEP + off).state

    assert submit(credential, STEP + off + 1, NOON + 30).verdict == Accepted()


def test_the_next_code_after_a_resynchronization_is_accepted_at_once_within_the_window() -> None:
    credential = resynchronize(totp(window=1), STEP + 6, STEP + 7).state

    assert submit(credential, STEP + 8).verdict == Accepted()


@pytest.mark.parametrize("spent", [11, 12])
def test_both_codes_of_a_pair_are_spent(spent: int) -> None:
    credential = resynchronize(totp(window=0), STEP + 11, STEP + 12).state

    assert submit(credential, STEP + spent).verdict == rejected(Reason.REPLAYED)


def test_a_pair_sent_twice_is_a_replay() -> None:
    credential = resynchronize(totp(), STEP + 11, STEP + 12).state

    assert resynchronize(credential, STEP + 11, STEP + 12).verdict == rejected(Reason.REPLAYED)


def test_a_pair_whose_first_code_is_spent_is_a_replay() -> None:
    assert resynchronize(totp(STEP), STEP, STEP + 1).verdict == rejected(Reason.REPLAYED)


def test_a_pair_of_an_authenticator_that_went_back_is_a_replay() -> None:
    assert resynchronize(totp(STEP), STEP - 15, STEP - 14).verdict == rejected(Reason.REPLAYED)


@pytest.mark.parametrize("drift", [-20, -3, 4, 20])
def test_the_drift_is_remembered_for_later_codes(drift: int) -> None:
    later = NOON + 30 * 100

    assert submit(totp(STEP + drift, drift=drift, window=0), STEP + 100 + drift, later).verdict == Accepted()


def test_the_window_is_centred_on_the_drift_instead_of_the_services_clock() -> None:
    assert submit(totp(drift=7), STEP).verdict == rejected(Reason.WRONG, 4)


def test_an_accepted_code_does_not_change_the_drift() -> None:
    assert submit(totp(drift=7), STEP + 8).state.drift == 7


def test_a_second_resynchronization_is_measured_from_our_own_clock() -> None:
    assert resynchronize(totp(drift=20), STEP - 21, STEP - 20).state.drift == -20


def test_resynchronization_does_not_reach_below_the_epoch() -> None:
    assert resynchronize(totp(), 0, 1, now=0).state.last_step == 1
