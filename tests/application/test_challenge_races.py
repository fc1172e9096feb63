"""Challenges with equal codes of two factors, races and a failing store, and their events."""

from dataclasses import replace
from itertools import count

import pytest

from application.enrolment import EnrolRequest
from application.errors import StoreUnavailable
from application.ports.events import Purpose
from domain.code import Code
from domain.credential import Credential, Lifecycle, Status
from domain.errors import MalformedCode, NotEnrolled
from domain.owner import CredentialId, Factor
from domain.parameters import HotpParameters
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.account import FLAGS, WRONG, WRONG_RECOVERY_CODE, Account, shown, verdict_of
from tests.application.challenged import EVERYTHING, REPLAYED, account_with_everything, counted
from tests.application.model import FewCodes, few_codes
from tests.application.rig import HOTP, RECOVERY_CODES, TOTP
from tests.domain.examples import ALICE, hotp, totp
from tests.support.fakes import NOON

# Equal codes of two factors


def account_with_shared_digits() -> tuple[Account, Code]:
    """The next code of HOTP is also the current one of TOTP, whose steps last longer than a lock."""
    account = Account(FewCodes())
    step = NOON // 300
    digits = few_codes(step, 6)
    counter = next(counter for counter in count(1) if few_codes(counter, 6) == digits)
    confirmed = Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON)
    account.repository.put(replace(totp(step - 1, interval=300, window=0), lifecycle=confirmed))
    account.repository.put(replace(hotp(counter, initial_counter=counter, look_ahead=0), lifecycle=confirmed))
    return account, Code(digits)


def test_digits_that_two_factors_share_are_accepted_once() -> None:
    account, code = account_with_shared_digits()

    answers = [verdict_of(account.challenged(code)) for _ in range(3)]

    assert answers == [(Factor.TOTP, Accepted()), (Factor.TOTP, REPLAYED), (Factor.TOTP, REPLAYED)]


def test_digits_that_one_factor_accepted_are_a_replay_after_the_lock_of_the_other_ends() -> None:
    account, code = account_with_shared_digits()
    account.fails(TOTP)
    first = account.challenged(code)
    account.clock.advance(30)

    assert [verdict_of(first), verdict_of(account.challenged(code))] == [
        (Factor.HOTP, Accepted()),
        (Factor.HOTP, REPLAYED),
    ]


def test_digits_that_two_factors_share_are_accepted_once_of_many_simultaneous_submissions() -> None:
    account, code = account_with_shared_digits()
    answers: list[object] = []

    def send() -> None:
        answers.append(verdict_of(account.challenged(code)))

    account.repository.rivals = [send] * 7
    send()

    assert answers == [(Factor.TOTP, Accepted()), *[(Factor.TOTP, REPLAYED)] * 7]


# Races


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_one_of_many_simultaneous_submissions_of_a_code_is_accepted(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    answers: list[object] = []

    def send() -> None:
        answers.append(verdict_of(account.challenged(codes[credential_id])))

    account.repository.rivals = [send] * 7
    send()

    assert answers == [(credential_id.factor, Accepted()), *[(credential_id.factor, REPLAYED)] * 7]
    assert counted(account) == {}


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_that_is_verified_in_the_meantime_is_a_replay(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.repository.rivals = [lambda: account.sends(credential_id, codes[credential_id])]

    assert verdict_of(account.challenged(codes[credential_id])) == (credential_id.factor, REPLAYED)


def test_a_simultaneous_code_of_another_factor_is_accepted_too() -> None:
    account, codes = account_with_everything()
    rivals: list[object] = []
    account.repository.rivals = [lambda: rivals.append(verdict_of(account.challenged(codes[RECOVERY_CODES])))]

    answer = account.challenged(codes[TOTP])

    assert [verdict_of(answer), *rivals] == [(Factor.TOTP, Accepted()), (Factor.RECOVERY_CODES, Accepted())]


def test_a_valid_code_that_loses_a_race_against_the_fifth_wrong_one_is_locked_out_and_counted_by_the_others() -> None:
    account, codes = account_with_everything()
    account.fails(TOTP, 4)
    account.repository.rivals = [lambda: account.fails(TOTP, 1)]

    answer = account.challenged(codes[TOTP])

    assert verdict_of(answer) == (Factor.TOTP, Locked(NOON + 30))
    assert counted(account)[Factor.HOTP] == 1


def test_guesses_that_are_sent_at_once_are_counted_one_by_one() -> None:
    account, _ = account_with_everything()
    account.repository.rivals = [lambda: account.challenged(WRONG)] * 2

    account.challenged(WRONG)

    assert counted(account) == {Factor.TOTP: 3, Factor.HOTP: 3}


def test_a_factor_that_is_enrolled_again_meanwhile_is_not_confirmed() -> None:
    account = Account()
    former = account.has_hotp()

    def enrol_anew() -> None:
        account.remove.execute(HOTP)
        account.enrol.execute(EnrolRequest(ALICE, None, HotpParameters(), 1, secret=former.secret))

    account.repository.rivals = [enrol_anew]
    with pytest.raises(NotEnrolled):
        account.challenged(shown(former))

    state = account.repository.state(HOTP)
    assert isinstance(state, Credential)
    assert state.status is Status.PENDING


def test_nothing_is_enrolled_if_the_only_factor_is_removed_meanwhile() -> None:
    account = Account()
    credential = account.has_totp()
    account.repository.rivals = [lambda: account.remove.execute(TOTP)]

    with pytest.raises(NotEnrolled):
        account.challenged(shown(credential))


def test_the_other_factors_judge_and_count_if_one_is_removed_meanwhile() -> None:
    account, _ = account_with_everything()
    account.repository.rivals = [lambda: account.remove.execute(TOTP)]

    answer = account.challenged(WRONG)

    assert verdict_of(answer) == (Factor.HOTP, Rejected(Reason.WRONG, 4))


def account_with_replacement(digits: int = 6) -> tuple[Account, SecretCredential, SecretCredential]:
    account = Account()
    present = account.has_totp()
    return account, present, account.gets_replacement(TOTP, digits)


def test_a_code_of_the_former_secret_is_wrong_if_the_swap_happens_meanwhile() -> None:
    account, present, replacement = account_with_replacement()
    account.repository.rivals = [lambda: account.swaps(TOTP, shown(replacement, -1))]

    assert verdict_of(account.challenged(shown(present))) == (Factor.TOTP, Rejected(Reason.WRONG, 4))


def test_a_code_of_the_replacement_is_valid_if_the_swap_happens_meanwhile() -> None:
    account, _, replacement = account_with_replacement()
    account.repository.rivals = [lambda: account.swaps(TOTP, shown(replacement, -1))]

    assert verdict_of(account.challenged(shown(replacement))) == (Factor.TOTP, Accepted())


def test_the_code_that_swaps_the_secrets_meanwhile_is_a_replay() -> None:
    account, _, replacement = account_with_replacement()
    account.repository.rivals = [lambda: account.swaps(TOTP, shown(replacement))]

    assert verdict_of(account.challenged(shown(replacement))) == (Factor.TOTP, REPLAYED)


def test_no_code_is_accepted_if_a_replacement_with_other_digits_is_swapped_in() -> None:
    account, present, replacement = account_with_replacement(digits=8)
    account.repository.rivals = [lambda: account.swaps(TOTP, shown(replacement, -1))]

    with pytest.raises(MalformedCode):
        account.challenged(shown(present))


@pytest.mark.parametrize("which", [0, 5])
def test_a_recovery_code_of_a_set_that_is_replaced_meanwhile_is_wrong(which: int) -> None:
    account = Account()
    code = account.has_recovery_codes()[which]
    account.repository.rivals = [account.has_recovery_codes]

    assert verdict_of(account.challenged(code)) == (Factor.RECOVERY_CODES, Rejected(Reason.WRONG, 4))


# The store


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_is_neither_accepted_nor_announced_unless_it_is_known_to_be_spent(
    credential_id: CredentialId, flag: str
) -> None:
    account, codes = account_with_everything()
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.challenged(codes[credential_id])

    assert account.events.all == []


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_whose_acceptance_was_not_stored_is_still_valid(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        account.challenged(codes[credential_id])
    account.repository.down_before_commits = False

    assert verdict_of(account.challenged(codes[credential_id])) == (credential_id.factor, Accepted())


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_whose_acceptance_was_stored_without_a_response_is_spent(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.repository.down_after_commits = True
    with pytest.raises(StoreUnavailable):
        account.challenged(codes[credential_id])
    account.repository.down_after_commits = False

    assert verdict_of(account.challenged(codes[credential_id])) == (credential_id.factor, REPLAYED)


@pytest.mark.parametrize(("flag", "counting"), [("down_before_commits", 0), ("down_after_commits", 1)])
def test_all_factors_count_a_wrong_code_or_none_does(flag: str, counting: int) -> None:
    account, _ = account_with_everything()
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.challenged(WRONG)

    assert [account.failures(each) for each in (TOTP, HOTP)] == [counting, counting]


def test_an_accepted_code_is_one_commit_and_a_replay_none() -> None:
    account, codes = account_with_everything()
    before = account.repository.committed
    account.challenged(codes[HOTP])
    account.challenged(codes[HOTP])

    assert account.repository.committed == before + 1


def test_locked_factors_are_not_written_to() -> None:
    account, codes = account_with_everything()
    account.fails(TOTP)
    account.fails(HOTP)
    before = account.repository.committed

    account.challenged(codes[TOTP])

    assert account.repository.committed == before


# Events


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_an_accepted_code_and_its_replay_are_announced_for_their_factor_alone(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.challenged(codes[credential_id])
    account.challenged(codes[credential_id])

    assert account.events.all == [
        (Purpose.CHALLENGE, credential_id, Accepted()),
        (Purpose.CHALLENGE, credential_id, REPLAYED),
    ]


def test_a_wrong_code_is_announced_for_each_factor_that_counted_it() -> None:
    account, _ = account_with_everything()
    account.challenged(WRONG)

    assert account.events.all == [
        (Purpose.CHALLENGE, TOTP, Rejected(Reason.WRONG, 4)),
        (Purpose.CHALLENGE, HOTP, Rejected(Reason.WRONG, 4)),
    ]


def test_a_lock_that_a_challenge_begins_is_announced() -> None:
    account = Account()
    account.has_recovery_codes()
    account.fails(RECOVERY_CODES, 4)

    account.challenged(WRONG_RECOVERY_CODE)

    assert account.events.all[-2:] == [
        (Purpose.CHALLENGE, RECOVERY_CODES, Rejected(Reason.WRONG, 0)),
        ("locked", RECOVERY_CODES, NOON + 30),
    ]
