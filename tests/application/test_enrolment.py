"""Enrolling secrets and issuing one-time codes."""

import pytest

from application.enrolment import EnrolRequest
from application.errors import StoreUnavailable
from application.issuing import IssueCodeRequest
from application.ports.events import Action
from domain.credential import Lifecycle, Status
from domain.errors import AlreadyEnrolled, InvalidValue
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.totp import NO_STEP, TotpCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.rig import HOTP, OTP, TOTP, Rig
from tests.domain.examples import ALICE, BOB, SECRET, STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

WRONG = "000000"


def test_a_hotp_credential_is_enrolled_as_requested() -> None:
    parameters = HotpParameters(HashAlgorithm.SHA256, 8, 3)
    request = EnrolRequest(ALICE, 3600, parameters, 42, "alice", "Example", SECRET)

    assert Rig().enrol.execute(request) == HotpCredential(
        id=HOTP,
        lifecycle=Lifecycle(created_at=NOON, expires_at=NOON + 3600),
        secret=SECRET,
        parameters=parameters,
        counter=42,
        initial_counter=42,
        label="alice",
        issuer="Example",
    )


def test_a_totp_credential_is_enrolled_as_requested() -> None:
    parameters = TotpParameters(HashAlgorithm.SHA512, 7, 60, 2)
    request = EnrolRequest(ALICE, None, parameters, label="alice", issuer="Example", secret=SECRET)

    assert Rig().enrol.execute(request) == TotpCredential(
        id=TOTP,
        lifecycle=Lifecycle(created_at=NOON, expires_at=None),
        secret=SECRET,
        parameters=parameters,
        last_step=NO_STEP,
        drift=0,
        label="alice",
        issuer="Example",
    )


def test_the_enrolled_credential_is_the_stored_one() -> None:
    rig = Rig()

    credential = rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters()))

    assert rig.repository.state(TOTP) == credential


def test_every_enrolment_gets_its_own_secret() -> None:
    rig = Rig()

    assert rig.enrolled_hotp() != rig.enrolled_totp()


def test_an_enrolment_is_pending() -> None:
    assert Rig().enrol.execute(EnrolRequest(ALICE, None, HotpParameters())).status is Status.PENDING


@pytest.mark.parametrize("parameters", [HotpParameters(), TotpParameters()])
def test_an_enrolled_credential_has_to_be_removed_first(parameters: HotpParameters | TotpParameters) -> None:
    rig = Rig()
    rig.enrol.execute(EnrolRequest(ALICE, None, parameters))

    with pytest.raises(AlreadyEnrolled):
        rig.enrol.execute(EnrolRequest(ALICE, None, parameters))


def test_a_refused_enrolment_does_not_change_the_secret() -> None:
    rig = Rig()
    key = rig.enrolled_totp()
    with pytest.raises(AlreadyEnrolled):
        rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters(), secret=SECRET))

    assert rig.submit(TOTP, hotp_value(key, STEP)).verdict == Accepted()


def test_one_of_two_enrolments_at_once_is_refused() -> None:
    rig = Rig()
    rig.repository.rivals = [rig.enrolled_totp]

    with pytest.raises(AlreadyEnrolled):
        rig.enrolled_totp()


def test_an_owner_can_have_hotp_and_totp() -> None:
    rig = Rig()
    rig.enrolled_hotp()
    key = rig.enrolled_totp()

    assert rig.submit(TOTP, hotp_value(key, STEP)).verdict == Accepted()


def test_every_owner_has_its_own_credentials() -> None:
    rig = Rig()
    rig.enrolled_totp()

    assert rig.enrol.execute(EnrolRequest(BOB, None, TotpParameters())).id.owner == BOB


def test_an_expired_credential_can_be_enrolled_again() -> None:
    rig = Rig()
    rig.enrolled_totp(lifetime=60)
    rig.clock.advance(60)

    assert rig.enrol.execute(EnrolRequest(ALICE, 60, TotpParameters())).expires_at == NOON + 120


def test_an_expired_credential_leaves_no_failures() -> None:
    rig = Rig()
    rig.enrolled_totp(lifetime=60)
    rig.submit(TOTP, WRONG)
    rig.clock.advance(60)

    assert rig.enrol.execute(EnrolRequest(ALICE, 60, TotpParameters())).failures == NO_FAILURES


def test_failures_survive_removal_and_enrolment() -> None:
    rig = Rig()
    rig.enrolled_totp()
    for _ in range(3):
        rig.submit(TOTP, WRONG)
    rig.remove.execute(TOTP)

    assert rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters())).failures == Failures(3)


def test_a_lock_survives_removal_and_enrolment() -> None:
    rig = Rig()
    rig.enrolled_totp()
    for _ in range(5):
        rig.submit(TOTP, WRONG)
    rig.remove.execute(TOTP)
    key = rig.enrolled_totp()

    assert rig.submit(TOTP, hotp_value(key, STEP)).verdict == Locked(NOON + 30)


@pytest.mark.parametrize(("seconds", "failures"), [(3599, Failures(3)), (3600, NO_FAILURES)])
def test_failures_are_remembered_for_an_hour_after_removal(seconds: int, failures: Failures) -> None:
    rig = Rig()
    rig.enrolled_totp()
    for _ in range(3):
        rig.submit(TOTP, WRONG)
    rig.remove.execute(TOTP)
    rig.clock.advance(seconds)

    assert rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters())).failures == failures


def test_an_initial_counter_out_of_range_enrols_nothing() -> None:
    rig = Rig()

    with pytest.raises(InvalidValue):
        rig.enrol.execute(EnrolRequest(ALICE, None, HotpParameters(), initial_counter=2**63))

    assert rig.repository.state(HOTP) is None


def test_an_enrolment_is_announced() -> None:
    rig = Rig()
    rig.enrolled_hotp()

    assert rig.events.all == [(Action.ENROLLED, HOTP)]


@pytest.mark.parametrize("flag", ["down_for_loads", "down_before_commits", "down_after_commits"])
def test_an_enrolment_that_is_not_known_to_be_stored_is_neither_shown_nor_announced(flag: str) -> None:
    rig = Rig()
    setattr(rig.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        rig.enrolled_hotp()

    assert rig.events.all == []


@pytest.mark.parametrize("digits", [6, 10])
def test_a_code_has_the_requested_number_of_digits(digits: int) -> None:
    issued = Rig().issue.execute(IssueCodeRequest(ALICE, None, digits, 300))

    assert (len(issued.code.text), issued.credential.code_digits) == (digits, digits)


def test_an_issued_code_is_valid() -> None:
    rig = Rig()

    assert rig.submit(OTP, rig.issued().code.text).verdict == Accepted()


def test_the_stored_credential_does_not_contain_the_code() -> None:
    rig = Rig()
    issued = rig.issue.execute(IssueCodeRequest(ALICE, None, 10, 300))

    state = rig.repository.state(OTP)

    assert isinstance(state, OneTimeCode)
    assert state == issued.credential
    assert issued.code.text.encode() not in state.digest


def test_an_issued_code_hides_from_repr() -> None:
    issued = Rig().issue.execute(IssueCodeRequest(ALICE, None, 10, 300))

    assert issued.code.text not in f"{issued!r} {issued} {issued.credential!r}"


@pytest.mark.parametrize(
    ("lifetime", "code_lifetime", "end"),
    [(None, 3600, 3600), (3600, 300, 300), (3600, 3600, 3600), (100, 300, 100), (100, 100, 100)],
)
def test_a_code_ends_after_its_lifetime_but_not_after_its_owner(
    lifetime: int | None, code_lifetime: int, end: int
) -> None:
    assert Rig().issued(lifetime, code_lifetime).credential.code_expires_at == NOON + end


def test_the_record_of_a_code_expires_with_its_owner() -> None:
    assert Rig().issued(3600, 300).credential.expires_at == NOON + 3600


def test_a_new_code_replaces_the_one_before() -> None:
    rig = Rig()
    former = rig.issued().code.text
    rig.issued()

    assert rig.submit(OTP, former).verdict == Rejected(Reason.WRONG, 4)


def test_a_new_code_is_valid_after_the_former_one_was_spent() -> None:
    rig = Rig()
    rig.submit(OTP, rig.issued().code.text)

    assert rig.submit(OTP, rig.issued().code.text).verdict == Accepted()


def test_failures_survive_a_new_code() -> None:
    rig = Rig()
    for _ in range(4):
        rig.issued()
        rig.submit(OTP, WRONG)

    assert rig.issued().credential.failures == Failures(4)


def test_a_lock_survives_a_new_code() -> None:
    rig = Rig()
    rig.issued()
    for _ in range(5):
        rig.submit(OTP, WRONG)

    assert rig.submit(OTP, rig.issued().code.text).verdict == Locked(NOON + 30)


def test_one_wrong_code_invalidates_a_new_code_after_a_lock() -> None:
    rig = Rig()
    rig.issued()
    for _ in range(5):
        rig.submit(OTP, WRONG)
    code = rig.issued().code.text
    rig.clock.advance(30)
    rig.submit(OTP, WRONG)

    assert rig.submit(OTP, code).verdict == Locked(NOON + 90)


def test_the_last_of_two_codes_issued_at_once_is_valid() -> None:
    rig = Rig()
    rig.repository.rivals = [rig.issued]

    assert rig.submit(OTP, rig.issued().code.text).verdict == Accepted()


def test_a_code_is_announced() -> None:
    rig = Rig()
    rig.issued()

    assert rig.events.all == [(Action.ISSUED, OTP)]


@pytest.mark.parametrize("flag", ["down_for_loads", "down_before_commits", "down_after_commits"])
def test_a_code_that_is_not_known_to_be_stored_is_neither_shown_nor_announced(flag: str) -> None:
    rig = Rig()
    setattr(rig.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        rig.issued()

    assert rig.events.all == []
