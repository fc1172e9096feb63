"""Removing one credential, and all credentials of an owner."""

import pytest

from application.enrolment import EnrolRequest
from application.errors import StoreUnavailable
from application.ports.events import Action
from domain.errors import NotEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.owner import CredentialId
from domain.parameters import TotpParameters
from domain.tombstone import Tombstone
from domain.verdict import Accepted, Locked
from tests.application.rig import HOTP, OTP, TOTP, Rig
from tests.domain.examples import ALICE, BOB, STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

WRONG = "000000"


def test_removing_a_credential_without_failures_leaves_nothing() -> None:
    rig = Rig()
    rig.enrolled_totp()

    rig.remove.execute(TOTP)

    assert rig.repository.state(TOTP) is None


def test_removing_a_credential_with_failures_leaves_them() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.submit(TOTP, WRONG)

    rig.remove.execute(TOTP)

    assert rig.repository.state(TOTP) == Tombstone(id=TOTP, failures=Failures(1), expires_at=NOON + 3600)


def test_a_removed_credential_accepts_no_code() -> None:
    rig = Rig()
    key = rig.enrolled_totp()
    rig.remove.execute(TOTP)

    with pytest.raises(NotEnrolled):
        rig.submit(TOTP, hotp_value(key, STEP))


def test_a_locked_credential_can_be_removed_and_stays_locked() -> None:
    rig = Rig()
    key = rig.enrolled_totp()
    for _ in range(5):
        rig.submit(TOTP, WRONG)
    rig.remove.execute(TOTP)

    assert rig.submit(TOTP, hotp_value(key, STEP)).verdict == Locked(NOON + 30)


def test_an_issued_code_can_be_removed() -> None:
    rig = Rig()
    rig.issued()

    rig.remove.execute(OTP)

    assert rig.repository.state(OTP) is None


@pytest.mark.parametrize("credential_id", [OTP, HOTP, TOTP])
def test_an_unknown_credential_cannot_be_removed(credential_id: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Rig().remove.execute(credential_id)


def test_a_tombstone_cannot_be_removed() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.submit(TOTP, WRONG)
    rig.remove.execute(TOTP)

    with pytest.raises(NotEnrolled):
        rig.remove.execute(TOTP)


def test_removal_counts_a_wrong_code_that_came_meanwhile() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.repository.rivals = [lambda: rig.submit(TOTP, WRONG)]

    rig.remove.execute(TOTP)

    assert rig.repository.state(TOTP) == Tombstone(id=TOTP, failures=Failures(1), expires_at=NOON + 3600)


def test_removal_is_announced() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.remove.execute(TOTP)

    assert rig.events.all[-1] == (Action.REMOVED, TOTP)


@pytest.mark.parametrize("flag", ["down_for_loads", "down_before_commits", "down_after_commits"])
def test_a_removal_that_is_not_known_to_be_stored_is_not_announced(flag: str) -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.events.all.clear()
    setattr(rig.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        rig.remove.execute(TOTP)

    assert rig.events.all == []


def test_a_forgotten_owner_has_no_stored_state() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    rig.enrolled_totp()
    rig.issued()
    rig.submit(TOTP, WRONG)

    rig.forget.execute(ALICE)

    assert [rig.repository.state(credential_id) for credential_id in (OTP, HOTP, TOTP)] == [None, None, None]
    assert rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters())).failures == NO_FAILURES


def test_other_owners_are_not_affected_by_a_removal_of_one() -> None:
    rig = Rig()
    key = rig.enrolled_totp()

    rig.forget.execute(BOB)

    assert rig.submit(TOTP, hotp_value(key, STEP)).verdict == Accepted()


def test_an_owner_who_has_nothing_can_be_forgotten() -> None:
    Rig().forget.execute(ALICE)


def test_forgetting_is_announced() -> None:
    rig = Rig()
    rig.forget.execute(ALICE)

    assert rig.events.all == [("forgotten", ALICE)]


def test_forgetting_that_failed_is_not_announced() -> None:
    rig = Rig()
    rig.repository.down_before_commits = True

    with pytest.raises(StoreUnavailable):
        rig.forget.execute(ALICE)

    assert rig.events.all == []
