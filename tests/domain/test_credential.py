"""Properties of all kinds of credentials."""

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import Code
from domain.credential import Credential, Lifecycle, Status
from domain.errors import MalformedCode, NotEnrolled
from domain.failures import DEFAULT_LOCKS, NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.secret import SharedSecret
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.domain.examples import ALGORITHM, STEP, code_of, hotp, one_time_code, totp, wrong_codes
from tests.domain.strategies import credentials
from tests.support.fakes import NOON

LOCKED = Failures(5, NOON + 30)
LATER = NOON + 10_000


def good(credential: Credential) -> Code:
    """Return the code to submit at noon."""
    match credential:
        case HotpCredential():
            return code_of(credential, credential.counter)
        case TotpCredential():
            return code_of(credential, STEP)
        case _:
            return Code("314159")


def wrong(credential: Credential) -> Code:
    match credential:
        case HotpCredential():
            return next(wrong_codes(credential, credential.counter))
        case TotpCredential():
            return next(wrong_codes(credential, STEP))
        case _:
            return Code("271828")


every_kind = pytest.mark.parametrize("make", [hotp, totp, one_time_code])
Make = Callable[..., Any]


@every_kind
def test_the_first_accepted_code_confirms(make: Make) -> None:
    credential = make()
    after = credential.judge(good(credential), NOON + 5, ALGORITHM, DEFAULT_LOCKS).state

    assert (credential.status, after.status) == (Status.PENDING, Status.CONFIRMED)
    assert after.lifecycle == Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON + 5, last_used_at=NOON + 5)


@pytest.mark.parametrize("make", [hotp, totp])
def test_later_accepted_codes_keep_the_time_of_confirmation(make: Make) -> None:
    used = Lifecycle(created_at=1, expires_at=NOON + 100, confirmed_at=2, last_used_at=3)
    credential = replace(make(), lifecycle=used)

    assert credential.judge(good(credential), NOON, ALGORITHM, DEFAULT_LOCKS).state.lifecycle == replace(
        used, last_used_at=NOON
    )


@every_kind
def test_a_wrong_code_does_not_confirm(make: Make) -> None:
    credential = make()

    assert credential.judge(wrong(credential), NOON, ALGORITHM, DEFAULT_LOCKS).state.status is Status.PENDING


@every_kind
@pytest.mark.parametrize("failures", [Failures(1), Failures(4), Failures(9, NOON)])
def test_an_accepted_code_clears_the_failures(make: Make, failures: Failures) -> None:
    credential = make(failures=failures)

    assert credential.judge(good(credential), NOON, ALGORITHM, DEFAULT_LOCKS).state.failures == NO_FAILURES


@every_kind
def test_wrong_codes_are_counted_one_by_one(make: Make) -> None:
    credential = make(failures=Failures(2))

    outcome = credential.judge(wrong(credential), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert (outcome.verdict, outcome.state.failures) == (Rejected(Reason.WRONG, 2), Failures(3))


@every_kind
def test_the_fifth_wrong_code_is_still_called_wrong_and_locks(make: Make) -> None:
    credential = make(failures=Failures(4))

    outcome = credential.judge(wrong(credential), NOON, ALGORITHM, DEFAULT_LOCKS)

    assert (outcome.verdict, outcome.state.failures) == (Rejected(Reason.WRONG, 0), LOCKED)


@every_kind
@pytest.mark.parametrize("choose", [good, wrong])
def test_while_locked_no_code_is_judged_and_nothing_changes(make: Make, choose: Callable[[Credential], Code]) -> None:
    credential = make(failures=LOCKED)

    outcome = credential.judge(choose(credential), NOON + 29, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.verdict == Locked(NOON + 30)
    assert outcome.state is credential


@every_kind
def test_a_valid_code_is_accepted_in_the_second_in_which_the_lock_ends(make: Make) -> None:
    credential = make(failures=Failures(5, NOON))

    assert credential.judge(good(credential), NOON, ALGORITHM, DEFAULT_LOCKS).verdict == Accepted()


@every_kind
def test_a_wrong_code_after_the_lock_locks_for_twice_as_long(make: Make) -> None:
    credential = make(failures=Failures(5, NOON))

    assert credential.judge(wrong(credential), NOON, ALGORITHM, DEFAULT_LOCKS).state.failures == Failures(6, NOON + 60)


@every_kind
@pytest.mark.parametrize("failures", [NO_FAILURES, LOCKED], ids=["free", "locked"])
def test_a_code_of_another_length_is_malformed_whether_locked_or_not(make: Make, failures: Failures) -> None:
    with pytest.raises(MalformedCode):
        make(failures=failures).judge(Code("1234567"), NOON, ALGORITHM, DEFAULT_LOCKS)


@pytest.mark.parametrize("make", [hotp, totp])
@pytest.mark.parametrize("pair", [("1234567", "123456"), ("123456", "1234567")])
def test_a_pair_with_a_code_of_another_length_is_malformed(make: Make, pair: tuple[str, str]) -> None:
    with pytest.raises(MalformedCode):
        make().resynchronize(Code(pair[0]), Code(pair[1]), NOON, ALGORITHM, DEFAULT_LOCKS)


@pytest.mark.parametrize(("make", "factor"), [(hotp, 0), (totp, STEP)])
def test_while_locked_no_pair_is_judged(make: Make, factor: int) -> None:
    credential = make(failures=LOCKED)

    outcome = credential.resynchronize(
        code_of(credential, factor), code_of(credential, factor + 1), NOON + 29, ALGORITHM, DEFAULT_LOCKS
    )

    assert outcome.verdict == Locked(NOON + 30)


@pytest.mark.parametrize(("make", "factor"), [(hotp, 0), (totp, STEP)])
def test_an_accepted_pair_clears_the_failures_and_confirms(make: Make, factor: int) -> None:
    credential = make(failures=Failures(5, NOON))

    after = credential.resynchronize(
        code_of(credential, factor), code_of(credential, factor + 1), NOON, ALGORITHM, DEFAULT_LOCKS
    ).state

    assert (after.failures, after.status) == (NO_FAILURES, Status.CONFIRMED)


@given(credentials(), st.integers(0, 2**40), st.text("0123456789", min_size=10, max_size=10))
def test_judging_never_changes_the_credential(credential: Credential, now: int, digits: str) -> None:
    before = copy.deepcopy(credential)

    code = Code(digits[: getattr(credential, "digits", getattr(credential, "code_digits", 6))])
    with suppress(MalformedCode):
        credential.judge(code, now, ALGORITHM, DEFAULT_LOCKS)

    assert credential == before


@every_kind
def test_nothing_remains_of_a_credential_without_failures(make: Make) -> None:
    assert make().removed(NOON) is None


@every_kind
def test_failures_remain_for_an_hour_after_a_removal(make: Make) -> None:
    credential = make(failures=LOCKED)

    assert credential.removed(LATER) == Tombstone(id=credential.id, failures=LOCKED, expires_at=LATER + 3600)


def tombstone(failures: Failures = LOCKED) -> Tombstone:
    return Tombstone(id=hotp().id, failures=failures, expires_at=None)


def test_a_tombstone_can_be_locked() -> None:
    outcome = tombstone().judge(Code("123456"), NOON + 29, ALGORITHM, DEFAULT_LOCKS)

    assert outcome.verdict == Locked(NOON + 30)


def test_codes_do_not_change_a_locked_tombstone() -> None:
    credential_id = tombstone()

    assert credential_id.judge(Code("123456"), NOON, ALGORITHM, DEFAULT_LOCKS).state is credential_id


@pytest.mark.parametrize(("failures", "now"), [(LOCKED, NOON + 30), (Failures(2), NOON)])
def test_an_unlocked_tombstone_is_not_enrolled(failures: Failures, now: int) -> None:
    with pytest.raises(NotEnrolled):
        tombstone(failures).judge(Code("123456"), now, ALGORITHM, DEFAULT_LOCKS)


@given(st.binary(min_size=16, max_size=128))
def test_no_repr_depends_on_the_secret(key: bytes) -> None:
    def shown(secret: SharedSecret) -> str:
        judged = hotp(secret=secret)
        return f"{judged!r} {totp(secret=secret)} {judged.judge(code_of(judged, 0), NOON, ALGORITHM, DEFAULT_LOCKS)}"

    assert shown(SharedSecret(key)) == shown(SharedSecret(bytes(20)))


def test_the_repr_of_a_one_time_code_does_not_show_the_code() -> None:
    assert "3141592653" not in repr(one_time_code("3141592653"))


def test_a_credential_id_consists_of_owner_and_factor() -> None:
    assert str(CredentialId(Owner(OwnerKind.SESSION, "s1"), Factor.TOTP)) == "session:s1/totp"


def test_a_credential_expires_with_its_lifecycle() -> None:
    life = Lifecycle(created_at=1, expires_at=2)

    assert [replace(make(), lifecycle=life).expires_at for make in (hotp, totp, one_time_code)] == [2, 2, 2]


def test_a_one_time_code_keeps_only_a_keyed_digest() -> None:
    credential = one_time_code()

    assert isinstance(credential, OneTimeCode)
    assert credential.digest == keyed_digest(credential.secret, "314159")
