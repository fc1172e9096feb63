"""Replacing a secret: started beside the confirmed one, dropped, or swapped in by one commit."""

import pytest

from application.enrolment import Enrol, EnrolRequest
from application.errors import NoDerivation, StoreUnavailable
from application.ports.events import Action, Purpose
from domain.code import Code
from domain.credential import Credential, Lifecycle, Status
from domain.errors import AlreadyEnrolled, MalformedCode, NotEnrolled
from domain.outcome import AcceptedOutcome
from domain.owner import CredentialId
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from infrastructure.crypto.derivation import HkdfDerivation
from tests.application.account import FLAGS, WRONG, Account, shown
from tests.application.rig import HOTP, OTP, RECOVERY_CODES, TOTP
from tests.domain.examples import ALICE, SECRET, STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON, FakeRandomness

REPLAYED = Rejected(Reason.REPLAYED, 5)
both = pytest.mark.parametrize("place", [HOTP, TOTP], ids=str)


def account_with(place: CredentialId) -> tuple[Account, Code]:
    """And a good code."""
    account = Account()
    return account, shown(account.has_hotp() if place == HOTP else account.has_totp())


def replacing(place: CredentialId) -> tuple[Account, Code, Code]:
    """And a good code of the present secret, and a good one of its replacement."""
    account, present = account_with(place)
    # Counter 0 is the first of a HOTP replacement, so that the authenticator is one ahead, as it may be.
    fresh = shown(account.gets_replacement(place))
    account.events.all.clear()
    return account, present, fresh


def stored(account: Account, place: CredentialId) -> SecretCredential:
    state = account.repository.state(place)
    assert isinstance(state, SecretCredential)
    return state


# Starting


@both
def test_a_replacement_is_pending_and_expires_after_an_hour(place: CredentialId) -> None:
    account, _ = account_with(place)

    replacement = account.gets_replacement(place)

    assert replacement.lifecycle == Lifecycle(created_at=NOON, expires_at=NOON + 3600)
    assert replacement.status is Status.PENDING


@both
def test_the_returned_replacement_is_the_stored_one(place: CredentialId) -> None:
    account, _ = account_with(place)
    present = stored(account, place)

    replacement = account.gets_replacement(place)

    assert stored(account, place).replacement == replacement
    assert stored(account, place).secret == present.secret != replacement.secret


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
def test_an_unconfirmed_replacement_can_be_replaced_after_an_hour(place: CredentialId) -> None:
    account, _, _ = replacing(place)
    account.clock.advance(3600)

    assert account.gets_replacement(place).expires_at == NOON + 7200


@both
def test_there_is_one_replacement_at_a_time(place: CredentialId) -> None:
    account, _, fresh = replacing(place)

    with pytest.raises(AlreadyEnrolled):
        account.gets_replacement(place)

    assert account.swaps(place, fresh).verdict == Accepted()


@both
def test_a_pending_credential_can_not_be_replaced(place: CredentialId) -> None:
    account = Account()
    account.enrolled_hotp()
    account.enrolled_totp()

    with pytest.raises(AlreadyEnrolled):
        account.gets_replacement(place)


@both
def test_without_a_credential_nothing_can_be_replaced(place: CredentialId) -> None:
    account, _ = account_with(place)
    account.fails(place)
    account.remove.execute(place)

    with pytest.raises(NotEnrolled):
        account.gets_replacement(place)


@both
def test_of_two_replacements_started_at_once_one_is_refused(place: CredentialId) -> None:
    account, _ = account_with(place)
    rivals: list[SecretCredential] = []
    account.repository.rivals = [lambda: rivals.append(account.gets_replacement(place))]

    with pytest.raises(AlreadyEnrolled):
        account.gets_replacement(place)

    assert stored(account, place).replacement == rivals[0]


@both
def test_a_code_that_is_accepted_while_a_replacement_is_started_stays_spent(place: CredentialId) -> None:
    account, present = account_with(place)
    account.repository.rivals = [lambda: account.sends(place, present)]

    account.gets_replacement(place)

    assert account.sends(place, present).verdict == REPLAYED


# Confirming


@both
def test_the_present_secret_is_valid_until_the_swap(place: CredentialId) -> None:
    account, present, _ = replacing(place)

    assert account.sends(place, present).verdict == Accepted()


@both
def test_the_outcome_of_a_swap_contains_the_stored_state(place: CredentialId) -> None:
    account, _, fresh = replacing(place)

    assert account.swaps(place, fresh) == AcceptedOutcome(stored(account, place))


@both
def test_only_the_new_secret_is_valid_after_the_swap(place: CredentialId) -> None:
    account, present = account_with(place)
    replacement = account.gets_replacement(place)
    account.swaps(place, shown(replacement))

    assert account.sends(place, present).verdict == Rejected(Reason.WRONG, 4)
    assert account.sends(place, shown(replacement, 1)).verdict == Accepted()


@both
def test_the_code_that_swapped_is_a_replay_everywhere(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.swaps(place, fresh)

    assert account.sends(place, fresh).verdict == REPLAYED
    assert account.challenged(fresh).outcome.verdict == REPLAYED
    with pytest.raises(NotEnrolled):
        account.swaps(place, fresh)


@both
def test_after_the_swap_the_secret_can_be_replaced_again(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.swaps(place, fresh)

    assert account.swaps(place, shown(account.gets_replacement(place))).verdict == Accepted()


@both
def test_a_swap_does_not_change_the_expiry_of_the_factor(place: CredentialId) -> None:
    account, _, fresh = replacing(place)

    assert account.swaps(place, fresh).state.expires_at is None


@both
def test_the_swap_clears_the_failures(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.fails(place, 4)
    account.swaps(place, fresh)

    assert account.failures(place) == 0


@both
def test_wrong_codes_of_both_secrets_are_counted_together(place: CredentialId) -> None:
    account, present, fresh = replacing(place)
    account.fails(place, 3)
    for _ in range(2):
        account.swaps(place, WRONG)

    assert account.swaps(place, fresh).verdict == Locked(NOON + 30)
    assert account.sends(place, present).verdict == Locked(NOON + 30)


@both
def test_dropping_and_starting_again_resets_no_count(place: CredentialId) -> None:
    account, _, _ = replacing(place)
    for _ in range(5):
        account.swaps(place, WRONG)
    account.drop_replacement.execute(place)

    assert account.swaps(place, shown(account.gets_replacement(place))).verdict == Locked(NOON + 30)


@both
def test_a_malformed_code_is_not_counted(place: CredentialId) -> None:
    account, _, _ = replacing(place)

    with pytest.raises(MalformedCode):
        account.swaps(place, Code("0000000"))

    assert account.failures(place) == 0


@both
def test_after_its_hour_a_replacement_accepts_no_code(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.clock.advance(3600)

    with pytest.raises(NotEnrolled):
        account.swaps(place, fresh)


@pytest.mark.parametrize("place", [OTP, HOTP, TOTP, RECOVERY_CODES], ids=str)
def test_without_a_replacement_none_can_be_confirmed(place: CredentialId) -> None:
    account = Account()
    account.has_both()
    account.has_recovery_codes()
    account.issued()

    with pytest.raises(NotEnrolled):
        account.swaps(place, WRONG)


def test_a_credential_that_was_removed_during_a_lock_is_still_locked() -> None:
    account, _, fresh = replacing(HOTP)
    account.fails(HOTP)
    account.remove.execute(HOTP)

    assert account.swaps(HOTP, fresh).verdict == Locked(NOON + 30)


# Dropping


@both
def test_a_dropped_replacement_accepts_no_code_and_the_present_secret_stays(place: CredentialId) -> None:
    account, present, fresh = replacing(place)
    account.drop_replacement.execute(place)

    with pytest.raises(NotEnrolled):
        account.swaps(place, fresh)
    assert account.sends(place, present).verdict == Accepted()


@both
def test_the_factor_is_as_before_after_its_replacement_was_dropped(place: CredentialId) -> None:
    account, _ = account_with(place)
    before = stored(account, place)
    account.gets_replacement(place)

    account.drop_replacement.execute(place)

    assert stored(account, place) == before


@both
def test_without_a_replacement_none_can_be_dropped(place: CredentialId) -> None:
    account, _ = account_with(place)

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(place)


@both
def test_a_replacement_past_its_hour_can_not_be_dropped(place: CredentialId) -> None:
    account, _, _ = replacing(place)
    account.clock.advance(3600)

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(place)


@pytest.mark.parametrize("place", [OTP, HOTP, TOTP, RECOVERY_CODES], ids=str)
def test_without_a_credential_no_replacement_can_be_dropped(place: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Account().drop_replacement.execute(place)


def test_recovery_codes_have_no_replacement_to_drop() -> None:
    account = Account()
    account.has_recovery_codes()

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(RECOVERY_CODES)


# Races


@both
def test_of_many_that_send_the_swapping_code_at_once_one_is_accepted(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    answers: list[object] = []

    def send() -> None:
        try:
            answers.append(account.swaps(place, fresh).verdict)
        except NotEnrolled as error:
            answers.append(type(error))

    account.repository.rivals = [send] * 7
    send()

    assert answers == [Accepted(), *[NotEnrolled] * 7]


@both
def test_a_swap_keeps_no_code_of_the_former_secret_that_came_in_between(place: CredentialId) -> None:
    account, present, fresh = replacing(place)
    account.repository.rivals = [lambda: account.sends(place, present)]

    assert account.swaps(place, fresh).verdict == Accepted()
    assert account.sends(place, present).verdict == Rejected(Reason.WRONG, 4)


@both
def test_a_code_of_the_former_secret_is_wrong_when_the_swap_comes_first(place: CredentialId) -> None:
    account, present, fresh = replacing(place)
    account.repository.rivals = [lambda: account.swaps(place, fresh)]

    assert account.sends(place, present).verdict == Rejected(Reason.WRONG, 4)


@both
def test_a_replacement_that_is_dropped_in_between_is_not_swapped_in(place: CredentialId) -> None:
    account, present, fresh = replacing(place)
    account.repository.rivals = [lambda: account.drop_replacement.execute(place)]

    with pytest.raises(NotEnrolled):
        account.swaps(place, fresh)

    assert account.sends(place, present).verdict == Accepted()


@both
def test_a_replacement_that_is_swapped_in_in_between_is_not_dropped(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.repository.rivals = [lambda: account.swaps(place, fresh)]

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(place)

    assert account.sends(place, fresh).verdict == REPLAYED


@both
def test_a_swap_does_not_restore_a_credential_that_was_removed_in_between(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.repository.rivals = [lambda: account.remove.execute(place)]

    with pytest.raises(NotEnrolled):
        account.swaps(place, fresh)

    assert not isinstance(account.repository.state(place), Credential)


@both
def test_the_fifth_wrong_code_in_between_locks_the_swap_out(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.fails(place, 4)
    account.repository.rivals = [lambda: account.fails(place, 1)]

    assert account.swaps(place, fresh).verdict == Locked(NOON + 30)


# What is announced, and the store


@both
def test_every_change_is_announced(place: CredentialId) -> None:
    account, _ = account_with(place)
    account.gets_replacement(place)
    account.drop_replacement.execute(place)
    replacement = account.gets_replacement(place)
    account.swaps(place, WRONG)
    account.swaps(place, shown(replacement))

    assert account.events.all == [
        (Action.REPLACEMENT_ENROLLED, place),
        (Action.REPLACEMENT_DROPPED, place),
        (Action.REPLACEMENT_ENROLLED, place),
        (Purpose.REPLACE, place, Rejected(Reason.WRONG, 4)),
        (Purpose.REPLACE, place, Accepted()),
    ]


@pytest.mark.parametrize("flag", FLAGS)
def test_a_replacement_that_is_not_known_to_be_stored_is_neither_shown_nor_announced(flag: str) -> None:
    account, _ = account_with(TOTP)
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.gets_replacement(TOTP)

    assert account.events.all == []


@pytest.mark.parametrize("flag", FLAGS)
def test_a_drop_that_is_not_known_to_be_stored_is_not_announced(flag: str) -> None:
    account, _, _ = replacing(TOTP)
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.drop_replacement.execute(TOTP)

    assert account.events.all == []


@pytest.mark.parametrize("flag", FLAGS)
def test_a_swap_without_a_reply_of_the_store_is_neither_answered_nor_announced(flag: str) -> None:
    account, _, fresh = replacing(TOTP)
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.swaps(TOTP, fresh)

    assert account.events.all == []


@both
def test_both_secrets_stay_valid_after_a_swap_that_was_not_stored(place: CredentialId) -> None:
    account, present, fresh = replacing(place)
    account.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        account.swaps(place, fresh)
    account.repository.down_before_commits = False

    assert account.sends(place, present).verdict == Accepted()
    assert account.swaps(place, fresh).verdict == Accepted()


@both
def test_a_swap_that_landed_unheard_has_spent_its_code(place: CredentialId) -> None:
    account, _, fresh = replacing(place)
    account.repository.down_after_commits = True
    with pytest.raises(StoreUnavailable):
        account.swaps(place, fresh)
    account.repository.down_after_commits = False

    state = account.sends(place, fresh)
    assert state.verdict == REPLAYED
    assert isinstance(state.state, Credential)
    assert state.state.status is Status.CONFIRMED
