"""Disabling a factor requires a valid code of this factor."""

import pytest

from application.errors import StoreUnavailable
from application.ports.events import Action, Purpose
from domain.code import Code
from domain.credential import Credential
from domain.errors import MalformedCode, NotEnrolled
from domain.owner import CredentialId
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.account import FLAGS, WRONG, Account, shown
from tests.application.rig import HOTP, TOTP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

REPLAYED = Rejected(Reason.REPLAYED, 5)
both = pytest.mark.parametrize("credential_id", [HOTP, TOTP], ids=str)


def account_with(credential_id: CredentialId) -> tuple[Account, Code]:
    """Return an account and a valid code."""
    account = Account()
    credential = account.has_hotp() if credential_id == HOTP else account.has_totp()
    return account, shown(credential)


@both
def test_a_valid_code_removes_the_factor(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)

    assert account.disables(credential_id, code).verdict == Accepted()
    assert not isinstance(account.repository.state(credential_id), Credential)


@both
def test_a_valid_code_disables_once(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.disables(credential_id, code)

    with pytest.raises(NotEnrolled):
        account.disables(credential_id, code)


@both
def test_no_failures_remain_after_a_valid_code(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.fails(credential_id, 4)
    account.disables(credential_id, code)

    assert account.failures(credential_id) == 0


def test_the_other_factors_stay() -> None:
    account = Account()
    hotp, totp = account.has_both()
    account.disables(HOTP, shown(hotp))

    assert account.sends(TOTP, shown(totp)).verdict == Accepted()


@both
def test_a_wrong_code_removes_nothing_and_is_counted(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)

    assert account.disables(credential_id, WRONG).verdict == Rejected(Reason.WRONG, 4)
    assert account.sends(credential_id, code).verdict == Accepted()


@both
def test_a_replay_removes_nothing(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.sends(credential_id, code)

    assert account.disables(credential_id, code).verdict == REPLAYED
    assert account.repository.state(credential_id) is not None


@both
def test_the_fifth_wrong_code_locks_a_factor_instead_of_disabling_it(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    for _ in range(5):
        account.disables(credential_id, WRONG)

    assert account.disables(credential_id, code).verdict == Locked(NOON + 30)
    assert account.sends(credential_id, code).verdict == Locked(NOON + 30)


@both
def test_a_malformed_code_removes_nothing_and_is_not_counted(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)

    with pytest.raises(MalformedCode):
        account.disables(credential_id, Code("0000000"))

    assert (account.failures(credential_id), account.events.all) == (0, [])


def test_a_code_of_the_replacement_does_not_disable() -> None:
    account = Account()
    account.has_totp()

    assert account.disables(TOTP, shown(account.gets_replacement(TOTP))).verdict == Rejected(Reason.WRONG, 4)


def test_a_pending_factor_can_be_disabled() -> None:
    account = Account()
    code = Code(hotp_value(account.enrolled_hotp(), 0))

    assert account.disables(HOTP, code).verdict == Accepted()
    assert not isinstance(account.repository.state(HOTP), Credential)


@both
def test_an_unknown_credential_cannot_be_disabled(credential_id: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Account().disables(credential_id, WRONG)


@both
def test_a_credential_that_was_removed_during_a_lock_is_still_locked(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.fails(credential_id)
    account.remove.execute(credential_id)

    assert account.disables(credential_id, code).verdict == Locked(NOON + 30)


# Races


@both
def test_a_code_that_is_verified_meanwhile_removes_nothing(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    rivals: list[object] = []
    account.repository.rivals = [lambda: rivals.append(account.sends(credential_id, code).verdict)]

    assert [account.disables(credential_id, code).verdict, *rivals] == [REPLAYED, Accepted()]
    assert account.repository.state(credential_id) is not None


@both
def test_a_code_that_a_challenge_accepts_meanwhile_removes_nothing(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.repository.rivals = [lambda: account.challenged(code)]

    assert account.disables(credential_id, code).verdict == REPLAYED


@both
def test_a_code_that_disables_a_factor_meanwhile_is_accepted_by_no_other(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.repository.rivals = [lambda: account.disables(credential_id, code)]

    with pytest.raises(NotEnrolled):
        account.challenged(code)


@both
def test_one_of_two_simultaneous_requests_to_disable_succeeds(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.repository.rivals = [lambda: account.disables(credential_id, code)]

    with pytest.raises(NotEnrolled):
        account.disables(credential_id, code)

    assert account.events.all.count((Action.REMOVED, credential_id)) == 1


# Events and the store


@both
def test_the_verdict_is_announced_and_then_the_removal(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.disables(credential_id, code)

    assert account.events.all == [(Purpose.DISABLE, credential_id, Accepted()), (Action.REMOVED, credential_id)]


@both
def test_a_code_that_disabled_nothing_is_announced_as_a_verdict_alone(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)
    account.disables(credential_id, WRONG)

    assert account.events.all == [(Purpose.DISABLE, credential_id, Rejected(Reason.WRONG, 4))]


@both
@pytest.mark.parametrize("flag", FLAGS)
def test_a_removal_without_a_response_of_the_store_is_neither_reported_nor_announced(
    credential_id: CredentialId, flag: str
) -> None:
    account, code = account_with(credential_id)
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.disables(credential_id, code)

    assert account.events.all == []


@both
def test_factor_and_code_stay_valid_after_a_removal_that_was_not_stored(credential_id: CredentialId) -> None:
    account, code = account_with(credential_id)
    account.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        account.disables(credential_id, code)
    account.repository.down_before_commits = False

    assert account.sends(credential_id, code).verdict == Accepted()
