"""A replacement: a new secret that replaces the confirmed one with its first accepted code."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.code import Code
from domain.credential import Lifecycle
from domain.errors import AlreadyEnrolled, InvalidValue, MalformedCode, NotEnrolled
from domain.failures import DEFAULT_LOCKS, NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.stored_state import Outcome
from domain.totp import TotpCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.domain.examples import ALGORITHM, STEP, code_of, hotp, totp, wrong_codes
from tests.support.fakes import NOON

OTHER = SharedSecret(b"09876543210987654321")
LOCKED = Failures(5, NOON + 30)
END = NOON + 600
"""The time at which the replacement expires."""

Make = Callable[..., Any]
both = pytest.mark.parametrize("make", [hotp, totp])


def confirmed(make: Make, failures: Failures = NO_FAILURES) -> SecretCredential:
    credential: SecretCredential = make(failures=failures)
    life = Lifecycle(created_at=NOON - 100, expires_at=NOON + 5000, confirmed_at=NOON - 90, last_used_at=NOON - 50)
    return replace(credential, lifecycle=life)


def fresh(make: Make, **parameters: Any) -> SecretCredential:
    credential: SecretCredential = make(secret=OTHER, **parameters)
    return replace(credential, lifecycle=Lifecycle(created_at=NOON, expires_at=END))


def replacing(make: Make, failures: Failures = NO_FAILURES, **parameters: Any) -> SecretCredential:
    return confirmed(make, failures).with_replacement(fresh(make, **parameters), NOON)


def good(credential: SecretCredential, further: int = 0) -> Code:
    """Return the code that the authenticator displays at noon, or a later one."""
    return code_of(credential, (STEP if isinstance(credential, TotpCredential) else 0) + further)


def wrong(credential: SecretCredential) -> Code:
    return next(wrong_codes(credential, 0, STEP))


def submit(credential: SecretCredential, code: Code, now: int = NOON) -> Outcome:
    return credential.judge_replacement(code, now, ALGORITHM, DEFAULT_LOCKS)


def swapped(make: Make) -> SecretCredential:
    credential = submit(replacing(make), good(fresh(make)), NOON + 5).state
    assert isinstance(credential, SecretCredential)
    return credential


@both
def test_the_confirmed_secret_stays_valid(make: Make) -> None:
    outcome = replacing(make).judge(good(confirmed(make)), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.verdict == Accepted()


@both
def test_a_code_of_the_replacement_is_wrong_elsewhere(make: Make) -> None:
    outcome = replacing(make).judge(good(fresh(make)), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.verdict == Rejected(Reason.WRONG, 4)


@both
def test_an_accepted_code_of_the_current_secret_keeps_the_replacement(make: Make) -> None:
    after = replacing(make).judge(good(confirmed(make)), NOON, ALGORITHM, DEFAULT_LOCKS).state

    assert isinstance(after, SecretCredential)
    assert after.replacement == fresh(make)


@both
def test_a_wrong_code_keeps_the_replacement(make: Make) -> None:
    after = replacing(make).judge(wrong(confirmed(make)), NOON, ALGORITHM, DEFAULT_LOCKS).state

    assert isinstance(after, SecretCredential)
    assert after.replacement == fresh(make)


@both
def test_a_resynchronization_of_the_current_secret_keeps_the_replacement(make: Make) -> None:
    present = confirmed(make)

    outcome = replacing(make).resynchronize(good(present), good(present, 1), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.verdict == Accepted()
    assert isinstance(outcome.state, SecretCredential)
    assert outcome.state.replacement == fresh(make)


@both
def test_a_code_of_the_current_secret_does_not_confirm_the_replacement(make: Make) -> None:
    outcome = submit(replacing(make), good(confirmed(make)))

    assert outcome == RefusedOutcome(Rejected(Reason.WRONG, 4), replacing(make, Failures(1)))


@both
def test_the_first_code_of_the_replacement_swaps_the_two_in_one_state(make: Make) -> None:
    outcome = submit(replacing(make, Failures(4)), good(fresh(make)), NOON + 5)

    life = Lifecycle(created_at=NOON, expires_at=NOON + 5000, confirmed_at=NOON + 5, last_used_at=NOON + 5)
    spent: dict[str, Any] = {"counter": 1} if make is hotp else {"last_step": STEP}
    assert outcome == AcceptedOutcome(replace(fresh(make), lifecycle=life, **spent))


@both
def test_no_code_of_the_former_secret_is_valid_after_the_swap(make: Make) -> None:
    for further in (0, 1):
        outcome = swapped(make).judge(good(confirmed(make), further), NOON, ALGORITHM, DEFAULT_LOCKS)
        assert outcome.verdict == Rejected(Reason.WRONG, 4)


@both
def test_the_code_that_swapped_is_spent(make: Make) -> None:
    outcome = swapped(make).judge(good(fresh(make)), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.verdict == Rejected(Reason.REPLAYED, 5)


@both
def test_the_next_code_of_the_replacement_is_valid_after_the_swap(make: Make) -> None:
    assert swapped(make).judge(good(fresh(make), 1), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


@both
def test_nothing_remains_to_be_confirmed_after_the_swap(make: Make) -> None:
    with pytest.raises(NotEnrolled):
        submit(swapped(make), good(fresh(make), 1))


@both
def test_the_replacement_may_have_other_parameters(make: Make) -> None:
    after = submit(replacing(make, digits=8), good(fresh(make, digits=8))).state

    assert isinstance(after, SecretCredential)
    assert after.digits == 8


@both
@pytest.mark.parametrize("failures", [NO_FAILURES, LOCKED], ids=["free", "locked"])
def test_a_code_that_is_not_as_long_as_the_replacements_is_malformed(make: Make, failures: Failures) -> None:
    with pytest.raises(MalformedCode):
        submit(replacing(make, failures, digits=8), good(confirmed(make)))


@both
def test_wrong_codes_are_counted_on_the_factor_itself(make: Make) -> None:
    outcome = submit(replacing(make, Failures(2)), wrong(fresh(make)))

    assert outcome == RefusedOutcome(Rejected(Reason.WRONG, 2), replacing(make, Failures(3)))


@both
def test_the_fifth_wrong_code_locks_both_secrets(make: Make) -> None:
    locked = submit(replacing(make, Failures(4)), wrong(fresh(make))).state

    assert isinstance(locked, SecretCredential)
    assert submit(locked, good(fresh(make)), NOON + 29).verdict == Locked(NOON + 30)
    assert locked.judge(good(confirmed(make)), NOON + 29, ALGORITHM, DEFAULT_LOCKS).verdict == Locked(NOON + 30)


@both
def test_while_locked_nothing_is_judged_and_nothing_changes(make: Make) -> None:
    credential = replacing(make, LOCKED)

    outcome = submit(credential, good(fresh(make)))

    assert outcome.verdict == Locked(NOON + 30)
    assert outcome.state is credential


@both
def test_the_replacement_is_valid_in_the_second_in_which_the_lock_ends(make: Make) -> None:
    assert submit(replacing(make, Failures(5, NOON)), good(fresh(make))).verdict == Accepted()


@both
def test_a_replacement_is_valid_until_the_second_before_its_end(make: Make) -> None:
    assert replacing(make).unexpired_replacement(END - 1) == fresh(make)


@both
def test_an_expired_replacement_is_not_enrolled(make: Make) -> None:
    with pytest.raises(NotEnrolled):
        submit(replacing(make), good(fresh(make)), END)


@both
def test_without_a_replacement_nothing_can_be_confirmed(make: Make) -> None:
    with pytest.raises(NotEnrolled):
        submit(confirmed(make, LOCKED), good(confirmed(make)))


@both
def test_a_pending_credential_cannot_be_replaced(make: Make) -> None:
    with pytest.raises(AlreadyEnrolled):
        make().with_replacement(fresh(make), NOON)


@pytest.mark.parametrize(("present", "replacement"), [(hotp, totp), (totp, hotp)])
def test_a_replacement_of_another_factor_is_refused(present: Make, replacement: Make) -> None:
    with pytest.raises(InvalidValue, match="same factor"):
        confirmed(present).with_replacement(fresh(replacement), NOON)


@both
def test_an_unexpired_replacement_cannot_be_replaced(make: Make) -> None:
    with pytest.raises(AlreadyEnrolled):
        replacing(make).with_replacement(fresh(make), END - 1)


@both
def test_a_replacement_past_its_end_can_be_replaced(make: Make) -> None:
    another = replace(fresh(make), lifecycle=Lifecycle(created_at=END, expires_at=END + 600))

    assert replacing(make).with_replacement(another, END).unexpired_replacement(END) == another


@both
def test_a_replacement_does_not_change_the_failures(make: Make) -> None:
    assert replacing(make, LOCKED).failures == LOCKED


@both
def test_no_repr_shows_the_secret_of_a_replacement(make: Make) -> None:
    assert OTHER.key.decode() not in repr(replacing(make))


def test_a_hotp_replacement_starts_at_its_own_counter() -> None:
    after = submit(replacing(hotp, counter=700, initial_counter=700), code_of(fresh(hotp), 700)).state

    assert isinstance(after, HotpCredential)
    assert (after.counter, after.initial_counter) == (701, 700)
