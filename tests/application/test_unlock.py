"""Unlocking an account removes failures and locks, and nothing else."""

import pytest

from application.errors import StoreUnavailable
from application.ports.events import Action
from domain.credential import Credential
from domain.errors import NotEnrolled
from domain.failures import NO_FAILURES
from domain.owner import CredentialId
from domain.tombstone import Tombstone
from domain.verdict import Accepted, Reason, Rejected
from tests.application.account import FLAGS, WRONG, WRONG_RECOVERY_CODE, Account, shown
from tests.application.rig import HOTP, OTP, RECOVERY_CODES, TOTP
from tests.domain.examples import ALICE, BOB

EVERYTHING = (OTP, HOTP, TOTP, RECOVERY_CODES)


def locked_account() -> Account:
    """Return Alice's account with all factors locked and her one-time code invalidated."""
    account = Account()
    account.has_both()
    account.has_recovery_codes()
    account.issued()
    for credential_id in EVERYTHING:
        account.fails(credential_id)
    account.events.all.clear()
    return account


def states(account: Account) -> dict[CredentialId, object]:
    return {credential_id: account.repository.state(credential_id) for credential_id in EVERYTHING}


def test_after_unlocking_nothing_has_failures() -> None:
    account = locked_account()

    account.unlock.execute(ALICE)

    assert [account.failures(credential_id) for credential_id in EVERYTHING] == [0, 0, 0, 0]


def test_a_tombstone_without_former_secrets_is_removed() -> None:
    account = locked_account()
    account.remove.execute(HOTP)

    account.unlock.execute(ALICE)

    assert account.repository.state(OTP) is None
    left = account.repository.state(HOTP)
    assert isinstance(left, Tombstone)
    assert (left.failures, [secret.last for secret in left.former]) == (NO_FAILURES, [0])


def test_unlocking_changes_only_the_failures() -> None:
    account, untouched = locked_account(), Account()
    untouched.has_both()
    untouched.has_recovery_codes()

    account.unlock.execute(ALICE)

    assert states(account) == states(untouched)


def test_a_valid_code_is_accepted_after_unlocking() -> None:
    account = Account()
    credential = account.has_totp()
    account.fails(TOTP)

    account.unlock.execute(ALICE)

    assert account.challenged(shown(credential)).outcome.verdict == Accepted()


def test_after_unlocking_all_attempts_are_left() -> None:
    account = Account()
    account.has_totp()
    account.fails(TOTP)

    account.unlock.execute(ALICE)

    assert account.sends(TOTP, WRONG).verdict == Rejected(Reason.WRONG, 4)


@pytest.mark.parametrize("credential_id", [HOTP, TOTP], ids=str)
def test_a_code_that_was_accepted_before_stays_a_replay(credential_id: CredentialId) -> None:
    account = Account()
    code = shown(account.has_hotp() if credential_id == HOTP else account.has_totp())
    account.sends(credential_id, code)
    account.fails(credential_id)

    account.unlock.execute(ALICE)

    assert account.sends(credential_id, code).verdict == Rejected(Reason.REPLAYED, 5)


def test_a_recovery_code_that_was_accepted_before_stays_a_replay() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    account.sends(RECOVERY_CODES, code)
    account.fails(RECOVERY_CODES)

    account.unlock.execute(ALICE)

    assert account.sends(RECOVERY_CODES, code).verdict == Rejected(Reason.REPLAYED, 5)


def test_an_invalidated_one_time_code_stays_invalid() -> None:
    account = Account()
    code = account.issued().code
    account.fails(OTP)

    account.unlock.execute(ALICE)

    with pytest.raises(NotEnrolled):
        account.sends(OTP, code)


def test_unlocking_keeps_a_replacement() -> None:
    account = Account()
    account.has_totp()
    replacement = account.gets_replacement(TOTP)
    account.fails(TOTP)

    account.unlock.execute(ALICE)

    assert account.swaps(TOTP, shown(replacement)).verdict == Accepted()


def test_unlocking_one_account_leaves_the_others_locked() -> None:
    account = locked_account()
    before = states(account)

    account.unlock.execute(BOB)

    assert states(account) == before


def test_an_account_that_has_nothing_can_be_unlocked() -> None:
    account = Account()

    account.unlock.execute(ALICE)

    assert (account.repository.committed, account.events.all) == (0, [])


def test_a_credential_without_failures_is_neither_written_nor_announced() -> None:
    account = Account()
    account.has_both()
    account.fails(TOTP, 1)
    account.events.all.clear()
    before = account.repository.committed

    account.unlock.execute(ALICE)

    assert account.repository.committed == before + 1
    assert account.events.all == [(Action.UNLOCKED, TOTP)]


def test_each_unlocked_credential_is_announced() -> None:
    account = locked_account()

    account.unlock.execute(ALICE)

    assert account.events.all == [(Action.UNLOCKED, credential_id) for credential_id in EVERYTHING]


def test_unlocking_also_clears_a_wrong_code_that_is_counted_in_the_meantime() -> None:
    account = Account()
    account.has_totp()
    account.fails(TOTP, 3)
    account.repository.rivals = [lambda: account.fails(TOTP, 1)]

    account.unlock.execute(ALICE)

    assert account.failures(TOTP) == 0


def test_a_code_that_was_accepted_meanwhile_stays_spent() -> None:
    account = Account()
    code = shown(account.has_totp())
    account.fails(TOTP, 3)
    account.repository.rivals = [lambda: account.sends(TOTP, code)]

    account.unlock.execute(ALICE)

    assert account.sends(TOTP, code).verdict == Rejected(Reason.REPLAYED, 5)


def test_a_credential_that_is_removed_meanwhile_is_not_restored() -> None:
    account = Account()
    account.has_totp()
    account.fails(TOTP, 3)
    account.repository.rivals = [lambda: account.remove.execute(TOTP)]

    account.unlock.execute(ALICE)

    assert not isinstance(account.repository.state(TOTP), Credential)


def test_a_credential_that_is_enrolled_meanwhile_is_unlocked() -> None:
    account = Account()
    account.has_recovery_codes()
    account.fails(RECOVERY_CODES)
    account.remove.execute(RECOVERY_CODES)
    account.repository.rivals = [account.has_recovery_codes]

    account.unlock.execute(ALICE)

    state = account.repository.state(RECOVERY_CODES)
    assert isinstance(state, Credential)
    assert state.failures == NO_FAILURES


@pytest.mark.parametrize("flag", FLAGS)
def test_an_unlocking_that_is_not_known_to_be_stored_is_not_announced(flag: str) -> None:
    account = locked_account()
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.unlock.execute(ALICE)

    assert account.events.all == []


def test_an_unlocking_that_fails_changes_nothing_and_can_be_repeated() -> None:
    account = locked_account()
    failures = [account.failures(credential_id) for credential_id in EVERYTHING]
    account.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        account.unlock.execute(ALICE)
    account.repository.down_before_commits = False
    assert [account.failures(credential_id) for credential_id in EVERYTHING] == failures

    account.unlock.execute(ALICE)

    assert account.events.all == [(Action.UNLOCKED, credential_id) for credential_id in EVERYTHING]


def test_recovery_codes_are_valid_after_unlocking() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    for _ in range(7):
        account.sends(RECOVERY_CODES, WRONG_RECOVERY_CODE)

    account.unlock.execute(ALICE)

    assert account.sends(RECOVERY_CODES, code).verdict == Accepted()
