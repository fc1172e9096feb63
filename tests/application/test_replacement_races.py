"""Replacements with races and a failing store, and their events."""

import pytest

from application.errors import StoreUnavailable
from application.ports.events import Action, Purpose
from domain.credential import Credential, Status
from domain.errors import NotEnrolled
from domain.owner import CredentialId
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.account import FLAGS, WRONG, shown
from tests.application.replaced import REPLAYED, account_with, both, replacing
from tests.application.rig import TOTP
from tests.support.fakes import NOON

# Races


@both
def test_one_of_many_simultaneous_submissions_of_the_swapping_code_is_accepted(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    answers: list[object] = []

    def send() -> None:
        try:
            answers.append(account.swaps(credential_id, fresh).verdict)
        except NotEnrolled as error:
            answers.append(type(error))

    account.repository.rivals = [send] * 7
    send()

    assert answers == [Accepted(), *[NotEnrolled] * 7]


@both
def test_a_swap_keeps_no_code_of_the_former_secret_that_came_meanwhile(credential_id: CredentialId) -> None:
    account, present, fresh = replacing(credential_id)
    account.repository.rivals = [lambda: account.sends(credential_id, present)]

    assert account.swaps(credential_id, fresh).verdict == Accepted()
    assert account.sends(credential_id, present).verdict == Rejected(Reason.WRONG, 4)


@both
def test_a_code_of_the_former_secret_is_wrong_when_the_swap_comes_first(credential_id: CredentialId) -> None:
    account, present, fresh = replacing(credential_id)
    account.repository.rivals = [lambda: account.swaps(credential_id, fresh)]

    assert account.sends(credential_id, present).verdict == Rejected(Reason.WRONG, 4)


@both
def test_a_replacement_that_is_dropped_meanwhile_is_not_swapped_in(credential_id: CredentialId) -> None:
    account, present, fresh = replacing(credential_id)
    account.repository.rivals = [lambda: account.drop_replacement.execute(credential_id)]

    with pytest.raises(NotEnrolled):
        account.swaps(credential_id, fresh)

    assert account.sends(credential_id, present).verdict == Accepted()


@both
def test_a_replacement_that_is_swapped_in_meanwhile_is_not_dropped(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.repository.rivals = [lambda: account.swaps(credential_id, fresh)]

    with pytest.raises(NotEnrolled):
        account.drop_replacement.execute(credential_id)

    assert account.sends(credential_id, fresh).verdict == REPLAYED


@both
def test_a_swap_does_not_restore_a_credential_that_was_removed_meanwhile(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.repository.rivals = [lambda: account.remove.execute(credential_id)]

    with pytest.raises(NotEnrolled):
        account.swaps(credential_id, fresh)

    assert not isinstance(account.repository.state(credential_id), Credential)


@both
def test_the_fifth_wrong_code_prevents_a_swap_that_is_committed_later(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.fails(credential_id, 4)
    account.repository.rivals = [lambda: account.fails(credential_id, 1)]

    assert account.swaps(credential_id, fresh).verdict == Locked(NOON + 30)


# Events and the store


@both
def test_every_change_is_announced(credential_id: CredentialId) -> None:
    account, _ = account_with(credential_id)
    account.gets_replacement(credential_id)
    account.drop_replacement.execute(credential_id)
    replacement = account.gets_replacement(credential_id)
    account.swaps(credential_id, WRONG)
    account.swaps(credential_id, shown(replacement))

    assert account.events.all == [
        (Action.REPLACEMENT_ENROLLED, credential_id),
        (Action.REPLACEMENT_DROPPED, credential_id),
        (Action.REPLACEMENT_ENROLLED, credential_id),
        (Purpose.REPLACE, credential_id, Rejected(Reason.WRONG, 4)),
        (Purpose.REPLACE, credential_id, Accepted()),
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
def test_a_swap_without_a_response_of_the_store_is_neither_reported_nor_announced(flag: str) -> None:
    account, _, fresh = replacing(TOTP)
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.swaps(TOTP, fresh)

    assert account.events.all == []


@both
def test_both_secrets_stay_valid_after_a_swap_that_was_not_stored(credential_id: CredentialId) -> None:
    account, present, fresh = replacing(credential_id)
    account.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        account.swaps(credential_id, fresh)
    account.repository.down_before_commits = False

    assert account.sends(credential_id, present).verdict == Accepted()
    assert account.swaps(credential_id, fresh).verdict == Accepted()


@both
def test_a_stored_swap_without_a_response_has_spent_its_code(credential_id: CredentialId) -> None:
    account, _, fresh = replacing(credential_id)
    account.repository.down_after_commits = True
    with pytest.raises(StoreUnavailable):
        account.swaps(credential_id, fresh)
    account.repository.down_after_commits = False

    state = account.sends(credential_id, fresh)
    assert state.verdict == REPLAYED
    assert isinstance(state.state, Credential)
    assert state.state.status is Status.CONFIRMED
