"""Replacing a secret: a replacement is enrolled, and then dropped or swapped in by one commit."""

from typing import TYPE_CHECKING

import pytest

from application.enrolment import Enrol, EnrolRequest
from application.errors import NoDerivation
from domain.code import Code
from domain.credential import Lifecycle, Status
from domain.errors import AlreadyEnrolled, MalformedCode, NotEnrolled
from domain.outcome import AcceptedOutcome
from domain.owner import CredentialId
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.verdict import Accepted, Locked, Reason, Rejected
from infrastructure.crypto.derivation import HkdfDerivation
from tests.application.account import WRONG, Account, shown
from tests.application.replaced import REPLAYED, account_with, both, replacing, stored
from tests.application.rig import HOTP, OTP, RECOVERY_CODES, TOTP
from tests.domain.examples import ALICE, SECRET, STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON, FakeRandomness

if TYPE_CHECKING:
    from domain.secret_credential import SecretCredential

# Enrolling


@both
def test_a_replacement_is_pending_and_expires_after_an_hour(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)

    replacement = account.gets_replacement(credential_id)

    assert replacement.lifecycle == Lifecycle(created_at=NOON, expires_at=NOON + 3600)
    assert replacement.status is Status.PENDING


@both
def test_the_returned_replacement_is_the_stored_one(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)
    present = stored(account, credential_id)

    replacement = account.gets_replacement(credential_id)

    assert stored(account, credential_id).replacement == replacement
    assert stored(account, credential_id).secret == present.secret != replacement.secret


def test_a_replacement_is_enrolled_as_requested() -> None:
    account, _ = account_with(HOTP)
    parameters = HotpParameters(HashAlgorithm.SHA256, 8, 3)

    replacement = account.enrol.replace(EnrolRequest(ALICE, None, parameters, 42, "alice", "Example", SECRET))

    assert (replacement.parameters, replacement.label, replacement.issuer) == (parameters, "alice", "Example")
    assert account.swaps(HOTP, Code(hotp_value(SECRET.key, 42, 8, "sha256"))).verdict == Accepted()


def test_a_replacement_can_be_derived() -> None:
    account, _ = account_with(TOTP)

    replacement = account.enrol.replace(EnrolRequest(ALICE, None, TotpParameters(), derived=True))

    assert replacement.secret.derivation is not None
    assert account.swaps(TOTP, shown(replacement)).verdict == Accepted()


def test_without_a_master_secret_nothing_is_replaced() -> None:
    account, _ = account_with(TOTP)
    enrol = Enrol(account.changes, FakeRandomness(), HkdfDerivation(None), account.events)

    with pytest.raises(NoDerivation):
        enrol.replace(EnrolRequest(ALICE, None, TotpParameters(), derived=True))

    assert stored(account, TOTP).replacement is None


def test_a_replacement_expires_no_later_than_its_credential() -> None:
    account = Account()
    key = account.enrolled_totp(lifetime=600)
    account.submit(TOTP, hotp_value(key, STEP))

    assert account.gets_replacement(TOTP).expires_at == NOON + 600


@both
def test_an_unconfirmed_replacement_can_be_replaced_after_an_hour(credential_id: CredentialId) -> None:
    account, _, _ = replacing(credential_id)
    account.clock.advance(3600)

    assert account.gets_replacement(credential_id).expires_at == NOON + 7200


@both
def test_there_is_one_replacement_at_a_time(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)

    with pytest.raises(AlreadyEnrolled):
        account.gets_replacement(credential_id)

    assert account.swaps(credential_id, fresh).verdict == Accepted()


@both
def test_a_pending_credential_cannot_be_replaced(credential_id: CredentialId) -> None:
    account = Account()
    account.enrolled_hotp()
    account.enrolled_totp()

    with pytest.raises(AlreadyEnrolled):
        account.gets_replacement(credential_id)


@both
def test_without_a_credential_nothing_can_be_replaced(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)
    account.fails(credential_id)
    account.remove.execute(credential_id)

    with pytest.raises(NotEnrolled):
        account.gets_replacement(credential_id)


@both
def test_one_of_two_simultaneous_replacements_is_refused(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)
    rivals: list[SecretCredential] = []
    account.repository.rivals = [lambda: rivals.append(account.gets_replacement(credential_id))]

    with pytest.raises(AlreadyEnrolled):
        account.gets_replacement(credential_id)

    assert stored(account, credential_id).replacement == rivals[0]


@both
def test_a_code_that_is_accepted_while_a_replacement_is_started_stays_spent(credential_id: CredentialId) -> None:
    account, present = account_with(credential_id)
    account.repository.rivals = [lambda: account.sends(credential_id, present)]

    account.gets_replacement(credential_id)

    assert account.sends(credential_id, present).verdict == REPLAYED


# Confirming


@both
def test_the_current_secret_is_valid_until_the_swap(credential_id: CredentialId) -> None:
    account, present, _ = replacing(credential_id)

    assert account.sends(credential_id, present).verdict == Accepted()


@both
def test_the_outcome_of_a_swap_contains_the_stored_state(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)

    assert account.swaps(credential_id, fresh) == AcceptedOutcome(stored(account, credential_id))


@both
def test_only_the_new_secret_is_valid_after_the_swap(credential_id: CredentialId) -> None:
    account, present = account_with(credential_id)
    replacement = account.gets_replacement(credential_id)
    account.swaps(credential_id, shown(replacement))

    assert account.sends(credential_id, present).verdict == Rejected(Reason.WRONG, 4)
    assert account.sends(credential_id, shown(replacement, 1)).verdict == Accepted()


@both
def test_the_code_that_swapped_is_a_replay_everywhere(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.swaps(credential_id, fresh)

    assert account.sends(credential_id, fresh).verdict == REPLAYED
    assert account.challenged(fresh).outcome.verdict == REPLAYED
    with pytest.raises(NotEnrolled):
        account.swaps(credential_id, fresh)


@both
def test_after_the_swap_the_secret_can_be_replaced_again(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.swaps(credential_id, fresh)

    assert account.swaps(credential_id, shown(account.gets_replacement(credential_id))).verdict == Accepted()


@both
def test_a_swap_does_not_change_the_expiry_of_the_factor(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)

    assert account.swaps(credential_id, fresh).state.expires_at is None


@both
def test_the_swap_clears_the_failures(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.fails(credential_id, 4)
    account.swaps(credential_id, fresh)

    assert account.failures(credential_id) == 0


@both
def test_wrong_codes_of_both_secrets_are_counted_together(credential_id: CredentialId) -> None:
    account, present, fresh = replacing(credential_id)
    account.fails(credential_id, 3)
    for _ in range(2):
        account.swaps(credential_id, WRONG)

    assert account.swaps(credential_id, fresh).verdict == Locked(NOON + 30)
    assert account.sends(credential_id, present).verdict == Locked(NOON + 30)


@both
def test_dropping_and_starting_again_resets_no_count(credential_id: CredentialId) -> None:
    account, _, _ = replacing(credential_id)
    for _ in range(5):
        account.swaps(credential_id, WRONG)
    account.drop_replacement.execute(credential_id)

    assert account.swaps(credential_id, shown(account.gets_replacement(credential_id))).verdict == Locked(NOON + 30)


@both
def test_a_malformed_code_is_not_counted(credential_id: CredentialId) -> None:
    account, _, _ = replacing(credential_id)

    with pytest.raises(MalformedCode):
        account.swaps(credential_id, Code("0000000"))

    assert account.failures(credential_id) == 0


@both
def test_after_its_hour_a_replacement_accepts_no_code(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.clock.advance(3600)

    with pytest.raises(NotEnrolled):
        account.swaps(credential_id, fresh)


@pytest.mark.parametrize("credential_id", [OTP, HOTP, TOTP, RECOVERY_CODES], ids=str)
def test_without_a_replacement_none_can_be_confirmed(credential_id: CredentialId) -> None:
    account = Account()
    account.has_both()
    account.has_recovery_codes()
    account.issued()

    with pytest.raises(NotEnrolled):
        account.swaps(credential_id, WRONG)


def test_a_credential_that_was_removed_during_a_lock_is_still_locked() -> None:
    account, _, fresh = replacing(HOTP)
    account.fails(HOTP)
    account.remove.execute(HOTP)

    assert account.swaps(HOTP, fresh).verdict == Locked(NOON + 30)


# Dropping


@both
def test_a_dropped_replacement_accepts_no_code_and_the_current_secret_stays(credential_id: CredentialId) -> None:
    account, present, fresh = replacing(credential_id)
    account.drop_replacement.execute(credential_id)

    with pytest.raises(NotEnrolled):
        account.swaps(credential_id, fresh)
    assert account.sends(credential_id, present).verdict == Accepted()


@both
def test_dropping_the_replacement_restores_the_former_state_of_the_factor(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)
    before = stored(account, credential_id)
    account.gets_replacement(credential_id)

    account.drop_replacement.execute(credential_id)

    assert stored(account, credential_id) == before


@both
def test_without_a_replacement_none_can_be_dropped(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(credential_id)


@both
def test_a_replacement_past_its_hour_cannot_be_dropped(credential_id: CredentialId) -> None:
    account, _, _ = replacing(credential_id)
    account.clock.advance(3600)

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(credential_id)


@pytest.mark.parametrize("credential_id", [OTP, HOTP, TOTP, RECOVERY_CODES], ids=str)
def test_without_a_credential_no_replacement_can_be_dropped(credential_id: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Account().drop_replacement.execute(credential_id)


def test_recovery_codes_have_no_replacement_to_drop() -> None:
    account = Account()
    account.has_recovery_codes()

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(RECOVERY_CODES)
