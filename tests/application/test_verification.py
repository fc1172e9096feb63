"""The answers and events of verification. The tests of the domain cover its verdicts."""

import pytest

from application.ports.events import Purpose
from domain.credential import Credential, Status
from domain.errors import MalformedCode, NotEnrolled
from domain.outcome import AcceptedOutcome
from domain.owner import CredentialId
from domain.stored_state import Outcome
from domain.tombstone import Tombstone
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.rig import HOTP, OTP, TOTP, Rig
from tests.domain.examples import STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

WRONG = "000000"


def guess(rig: Rig, credential_id: CredentialId, times: int) -> list[Outcome]:
    return [rig.submit(credential_id, WRONG) for _ in range(times)]


def test_the_outcome_of_an_accepted_code_contains_the_stored_state() -> None:
    rig = Rig()

    outcome = rig.submit(TOTP, hotp_value(rig.enrolled_totp(), STEP))

    assert outcome == AcceptedOutcome(rig.repository.state(TOTP))


def test_an_accepted_code_confirms() -> None:
    rig = Rig()
    outcome = rig.submit(HOTP, hotp_value(rig.enrolled_hotp(), 0))

    assert isinstance(outcome.state, Credential)
    assert outcome.state.status is Status.CONFIRMED


def test_an_accepted_code_does_not_change_the_expiry() -> None:
    rig = Rig()
    key = rig.enrolled_totp(lifetime=3600)
    rig.clock.advance(30)

    assert rig.submit(TOTP, hotp_value(key, STEP + 1)).state.expires_at == NOON + 3600


def test_a_code_is_not_judged_after_the_credential_expired() -> None:
    rig = Rig()
    key = rig.enrolled_hotp(lifetime=3600)
    rig.clock.advance(3600)

    with pytest.raises(NotEnrolled):
        rig.submit(HOTP, hotp_value(key, 0))


@pytest.mark.parametrize("credential_id", [OTP, HOTP, TOTP])
def test_an_unknown_credential_cannot_be_verified(credential_id: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Rig().submit(credential_id, WRONG)


def test_a_malformed_code_is_neither_counted_nor_announced() -> None:
    rig = Rig()
    rig.enrolled_totp()
    before = rig.repository.state(TOTP), rig.repository.committed, list(rig.events.all)

    with pytest.raises(MalformedCode):
        rig.submit(TOTP, "1234567")

    assert (rig.repository.state(TOTP), rig.repository.committed, rig.events.all) == before


def test_a_locked_factor_is_not_written_to() -> None:
    rig = Rig()
    rig.enrolled_totp()
    guess(rig, TOTP, 5)
    committed = rig.repository.committed

    guess(rig, TOTP, 5)

    assert rig.repository.committed == committed


def test_a_replay_is_not_written() -> None:
    rig = Rig()
    code = hotp_value(rig.enrolled_hotp(), 0)
    rig.submit(HOTP, code)
    committed = rig.repository.committed

    rig.submit(HOTP, code)

    assert rig.repository.committed == committed


def test_a_double_click_does_not_lock() -> None:
    rig = Rig()
    key = rig.enrolled_hotp()
    for _ in range(20):
        rig.submit(HOTP, hotp_value(key, 0))

    assert rig.submit(HOTP, hotp_value(key, 1)).verdict == Accepted()


def test_each_factor_has_its_own_lock() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    key = rig.enrolled_totp()
    guess(rig, HOTP, 5)

    assert rig.submit(TOTP, hotp_value(key, STEP)).verdict == Accepted()


def test_each_wrong_code_after_a_lock_locks_for_twice_as_long_up_to_15_min_even_for_a_valid_code() -> None:
    rig = Rig()
    good = hotp_value(rig.enrolled_hotp(), 0)
    guess(rig, HOTP, 4)

    for seconds in (30, 60, 120, 240, 480, 900, 900):
        assert guess(rig, HOTP, 1)[0].verdict == Rejected(Reason.WRONG, 0)
        rig.clock.advance(seconds - 1)
        assert rig.submit(HOTP, good).verdict == Locked(rig.clock.time + 1)
        rig.clock.advance(1)

    assert rig.submit(HOTP, good).verdict == Accepted()


def test_the_fifth_wrong_code_invalidates_a_one_time_code() -> None:
    rig = Rig()
    code = rig.issued().code.text
    guess(rig, OTP, 5)
    rig.clock.advance(30)

    with pytest.raises(NotEnrolled):
        rig.submit(OTP, code)


def test_the_fifth_wrong_code_for_a_one_time_code_is_wrong() -> None:
    rig = Rig()
    rig.issued()

    outcome = guess(rig, OTP, 5)[-1]

    assert outcome.verdict == Rejected(Reason.WRONG, 0)
    assert isinstance(outcome.state, Tombstone)


def test_the_lock_remains_after_a_code_was_invalidated() -> None:
    rig = Rig()
    rig.issued()

    assert guess(rig, OTP, 6)[-1].verdict == Locked(NOON + 30)


def test_verdicts_are_announced() -> None:
    rig = Rig()
    code = hotp_value(rig.enrolled_hotp(), 0)
    rig.events.all.clear()

    verdicts = [rig.submit(HOTP, digits).verdict for digits in (WRONG, code, code)]

    assert verdicts == [Rejected(Reason.WRONG, 4), Accepted(), Rejected(Reason.REPLAYED, 5)]
    assert rig.events.all == [(Purpose.VERIFY, HOTP, verdict) for verdict in verdicts]


def test_a_lock_is_announced_when_it_begins_and_not_when_it_refuses() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    rig.events.all.clear()
    guess(rig, HOTP, 6)

    assert rig.events.all[4:] == [
        (Purpose.VERIFY, HOTP, Rejected(Reason.WRONG, 0)),
        ("locked", HOTP, NOON + 30),
        (Purpose.VERIFY, HOTP, Locked(NOON + 30)),
    ]


def test_a_longer_lock_is_announced_too() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    guess(rig, HOTP, 5)
    rig.clock.advance(30)
    guess(rig, HOTP, 1)

    assert rig.events.all[-1] == ("locked", HOTP, NOON + 30 + 60)


def test_the_lock_that_invalidates_a_one_time_code_is_announced() -> None:
    rig = Rig()
    rig.issued()
    guess(rig, OTP, 5)

    assert rig.events.all[-1] == ("locked", OTP, NOON + 30)


def test_a_replay_of_a_spent_code_announces_no_lock_even_without_attempts_left() -> None:
    rig = Rig()
    key = rig.enrolled_hotp()
    rig.submit(HOTP, hotp_value(key, 0))
    guess(rig, HOTP, 5)
    rig.clock.advance(30)

    rig.submit(HOTP, hotp_value(key, 0))

    assert rig.events.all[-1] == (Purpose.VERIFY, HOTP, Rejected(Reason.REPLAYED, 0))


def test_codes_of_a_hotp_authenticator_are_accepted_after_resynchronization() -> None:
    rig = Rig()
    key = rig.enrolled_hotp()

    outcome = rig.submit_pair(HOTP, hotp_value(key, 700), hotp_value(key, 701))

    assert outcome == AcceptedOutcome(rig.repository.state(HOTP))


def test_codes_of_a_totp_authenticator_are_accepted_after_resynchronization() -> None:
    rig = Rig()
    key = rig.enrolled_totp()

    outcome = rig.submit_pair(TOTP, hotp_value(key, STEP + 14), hotp_value(key, STEP + 15))

    assert outcome == AcceptedOutcome(rig.repository.state(TOTP))


def test_a_resynchronization_is_announced_with_its_purpose() -> None:
    rig = Rig()
    key = rig.enrolled_hotp()
    rig.submit_pair(HOTP, hotp_value(key, 700), hotp_value(key, 701))

    assert rig.events.all[-1] == (Purpose.RESYNCHRONIZE, HOTP, Accepted())


def test_a_wrong_pair_counts_as_one_wrong_code() -> None:
    rig = Rig()
    rig.enrolled_hotp()

    assert rig.submit_pair(HOTP, WRONG, WRONG).verdict == Rejected(Reason.WRONG, 4)


def test_wrong_pairs_and_wrong_codes_are_counted_together() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    guess(rig, HOTP, 4)

    rig.submit_pair(HOTP, WRONG, WRONG)

    assert rig.events.all[-1] == ("locked", HOTP, NOON + 30)


def test_no_pair_is_judged_while_locked() -> None:
    rig = Rig()
    key = rig.enrolled_hotp()
    guess(rig, HOTP, 5)

    assert rig.submit_pair(HOTP, hotp_value(key, 0), hotp_value(key, 1)).verdict == Locked(NOON + 30)


@pytest.mark.parametrize("credential_id", [OTP, HOTP, TOTP])
def test_an_unknown_credential_cannot_be_resynchronized(credential_id: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Rig().submit_pair(credential_id, WRONG, WRONG)


def test_a_one_time_code_cannot_be_resynchronized() -> None:
    rig = Rig()
    rig.issued()

    with pytest.raises(NotEnrolled):
        rig.submit_pair(OTP, WRONG, WRONG)


def test_a_tombstone_is_locked_for_pairs_too() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    guess(rig, HOTP, 5)
    rig.remove.execute(HOTP)

    assert rig.submit_pair(HOTP, WRONG, WRONG).verdict == Locked(NOON + 30)
