"""The second step of a log-in: the factors that judge a code, the outcome, and the factors that count a wrong code."""

import pytest

from application.enrolment import EnrolRequest
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import MalformedCode, NotEnrolled
from domain.owner import CredentialId, Factor
from domain.parameters import HotpParameters
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.account import WRONG, WRONG_RECOVERY_CODE, Account, shown, verdict_of
from tests.application.challenged import EVERYTHING, REPLAYED, account_with_everything, counted
from tests.application.rig import HOTP, RECOVERY_CODES, TOTP
from tests.domain.examples import BOB, STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

# Factors that judge


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_any_confirmed_factor_accepts_its_code_and_the_outcome_names_it(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()

    assert verdict_of(account.challenged(codes[credential_id])) == (credential_id.factor, Accepted())


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_is_accepted_once(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.challenged(codes[credential_id])

    assert verdict_of(account.challenged(codes[credential_id])) == (credential_id.factor, REPLAYED)


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_that_was_verified_is_a_replay(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.sends(credential_id, codes[credential_id])

    assert verdict_of(account.challenged(codes[credential_id])) == (credential_id.factor, REPLAYED)


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_a_code_that_was_accepted_cannot_be_verified(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    account.challenged(codes[credential_id])

    assert account.sends(credential_id, codes[credential_id]).verdict == REPLAYED


def test_a_pending_factor_neither_judges_nor_counts() -> None:
    account = Account()
    account.has_hotp()
    pending = account.enrolled_totp()

    answer = account.challenged(Code(hotp_value(pending, STEP)))

    assert verdict_of(answer) == (Factor.HOTP, Rejected(Reason.WRONG, 4))
    assert counted(account) == {Factor.HOTP: 1}


def test_a_pending_factor_is_not_confirmed() -> None:
    account = Account()
    pending = account.enrolled_totp()

    with pytest.raises(NotEnrolled):
        account.challenged(Code(hotp_value(pending, STEP)))

    state = account.repository.state(TOTP)
    assert isinstance(state, Credential)
    assert state.status is Status.PENDING


def test_a_one_time_code_is_not_for_a_challenge() -> None:
    account = Account()
    account.has_totp()

    answer = account.challenged(account.issued().code)

    assert verdict_of(answer) == (Factor.TOTP, Rejected(Reason.WRONG, 4))


def test_a_replacement_does_not_judge_a_challenge() -> None:
    account = Account()
    account.has_totp()

    answer = account.challenged(shown(account.gets_replacement(TOTP)))

    assert verdict_of(answer) == (Factor.TOTP, Rejected(Reason.WRONG, 4))


def test_the_current_secret_judges_while_a_replacement_is_pending() -> None:
    account = Account()
    present = account.has_totp()
    account.gets_replacement(TOTP)

    assert verdict_of(account.challenged(shown(present))) == (Factor.TOTP, Accepted())


def test_recovery_codes_judge_even_without_another_factor() -> None:
    account = Account()
    code = account.has_recovery_codes()[0]

    assert verdict_of(account.challenged(code)) == (Factor.RECOVERY_CODES, Accepted())


def test_recovery_codes_alone_are_no_factor_for_a_challenge() -> None:
    account = Account()
    account.has_recovery_codes()

    with pytest.raises(NotEnrolled):
        account.challenged(WRONG)


def test_pending_factors_do_not_count_as_enrolled() -> None:
    account = Account()
    account.enrolled_hotp()
    account.issued()

    with pytest.raises(NotEnrolled):
        account.challenged(WRONG)


def test_a_removed_factor_does_not_judge_although_its_lock_is_remembered() -> None:
    account = Account()
    account.has_totp()
    account.fails(TOTP)
    account.remove.execute(TOTP)

    with pytest.raises(NotEnrolled):
        account.challenged(WRONG)


def test_an_expired_factor_does_not_judge() -> None:
    account = Account()
    key = account.enrolled_hotp(lifetime=60)
    account.submit(HOTP, hotp_value(key, 0))
    account.clock.advance(60)

    with pytest.raises(NotEnrolled):
        account.challenged(Code(hotp_value(key, 1)))


def test_factors_of_other_owners_do_not_judge() -> None:
    account = Account()
    bobs = account.enrol.execute(EnrolRequest(BOB, None, HotpParameters()))
    account.sends(bobs.id, Code(hotp_value(bobs.secret.key, 0)))
    account.has_hotp()

    answer = account.challenged(Code(hotp_value(bobs.secret.key, 1)))

    assert verdict_of(answer) == (Factor.HOTP, Rejected(Reason.WRONG, 4))


# Shapes


@pytest.mark.parametrize(
    ("code", "counting"),
    [
        (Code("000000"), {Factor.HOTP: 1}),
        (Code("00000000"), {Factor.TOTP: 1}),
        (WRONG_RECOVERY_CODE, {Factor.RECOVERY_CODES: 1}),
    ],
    ids=["6 digits", "8 digits", "a recovery code"],
)
def test_only_factors_whose_codes_have_the_same_shape_count(code: Code, counting: dict[Factor, int]) -> None:
    account = Account()
    account.has_hotp(digits=6)
    account.has_totp(digits=8)
    account.has_recovery_codes()

    account.challenged(code)

    assert counted(account) == counting


@pytest.mark.parametrize("code", [Code("0000000"), Code("0000000000"), WRONG_RECOVERY_CODE], ids=["7", "10", "letters"])
@pytest.mark.parametrize("locked", [False, True])
def test_a_code_that_has_no_factors_shape_is_malformed_and_changes_nothing(code: Code, locked: bool) -> None:
    account = Account()
    account.has_both()
    account.fails(TOTP, 5 if locked else 1)
    account.fails(HOTP, 5 if locked else 1)
    before = account.repository.committed, list(account.events.all)

    with pytest.raises(MalformedCode):
        account.challenged(code)

    assert (account.repository.committed, account.events.all) == before


def test_the_error_describes_the_shape_of_the_codes_of_every_factor() -> None:
    account = Account()
    account.has_hotp(digits=6)
    account.has_totp(digits=8)

    with pytest.raises(MalformedCode, match=r"6 digits.*8 digits"):
        account.challenged(Code("0000000"))


# Factors that count


def test_all_factors_that_judged_a_wrong_code_count_it() -> None:
    account, _ = account_with_everything()

    account.challenged(WRONG)

    assert counted(account) == {Factor.TOTP: 1, Factor.HOTP: 1}


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_no_factor_counts_a_code_that_another_one_accepts(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()

    account.challenged(codes[credential_id])

    assert counted(account) == {}


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_no_factor_counts_a_code_that_is_a_replay_of_another_one(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()
    for _ in range(20):
        account.challenged(codes[credential_id])

    assert counted(account) == {}


def test_an_accepted_code_clears_the_failures_of_its_factor_alone() -> None:
    account, codes = account_with_everything()
    account.fails(TOTP, 2)
    account.fails(HOTP, 3)

    account.challenged(codes[HOTP])

    assert counted(account) == {Factor.TOTP: 2}


@pytest.mark.parametrize(("first", "second"), [(HOTP, TOTP), (TOTP, HOTP)])
def test_the_outcome_of_a_wrong_code_is_that_of_the_factor_with_the_fewest_attempts_left(
    first: CredentialId, second: CredentialId
) -> None:
    account, _ = account_with_everything()
    account.fails(first, 3)
    account.fails(second, 1)

    assert verdict_of(account.challenged(WRONG)) == (first.factor, Rejected(Reason.WRONG, 1))


def test_wrong_codes_lock_all_factors_that_judged_them() -> None:
    account, codes = account_with_everything()
    for _ in range(5):
        account.challenged(WRONG)

    assert account.sends(TOTP, codes[TOTP]).verdict == Locked(NOON + 30)
    assert account.sends(HOTP, codes[HOTP]).verdict == Locked(NOON + 30)


def test_recovery_codes_are_valid_if_all_other_factors_are_locked() -> None:
    account, codes = account_with_everything()
    for _ in range(5):
        account.challenged(WRONG)

    assert verdict_of(account.challenged(codes[RECOVERY_CODES])) == (Factor.RECOVERY_CODES, Accepted())


# Locks


@pytest.mark.parametrize(("first", "second"), [(HOTP, TOTP), (TOTP, HOTP)])
def test_if_all_factors_are_locked_the_outcome_contains_the_longest_lock(
    first: CredentialId, second: CredentialId
) -> None:
    account, codes = account_with_everything()
    account.fails(first)
    account.clock.advance(1)
    account.fails(second)

    assert verdict_of(account.challenged(codes[second])) == (second.factor, Locked(NOON + 31))


@pytest.mark.parametrize(("locked", "free"), [(HOTP, TOTP), (TOTP, HOTP)])
def test_an_unlocked_factor_accepts_its_code(locked: CredentialId, free: CredentialId) -> None:
    account, codes = account_with_everything()
    account.fails(locked)

    assert verdict_of(account.challenged(codes[free])) == (free.factor, Accepted())


@pytest.mark.parametrize(("locked", "free"), [(HOTP, TOTP), (TOTP, HOTP)])
def test_a_code_that_may_belong_to_a_locked_factor_is_not_wrong_but_counted_by_the_other(
    locked: CredentialId, free: CredentialId
) -> None:
    account, codes = account_with_everything()
    account.fails(locked)

    assert verdict_of(account.challenged(codes[locked])) == (locked.factor, Locked(NOON + 30))
    assert counted(account) == {locked.factor: 5, free.factor: 1}


# A requested factor


@pytest.mark.parametrize("credential_id", EVERYTHING, ids=str)
def test_the_requested_factor_accepts_its_code(credential_id: CredentialId) -> None:
    account, codes = account_with_everything()

    assert verdict_of(account.challenged(codes[credential_id], credential_id.factor)) == (
        credential_id.factor,
        Accepted(),
    )


@pytest.mark.parametrize(("requested", "other"), [(HOTP, TOTP), (TOTP, HOTP)])
def test_only_the_requested_factor_judges_and_counts(requested: CredentialId, other: CredentialId) -> None:
    account, codes = account_with_everything()

    answer = account.challenged(codes[other], requested.factor)

    assert verdict_of(answer) == (requested.factor, Rejected(Reason.WRONG, 4))
    assert counted(account) == {requested.factor: 1}


@pytest.mark.parametrize("requested", [Factor.HOTP, Factor.RECOVERY_CODES, Factor.OTP])
def test_the_requested_factor_must_be_confirmed(requested: Factor) -> None:
    account = Account()
    account.has_totp()
    account.enrolled_hotp()
    account.issued()

    with pytest.raises(NotEnrolled):
        account.challenged(WRONG, requested)


def test_a_code_must_have_the_shape_of_the_requested_factor() -> None:
    account, codes = account_with_everything()

    with pytest.raises(MalformedCode):
        account.challenged(codes[RECOVERY_CODES], Factor.TOTP)
