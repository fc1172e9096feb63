"""Disabling a factor: it goes against a good code of its own, and against nothing else."""

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
both = pytest.mark.parametrize("place", [HOTP, TOTP], ids=str)


def account_with(place: CredentialId) -> tuple[Account, Code]:
    """And a good code."""
    account = Account()
    credential = account.has_hotp() if place == HOTP else account.has_totp()
    return account, shown(credential)


@both
def test_a_valid_code_removes_the_factor(place: CredentialId) -> None:
    account, code = account_with(place)

    assert account.disables(place, code).verdict == Accepted()
    assert not isinstance(account.repository.state(place), Credential)


@both
def test_a_valid_code_disables_once(place: CredentialId) -> None:
    account, code = account_with(place)
    account.disables(place, code)

    with pytest.raises(NotEnrolled):
        account.disables(place, code)


@both
def test_no_failures_remain_after_a_valid_code(place: CredentialId) -> None:
    account, code = account_with(place)
    account.fails(place, 4)
    account.disables(place, code)

    assert account.failures(place) == 0


def test_the_other_factors_stay() -> None:
    account = Account()
    hotp, totp = account.has_both()
    account.disables(HOTP, shown(hotp))

    assert account.sends(TOTP, shown(totp)).verdict == Accepted()


@both
def test_a_wrong_code_removes_nothing_and_is_counted(place: CredentialId) -> None:
    account, code = account_with(place)

    assert account.disables(place, WRONG).verdict == Rejected(Reason.WRONG, 4)
    assert account.sends(place, code).verdict == Accepted()


@both
def test_a_replay_removes_nothing(place: CredentialId) -> None:
    account, code = account_with(place)
    account.sends(place, code)

    assert account.disables(place, code).verdict == REPLAYED
    assert account.repository.state(place) is not None


@both
def test_the_fifth_wrong_code_locks_a_factor_instead_of_disabling_it(place: CredentialId) -> None:
    account, code = account_with(place)
    for _ in range(5):
        account.disables(place, WRONG)

    assert account.disables(place, code).verdict == Locked(NOON + 30)
    assert account.sends(place, code).verdict == Locked(NOON + 30)


@both
def test_a_malformed_code_removes_nothing_and_is_not_counted(place: CredentialId) -> None:
    account, _ = account_with(place)

    with pytest.raises(MalformedCode):
        account.disables(place, Code("0000000"))

    assert (account.failures(place), account.events.all) == (0, [])


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
def test_an_unknown_credential_can_not_be_disabled(place: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Account().disables(place, WRONG)


@both
def test_a_credential_that_was_removed_during_a_lock_is_still_locked(place: CredentialId) -> None:
    account, code = account_with(place)
    account.fails(place)
    account.remove.execute(place)

    assert account.disables(place, code).verdict == Locked(NOON + 30)


# Races


@both
def test_a_code_that_is_verified_meanwhile_removes_nothing(place: CredentialId) -> None:
    account, code = account_with(place)
    rivals: list[object] = []
    account.repository.rivals = [lambda: rivals.append(account.sends(place, code).verdict)]

    assert [account.disables(place, code).verdict, *rivals] == [REPLAYED, Accepted()]
    assert account.repository.state(place) is not None


@both
def test_a_code_that_is_challenged_meanwhile_removes_nothing(place: CredentialId) -> None:
    account, code = account_with(place)
    account.repository.rivals = [lambda: account.challenged(code)]

    assert account.disables(place, code).verdict == REPLAYED


@both
def test_a_code_that_disables_a_factor_in_between_is_accepted_by_no_other(place: CredentialId) -> None:
    account, code = account_with(place)
    account.repository.rivals = [lambda: account.disables(place, code)]

    with pytest.raises(NotEnrolled):
        account.challenged(code)


@both
def test_of_two_that_disable_at_once_one_does(place: CredentialId) -> None:
    account, code = account_with(place)
    account.repository.rivals = [lambda: account.disables(place, code)]

    with pytest.raises(NotEnrolled):
        account.disables(place, code)

    assert account.events.all.count((Action.REMOVED, place)) == 1


# What is announced, and the store


@both
def test_the_verdict_is_announced_and_then_the_removal(place: CredentialId) -> None:
    account, code = account_with(place)
    account.disables(place, code)

    assert account.events.all == [(Purpose.DISABLE, place, Accepted()), (Action.REMOVED, place)]


@both
def test_a_code_that_disabled_nothing_is_announced_as_a_verdict_alone(place: CredentialId) -> None:
    account, _ = account_with(place)
    account.disables(place, WRONG)

    assert account.events.all == [(Purpose.DISABLE, place, Rejected(Reason.WRONG, 4))]


@both
@pytest.mark.parametrize("flag", FLAGS)
def test_a_removal_without_a_reply_of_the_store_is_neither_answered_nor_announced(
    place: CredentialId, flag: str
) -> None:
    account, code = account_with(place)
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.disables(place, code)

    assert account.events.all == []


@both
def test_factor_and_code_stay_valid_after_a_removal_that_was_not_stored(place: CredentialId) -> None:
    account, code = account_with(place)
    account.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        account.disables(place, code)
    account.repository.down_before_commits = False

    assert account.sends(place, code).verdict == Accepted()
