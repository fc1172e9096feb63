"""Enrolling secrets that another system has confirmed, and weak ones."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.enrolment import EnrolRequest
from application.errors import StoreUnavailable
from application.ports.events import Action
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import AlreadyEnrolled, InvalidSecret, InvalidValue, NotEnrolled, SameSecretEnrolled
from domain.failures import Failures
from domain.owner import CredentialId, Owner, OwnerKind
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.rig import HOTP, TOTP, Rig
from tests.domain.examples import ALICE, SECRET, STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

WEAK = SharedSecret(b"1234567890", weak=True)
OTHER = SharedSecret(b"another secret of 160 b.")
WRONG = "000000"
TOTP_REQUEST = EnrolRequest(ALICE, None, TotpParameters(), secret=SECRET, confirmed=True)
HOTP_REQUEST = EnrolRequest(ALICE, None, HotpParameters(), 7, secret=SECRET, confirmed=True)
BOTH = pytest.mark.parametrize(
    ("credential_id", "request_"), [(TOTP, TOTP_REQUEST), (HOTP, HOTP_REQUEST)], ids=["totp", "hotp"]
)


@BOTH
def test_a_confirmed_secret_counts_at_once(credential_id: CredentialId, request_: EnrolRequest) -> None:
    rig = Rig()

    credential = rig.enrol.execute(request_)

    assert rig.repository.state(credential_id) == credential
    assert credential.lifecycle.confirmed_at == NOON
    assert credential.lifecycle.last_used_at is None


def test_a_challenge_accepts_a_confirmed_secret_without_a_verification() -> None:
    rig = Rig()
    rig.enrol.execute(TOTP_REQUEST)
    rig.clock.advance(60)

    assert rig.challenged(Code(hotp_value(SECRET.key, STEP + 2))).outcome.verdict == Accepted()


def test_a_code_of_the_minute_before_the_import_is_refused() -> None:
    rig = Rig()
    rig.enrol.execute(TOTP_REQUEST)

    for step in (STEP - 1, STEP, STEP + 1):
        assert rig.challenged(Code(hotp_value(SECRET.key, step))).outcome.verdict == Rejected(Reason.REPLAYED, 5)


def test_the_counter_of_a_confirmed_secret_is_the_next_one() -> None:
    rig = Rig()
    rig.enrol.execute(HOTP_REQUEST)

    assert rig.submit(HOTP, hotp_value(SECRET.key, 6)).verdict == Rejected(Reason.REPLAYED, 5)
    assert rig.submit(HOTP, hotp_value(SECRET.key, 7)).verdict == Accepted()


def test_a_drift_comes_along() -> None:
    rig = Rig()
    rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters(), secret=SECRET, confirmed=True, drift=-5))
    rig.clock.advance(210)

    assert rig.submit(TOTP, hotp_value(SECRET.key, STEP + 2)).verdict == Accepted()


def test_the_audit_trail_says_that_a_secret_was_imported_and_is_weak() -> None:
    rig = Rig()

    rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters(), secret=WEAK, confirmed=True))
    rig.enrol.execute(EnrolRequest(ALICE, None, HotpParameters(), secret=SECRET))

    assert rig.events.all == [(Action.ENROLLED, TOTP, "imported", "weak"), (Action.ENROLLED, HOTP)]


@BOTH
def test_the_same_secret_again_is_recognized_and_changes_nothing(
    credential_id: CredentialId, request_: EnrolRequest
) -> None:
    rig = Rig()
    present = rig.enrol.execute(request_)
    rig.clock.advance(3600)

    with pytest.raises(SameSecretEnrolled):
        rig.enrol.execute(request_)

    assert rig.repository.state(credential_id) == present
    assert len(rig.events.all) == 1


@BOTH
def test_another_secret_is_refused_and_changes_nothing(credential_id: CredentialId, request_: EnrolRequest) -> None:
    rig = Rig()
    present = rig.enrol.execute(EnrolRequest(ALICE, None, request_.parameters, 0, secret=OTHER, confirmed=True))

    with pytest.raises(AlreadyEnrolled) as refusal:
        rig.enrol.execute(request_)

    assert not isinstance(refusal.value, SameSecretEnrolled)
    assert rig.repository.state(credential_id) == present


@BOTH
def test_a_pending_credential_with_the_same_secret_is_not_reported_as_present(
    credential_id: CredentialId, request_: EnrolRequest
) -> None:
    """A challenge ignores it, so an import that reports it as present would let a person in without a code."""
    rig = Rig()
    present = rig.enrol.execute(EnrolRequest(ALICE, None, request_.parameters, secret=SECRET))

    with pytest.raises(AlreadyEnrolled) as refusal:
        rig.enrol.execute(request_)

    assert not isinstance(refusal.value, SameSecretEnrolled)
    assert rig.repository.state(credential_id) == present


def test_the_same_secret_is_recognized_although_its_codes_are_spent_and_its_drift_is_known() -> None:
    rig = Rig()
    rig.enrol.execute(TOTP_REQUEST)
    rig.clock.advance(600)
    now = STEP + 20
    rig.submit_pair(TOTP, hotp_value(SECRET.key, now + 4), hotp_value(SECRET.key, now + 5))

    with pytest.raises(SameSecretEnrolled):
        rig.enrol.execute(TOTP_REQUEST)


@BOTH
def test_one_of_two_imports_at_once_finds_the_secret_of_the_other(
    credential_id: CredentialId, request_: EnrolRequest
) -> None:
    rig = Rig()
    rig.repository.rivals = [lambda: rig.enrol.execute(request_)]

    with pytest.raises(SameSecretEnrolled):
        rig.enrol.execute(request_)

    state = rig.repository.state(credential_id)
    assert isinstance(state, Credential)
    assert state.status is Status.CONFIRMED
    assert len(rig.events.all) == 1


@BOTH
def test_a_lost_race_against_a_pending_enrolment_leaves_it_pending(
    credential_id: CredentialId, request_: EnrolRequest
) -> None:
    rig = Rig()
    rig.repository.rivals = [lambda: rig.enrol.execute(EnrolRequest(ALICE, None, request_.parameters))]

    with pytest.raises(AlreadyEnrolled):
        rig.enrol.execute(request_)

    state = rig.repository.state(credential_id)
    assert isinstance(state, Credential)
    assert state.status is Status.PENDING
    assert state.secret != SECRET


@BOTH
def test_a_failing_store_enrols_nothing(credential_id: CredentialId, request_: EnrolRequest) -> None:
    rig = Rig()
    rig.repository.down_before_commits = True

    with pytest.raises(StoreUnavailable):
        rig.enrol.execute(request_)

    assert rig.repository.state(credential_id) is None
    assert rig.events.all == []


@BOTH
def test_after_a_lost_answer_the_whole_credential_is_there_and_is_recognized(
    credential_id: CredentialId, request_: EnrolRequest
) -> None:
    rig = Rig()
    rig.repository.down_after_commits = True
    with pytest.raises(StoreUnavailable):
        rig.enrol.execute(request_)
    rig.repository.down_after_commits = False

    with pytest.raises(SameSecretEnrolled):
        rig.enrol.execute(request_)

    state = rig.repository.state(credential_id)
    assert isinstance(state, Credential)
    assert state.status is Status.CONFIRMED


def test_a_confirmed_secret_inherits_failures_and_a_lock() -> None:
    rig = Rig()
    rig.enrolled_totp()
    for _ in range(5):
        rig.submit(TOTP, WRONG)
    rig.remove.execute(TOTP)

    assert rig.enrol.execute(TOTP_REQUEST).failures == Failures(5, NOON + 30)
    assert rig.challenged(Code(hotp_value(SECRET.key, STEP + 2))).outcome.verdict == Locked(NOON + 30)


@given(accepted=st.integers(0, 20), imported=st.integers(0, 20))
def test_spent_counters_of_a_former_enrolment_stay_spent(accepted: int, imported: int) -> None:
    rig = Rig()
    rig.enrol.execute(EnrolRequest(ALICE, None, HotpParameters(look_ahead=50), secret=SECRET))
    rig.submit(HOTP, hotp_value(SECRET.key, accepted))
    rig.remove.execute(HOTP)

    rig.enrol.execute(EnrolRequest(ALICE, None, HotpParameters(), imported, secret=SECRET, confirmed=True))

    expected = max(imported, accepted + 1)
    assert rig.submit(HOTP, hotp_value(SECRET.key, expected - 1)).verdict == Rejected(Reason.REPLAYED, 5)
    assert rig.submit(HOTP, hotp_value(SECRET.key, expected)).verdict == Accepted()


def test_a_step_that_was_accepted_ahead_of_the_import_stays_spent() -> None:
    rig = Rig()
    rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters(window=10), secret=SECRET))
    rig.submit(TOTP, hotp_value(SECRET.key, STEP + 10))
    rig.remove.execute(TOTP)

    rig.enrol.execute(TOTP_REQUEST)
    rig.clock.advance(300)

    assert rig.submit(TOTP, hotp_value(SECRET.key, STEP + 10)).verdict == Rejected(Reason.REPLAYED, 5)


def test_a_confirmed_secret_of_a_session_ends_with_the_session() -> None:
    rig = Rig()
    rig.enrol.execute(EnrolRequest(ALICE, 3600, TotpParameters(), secret=SECRET, confirmed=True))
    rig.clock.advance(3600)

    with pytest.raises(NotEnrolled):
        rig.submit(TOTP, WRONG)


def test_a_replacement_cannot_be_confirmed_by_the_request() -> None:
    rig = Rig()
    present = rig.enrol.execute(TOTP_REQUEST)

    with pytest.raises(InvalidValue, match="confirmed by its first code"):
        rig.enrol.replace(EnrolRequest(ALICE, None, TotpParameters(), secret=OTHER, confirmed=True))

    assert rig.repository.state(TOTP) == present


def test_a_weak_secret_can_be_replaced_by_a_strong_one() -> None:
    rig = Rig()
    rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters(), secret=WEAK, confirmed=True))

    assert not rig.enrol.replace(EnrolRequest(ALICE, None, TotpParameters())).secret.weak


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (lambda: EnrolRequest(ALICE, None, TotpParameters(), confirmed=True), InvalidValue),
        (lambda: EnrolRequest(ALICE, None, TotpParameters(), confirmed=True, derived=True), InvalidValue),
        (lambda: EnrolRequest(ALICE, None, HotpParameters(), secret=SECRET, confirmed=True), InvalidValue),
        (lambda: EnrolRequest(ALICE, None, TotpParameters(), secret=SECRET, drift=1), InvalidValue),
        (lambda: EnrolRequest(ALICE, None, HotpParameters(), 0, secret=SECRET, confirmed=True, drift=1), InvalidValue),
        (lambda: EnrolRequest(ALICE, None, TotpParameters(), secret=SECRET, confirmed=True, drift=21), InvalidValue),
        (lambda: EnrolRequest(ALICE, None, TotpParameters(), secret=WEAK), InvalidSecret),
        (lambda: EnrolRequest(Owner(OwnerKind.SESSION, "s"), 60, TotpParameters(), secret=WEAK), InvalidSecret),
    ],
    ids=[
        "confirmed without a secret",
        "confirmed and derived",
        "confirmed HOTP without a counter",
        "drift of a pending secret",
        "drift of HOTP",
        "drift out of range",
        "weak and pending",
        "weak and pending in a session",
    ],
)
def test_an_impossible_request_is_refused(request_: Callable[[], EnrolRequest], error: type[Exception]) -> None:
    with pytest.raises(error):
        request_()


def test_the_gate_can_have_a_weak_secret_that_is_pending() -> None:
    gate = Owner(OwnerKind.GATE, "gate")

    assert Rig().enrol.execute(EnrolRequest(gate, None, TotpParameters(), secret=WEAK)).secret == WEAK


def test_a_derived_secret_is_another_secret() -> None:
    rig = Rig()
    rig.enrol.execute(TOTP_REQUEST)

    with pytest.raises(AlreadyEnrolled) as refusal:
        rig.enrol.execute(EnrolRequest(ALICE, None, TotpParameters(), derived=True))

    assert not isinstance(refusal.value, SameSecretEnrolled)
