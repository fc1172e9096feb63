"""A spent code stays refused when its secret is enrolled again."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.credential import Lifecycle
from domain.errors import InvalidSecret, InvalidValue
from domain.failures import DEFAULT_LOCKS, NO_FAILURES, Failures
from domain.former_secret import FORMER_SECRETS, FormerSecret, merged
from domain.hotp import HotpCredential
from domain.parameters import HashAlgorithm
from domain.secret import Derivation, SharedSecret
from domain.secret_credential import SecretCredential
from domain.tombstone import REMEMBERED_AFTER_REMOVAL, Tombstone
from domain.totp import TotpCredential
from domain.verdict import Accepted, Reason, Rejected
from tests.domain.examples import ALGORITHM, BOB, SECRET, STEP, code_of, hotp, totp
from tests.support.fakes import NOON

OTHER = SharedSecret(b"another secret of 160 b.")


def left_by(credential: SecretCredential, now: int = NOON) -> Tombstone | None:
    return credential.removed(now)


def enrolled_after(left: Tombstone | None, credential: SecretCredential) -> SecretCredential:
    return credential if left is None else credential.after(left.former)


def test_a_spent_step_stays_spent_when_its_secret_is_enrolled_again() -> None:
    again = enrolled_after(left_by(totp(STEP)), totp())

    assert again.judge(code_of(again, STEP), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(Reason.REPLAYED, 5)
    assert again.judge(code_of(again, STEP + 1), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


def test_spent_counters_stay_spent_when_their_secret_is_enrolled_again() -> None:
    again = enrolled_after(left_by(hotp(5)), hotp())

    assert again.judge(code_of(again, 4), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(Reason.REPLAYED, 5)
    assert again.judge(code_of(again, 5), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


def test_a_later_initial_counter_is_kept() -> None:
    again = enrolled_after(left_by(hotp(5)), hotp(9, initial_counter=9))

    assert isinstance(again, HotpCredential)
    assert again.counter == 9


@pytest.mark.parametrize(
    ("removed", "enrolled"),
    [
        (totp(STEP), totp(secret=OTHER)),
        (totp(STEP), totp(interval=60)),
        (totp(STEP), totp(algorithm=HashAlgorithm.SHA256)),
        (hotp(5), hotp(secret=OTHER)),
        (hotp(5), hotp(algorithm=HashAlgorithm.SHA256)),
    ],
    ids=["secret", "interval", "hash", "counter's secret", "counter's hash"],
)
def test_other_codes_are_not_spent(removed: SecretCredential, enrolled: SecretCredential) -> None:
    assert enrolled_after(left_by(removed), enrolled) == enrolled


def same_codes(algorithm: HashAlgorithm) -> list[tuple[bytes, bytes]]:
    """Pairs of keys that have the same HMACs (RFC 2104, section 2)."""
    name = algorithm.value.lower()
    longer = bytes(range(1, 1 + (128 if algorithm is HashAlgorithm.SHA512 else 65)))
    pairs = [(SECRET.key, SECRET.key + bytes(5)), (SECRET.key + bytes(1), SECRET.key + bytes(44))]
    if algorithm is not HashAlgorithm.SHA512:
        pairs.append((longer, hashlib.new(name, longer).digest()))
    return [*pairs, *((other, one) for one, other in pairs)]


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("make", [totp, hotp], ids=["totp", "hotp"])
def test_another_form_of_the_same_key_has_the_same_spent_codes(
    make: Callable[..., SecretCredential], algorithm: HashAlgorithm
) -> None:
    for one, other in same_codes(algorithm):
        assert hmac.digest(one, b"x", algorithm.value) == hmac.digest(other, b"x", algorithm.value)
        spent = make(STEP, secret=SharedSecret(one), algorithm=algorithm)
        again = enrolled_after(left_by(spent), make(secret=SharedSecret(other), algorithm=algorithm))
        last = spent.as_former()
        assert last is not None

        assert again.judge(code_of(again, last.last), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(
            Reason.REPLAYED, 5
        )


@pytest.mark.parametrize("make", [totp, hotp], ids=["totp", "hotp"])
def test_another_form_of_the_current_key_is_no_replacement(make: Callable[..., SecretCredential]) -> None:
    life = Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON)
    present = replace(make(STEP), lifecycle=life)

    with pytest.raises(InvalidSecret):
        present.with_replacement(make(secret=SharedSecret(SECRET.key + bytes(5))), NOON)


def test_fewer_digits_of_the_same_value_are_the_same_code() -> None:
    again = enrolled_after(left_by(totp(STEP, digits=8)), totp(digits=6))

    assert again.judge(code_of(again, STEP), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(Reason.REPLAYED, 5)


@pytest.mark.parametrize("never_used", [totp(), hotp(), hotp(7, initial_counter=7)], ids=["totp", "hotp", "hotp at 7"])
def test_a_removed_secret_without_an_accepted_code_is_not_remembered(never_used: SecretCredential) -> None:
    assert left_by(never_used) is None


def test_a_removed_derived_secret_is_not_remembered() -> None:
    derived = SharedSecret(SECRET.key, Derivation(bytes(16), bytes(8)))

    assert left_by(totp(STEP, secret=derived)) is None


def test_a_time_step_is_remembered_until_time_itself_refuses_it() -> None:
    left = left_by(totp(STEP, interval=300), NOON)

    assert left is not None
    assert left.expires_at == (STEP + 31) * 300


@example(30, 10, -20, STEP)
@given(st.integers(15, 300), st.integers(0, 10), st.integers(-20, 20), st.integers(0, 2**30))
def test_no_forgotten_step_can_be_accepted(interval: int, window: int, drift: int, last: int) -> None:
    """The credential that has the secret at that time may have any window and any drift."""
    until = FormerSecret(bytes(8), last, interval).until
    assert until is not None
    credential = totp(interval=interval, window=window, drift=drift)

    verdict = credential.judge(code_of(credential, last), until, ALGORITHM, DEFAULT_LOCKS).verdict

    assert verdict == Rejected(Reason.WRONG, 4) or code_of(credential, last) in [
        code_of(credential, step) for step in range(last + 1, last + 64)
    ]


def test_a_counter_is_remembered_without_end() -> None:
    left = left_by(hotp(5))

    assert left is not None
    assert left.expires_at is None


def test_the_counter_of_a_session_is_remembered_until_the_session_ends() -> None:
    left = left_by(replace(hotp(5), lifecycle=Lifecycle(created_at=NOON, expires_at=NOON + 7200)))

    assert left is not None
    assert left.expires_at == NOON + 7200


def test_failures_are_forgotten_before_a_counter() -> None:
    left = left_by(hotp(5, failures=Failures(5, NOON + 30)))

    assert left is not None
    assert left.at(NOON + 30 + REMEMBERED_AFTER_REMOVAL - 1) == left
    assert left.at(NOON + 30 + REMEMBERED_AFTER_REMOVAL) == replace(left, failures=NO_FAILURES)


def test_a_swap_remembers_the_secret_that_it_replaces() -> None:
    first = replace(totp(STEP), lifecycle=Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON))
    both = first.with_replacement(totp(secret=OTHER), NOON)

    second = both.judge_replacement(code_of(totp(secret=OTHER), STEP), NOON, ALGORITHM, DEFAULT_LOCKS).state

    assert isinstance(second, TotpCredential)
    again = totp().after(second.former)
    assert again.judge(code_of(again, STEP), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Rejected(Reason.REPLAYED, 5)


def entries(lasts: Sequence[tuple[int, int]]) -> list[FormerSecret]:
    return [FormerSecret(bytes([number]) * 8, last) for number, last in lasts]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=12))
def test_merging_keeps_the_newest_secrets_and_the_last_moving_factor_of_each(lasts: list[tuple[int, int]]) -> None:
    furthest = {number: max(last for other, last in lasts if other == number) for number, _ in lasts}
    newest = list(dict.fromkeys(number for number, _ in lasts))[:FORMER_SECRETS]

    assert list(merged(entries(lasts), NOON)) == entries([(number, furthest[number]) for number in newest])


def test_digests_of_the_same_secret_differ_between_owners() -> None:
    bobs = replace(totp(STEP), id=replace(totp().id, owner=BOB))

    assert bobs.digest != totp(STEP).digest


@pytest.mark.parametrize(("digest", "last", "interval"), [(bytes(7), 0, None), (bytes(8), -1, None), (bytes(8), 0, 0)])
def test_an_impossible_entry_is_refused(digest: bytes, last: int, interval: int | None) -> None:
    with pytest.raises(InvalidValue):
        FormerSecret(digest, last, interval)
