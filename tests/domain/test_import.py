"""The state of a secret that comes from another system: no code is good in both."""

from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.credential import Lifecycle, Status
from domain.errors import InvalidSecret
from domain.failures import DEFAULT_LOCKS, Failures
from domain.hotp import HotpCredential
from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from domain.totp import TotpCredential
from domain.verdict import Accepted, Reason, Rejected
from tests.domain.examples import ALGORITHM, SECRET, STEP, code_of, hotp, totp
from tests.support.fakes import NOON


def other_system_accepts(credential: TotpCredential, now: int) -> range:
    """Return the steps whose codes a system with the same window and the same drift accepts at a time."""
    center = now // credential.parameters.interval + credential.drift
    return range(center - credential.parameters.window, center + credential.parameters.window + 1)


@example(30, 1, 0, NOON, 0, 0, 0)
@example(30, 1, 0, NOON + 29, 0, 0, 1)
@example(30, 10, 20, NOON, 0, 0, 600)
@example(30, 0, -20, NOON, 0, 0, 0)
@given(
    interval=st.integers(15, 300),
    window=st.integers(0, 10),
    drift=st.integers(-20, 20),
    now=st.integers(NOON, NOON + 600),
    before=st.integers(0, 300),
    which=st.integers(0, 20),
    after=st.integers(0, 3600),
)
def test_no_code_that_another_system_can_have_accepted_is_accepted_after_the_import(
    interval: int, window: int, drift: int, now: int, before: int, which: int, after: int
) -> None:
    brought = totp(interval=interval, window=window, drift=drift).imported(now)
    steps = other_system_accepts(brought, now - before)
    step = steps[which % len(steps)]
    code = code_of(brought, step)
    # By chance, a later step can have the same digits.
    later = range(now // interval - 40, (now + after) // interval + 40)
    assume(not any(code_of(brought, other) == code for other in later if other != step))

    assert brought.judge(code, now + after, ALGORITHM, DEFAULT_LOCKS).verdict != Accepted()


@given(now=st.integers(NOON, NOON + 600), back=st.integers(0, 2000), after=st.integers(0, 600))
def test_no_code_of_a_time_up_to_the_import_is_accepted(now: int, back: int, after: int) -> None:
    brought = totp().imported(now)
    code = code_of(brought, now // 30 - back)
    assume(not any(code_of(brought, step) == code for step in range(now // 30 + 1, (now + after) // 30 + 2)))

    assert brought.judge(code, now + after, ALGORITHM, DEFAULT_LOCKS).verdict != Accepted()


@given(
    window=st.integers(0, 10),
    drift=st.integers(-20, 20),
    now=st.integers(NOON, NOON + 600),
)
def test_the_authenticator_is_accepted_as_soon_as_it_displays_a_later_code(window: int, drift: int, now: int) -> None:
    brought = totp(window=window, drift=drift).imported(now)
    displayed = now // 30 + window + max(0, drift) + 1
    time = (displayed - drift) * 30

    assert brought.judge(code_of(brought, displayed), time, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


def test_an_imported_credential_is_confirmed_but_was_never_used() -> None:
    brought = replace(totp(), lifecycle=Lifecycle.starting(NOON, 3600)).imported(NOON)

    assert brought.status is Status.CONFIRMED
    assert brought.lifecycle == Lifecycle(created_at=NOON, expires_at=NOON + 3600, confirmed_at=NOON)


def test_a_code_of_the_minute_of_the_import_is_a_replay_and_not_counted() -> None:
    brought = totp(failures=Failures(2)).imported(NOON)

    for step in (STEP - 1, STEP, STEP + 1):
        assert brought.judge(code_of(brought, step), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(
            Reason.REPLAYED, 3
        )


@given(counter=st.integers(1, 2**63 - 1), back=st.integers(1, 11))
def test_the_counters_before_the_imported_one_are_spent(counter: int, back: int) -> None:
    brought = hotp(counter, initial_counter=counter).imported(NOON)
    code = code_of(brought, max(0, counter - back))
    assume(not any(code_of(brought, fresh) == code for fresh in range(counter, counter + 11)))

    assert brought.judge(code, NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(Reason.REPLAYED, 5)


def test_the_imported_counter_is_good() -> None:
    brought = hotp(42, initial_counter=42).imported(NOON)

    assert brought.judge(code_of(brought, 42), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


def test_codes_that_another_system_spent_stay_spent_after_a_removal() -> None:
    left = hotp(42, initial_counter=42).imported(NOON).removed(NOON)

    assert left is not None
    again = hotp().after(left.former)
    assert isinstance(again, HotpCredential)
    assert again.counter == 42


def test_steps_that_another_system_spent_stay_spent_after_a_removal() -> None:
    left = totp().imported(NOON).removed(NOON)

    assert left is not None
    again = totp().after(left.former)
    assert again.judge(code_of(again, STEP + 1), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(Reason.REPLAYED, 5)


def test_credentials_with_the_same_codes_are_recognized() -> None:
    present = totp(STEP, drift=3, window=5)

    assert present.has_codes_of(totp())
    assert present.has_codes_of(totp(secret=SharedSecret(SECRET.key + bytes(5))))


@pytest.mark.parametrize(
    "other",
    [
        totp(secret=SharedSecret(bytes(range(20)))),
        totp(digits=8),
        totp(interval=60),
        totp(algorithm=HashAlgorithm.SHA256),
    ],
    ids=["secret", "digits", "interval", "hash"],
)
def test_credentials_with_other_codes_are_distinguished(other: TotpCredential) -> None:
    assert not totp().has_codes_of(other)


@given(st.binary(min_size=10, max_size=15))
def test_a_weak_secret_exists_only_if_the_caller_says_so(key: bytes) -> None:
    assert SharedSecret.accepting_weak(key) == SharedSecret(key, weak=True)
    with pytest.raises(InvalidSecret, match="must have 128 to 1024 bits"):
        SharedSecret(key)


@given(st.binary(max_size=9) | st.binary(min_size=129, max_size=140))
def test_a_secret_of_less_than_80_bits_or_more_than_1024_is_never_accepted(key: bytes) -> None:
    with pytest.raises(InvalidSecret, match="must have"):
        SharedSecret.accepting_weak(key)


@given(st.binary(min_size=16, max_size=128))
def test_a_strong_secret_is_never_weak(key: bytes) -> None:
    assert SharedSecret.accepting_weak(key) == SharedSecret(key)
    with pytest.raises(InvalidSecret):
        SharedSecret(key, weak=True)


@pytest.mark.parametrize(("letters", "weak"), [("A" * 16, True), ("A" * 24, True), ("A" * 26, False)])
def test_a_weak_secret_in_base32_is_read_only_if_the_caller_says_so(letters: str, weak: bool) -> None:
    assert SharedSecret.from_base32(letters, accept_weak=True).weak is weak
    if weak:
        with pytest.raises(InvalidSecret):
            SharedSecret.from_base32(letters)
