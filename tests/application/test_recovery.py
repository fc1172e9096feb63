"""Recovery codes: a set is shown once, each code is accepted once, and wrong codes are counted."""

import pytest

from application.errors import StoreUnavailable
from application.ports.events import Action, Purpose
from domain.credential import Status
from domain.errors import MalformedCode, NotEnrolled
from domain.failures import Failures
from domain.recovery_codes import RecoveryCodes
from domain.verdict import Accepted, Locked, Reason, Rejected, Verdict
from tests.application.account import FLAGS, WRONG, WRONG_RECOVERY_CODE, Account
from tests.application.rig import RECOVERY_CODES
from tests.domain.examples import ALICE
from tests.support.fakes import NOON


def stored(account: Account) -> RecoveryCodes:
    state = account.repository.state(RECOVERY_CODES)
    assert isinstance(state, RecoveryCodes)
    return state


def test_every_issued_code_is_accepted_once() -> None:
    account = Account()
    codes = account.has_recovery_codes()

    first = [account.sends(RECOVERY_CODES, code).verdict for code in codes]
    second = [account.sends(RECOVERY_CODES, code).verdict for code in codes]

    assert first == [Accepted()] * len(codes)
    assert second == [Rejected(Reason.REPLAYED, 5)] * len(codes)


def test_a_set_has_ten_codes_and_no_two_alike() -> None:
    assert len(set(Account().has_recovery_codes())) == 10


def test_the_outcome_of_an_accepted_code_contains_the_number_of_remaining_codes() -> None:
    account = Account()
    codes = account.has_recovery_codes()

    remaining = []
    for code in codes:
        state = account.sends(RECOVERY_CODES, code).state
        assert isinstance(state, RecoveryCodes)
        remaining.append(state.remaining)

    assert remaining == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_a_set_needs_no_confirmation() -> None:
    account = Account()
    account.has_recovery_codes()

    assert stored(account).status is Status.CONFIRMED


def test_a_set_lasts_until_it_is_removed() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    account.clock.advance(10 * 365 * 86400)

    assert account.sends(RECOVERY_CODES, code).verdict == Accepted()


def test_the_stored_set_does_not_contain_the_codes() -> None:
    account = Account()
    issued = account.issue_recovery_codes.execute(ALICE)

    assert stored(account) == issued.credential
    for code in issued.codes:
        assert code.text.encode() not in b"".join(issued.credential.digests)


def test_the_codes_hide_from_repr() -> None:
    issued = Account().issue_recovery_codes.execute(ALICE)

    for code in issued.codes:
        assert code.text not in f"{issued!r} {issued.codes!r} {issued.credential!r}"


def test_two_sets_are_keyed_with_different_secrets() -> None:
    account = Account()

    first, second = (account.issue_recovery_codes.execute(ALICE).credential for _ in range(2))

    assert first.secret != second.secret


def test_a_new_set_replaces_the_one_before() -> None:
    account = Account()
    former = account.has_recovery_codes()
    account.has_recovery_codes()

    assert account.sends(RECOVERY_CODES, former[0]).verdict == Rejected(Reason.WRONG, 4)


def test_failures_survive_a_new_set() -> None:
    account = Account()
    account.has_recovery_codes()
    account.fails(RECOVERY_CODES, 3)

    assert account.issue_recovery_codes.execute(ALICE).credential.failures == Failures(3)


def test_a_lock_survives_removal_and_a_new_set() -> None:
    account = Account()
    account.has_recovery_codes()
    account.fails(RECOVERY_CODES)
    account.remove.execute(RECOVERY_CODES)
    code = account.has_recovery_codes()[0]

    assert account.sends(RECOVERY_CODES, code).verdict == Locked(NOON + 30)


def test_digits_are_malformed_and_not_counted() -> None:
    account = Account()
    account.has_recovery_codes()

    with pytest.raises(MalformedCode):
        account.sends(RECOVERY_CODES, WRONG)

    assert account.failures(RECOVERY_CODES) == 0


def test_without_a_set_no_recovery_code_can_be_verified() -> None:
    with pytest.raises(NotEnrolled):
        Account().sends(RECOVERY_CODES, WRONG_RECOVERY_CODE)


def test_one_of_many_simultaneous_submissions_of_a_code_is_accepted() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    verdicts: list[Verdict] = []

    def send() -> None:
        verdicts.append(account.sends(RECOVERY_CODES, code).verdict)

    account.repository.rivals = [send] * 7
    send()

    assert verdicts == [Accepted(), *[Rejected(Reason.REPLAYED, 5)] * 7]


def test_two_codes_sent_at_once_are_both_spent() -> None:
    account = Account()
    first, second, *_ = account.has_recovery_codes()
    account.repository.rivals = [lambda: account.sends(RECOVERY_CODES, first)]

    assert account.sends(RECOVERY_CODES, second).verdict == Accepted()
    assert stored(account).remaining == 8


def test_a_code_of_a_set_that_is_replaced_meanwhile_is_wrong() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    account.repository.rivals = [account.has_recovery_codes]

    assert account.sends(RECOVERY_CODES, code).verdict == Rejected(Reason.WRONG, 4)


def test_a_new_set_counts_a_wrong_code_that_came_meanwhile() -> None:
    account = Account()
    account.has_recovery_codes()
    account.repository.rivals = [lambda: account.fails(RECOVERY_CODES, 1)]

    assert account.issue_recovery_codes.execute(ALICE).credential.failures == Failures(1)


def test_the_last_of_two_sets_issued_at_once_is_valid() -> None:
    account = Account()
    account.repository.rivals = [account.has_recovery_codes]

    assert account.sends(RECOVERY_CODES, account.has_recovery_codes()[0]).verdict == Accepted()


def test_a_set_and_its_verdicts_are_announced() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    account.sends(RECOVERY_CODES, code)

    assert account.events.all == [
        (Action.ISSUED, RECOVERY_CODES),
        (Purpose.VERIFY, RECOVERY_CODES, Accepted()),
    ]


@pytest.mark.parametrize("flag", FLAGS)
def test_a_set_that_is_not_known_to_be_stored_is_neither_shown_nor_announced(flag: str) -> None:
    account = Account()
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.has_recovery_codes()

    assert account.events.all == []


@pytest.mark.parametrize("flag", FLAGS)
def test_a_code_that_is_not_known_to_be_spent_is_not_accepted(flag: str) -> None:
    account = Account()
    code = account.has_recovery_codes()[0]
    account.events.all.clear()
    setattr(account.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        account.sends(RECOVERY_CODES, code)

    assert account.events.all == []
