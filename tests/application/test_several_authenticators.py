"""Several authenticators of one account: enrolment, races for the last place and for one secret, and memory."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from application.challenge import ChallengeRequest
from application.enrolment import EnrolRequest
from domain.authenticators import MOST_AUTHENTICATORS
from domain.code import Code
from domain.credential import Status
from domain.errors import AlreadyEnrolled, DuplicateSecret, NotEnrolled, TooManyAuthenticators
from domain.failures import NO_FAILURES, Failures
from domain.owner import CredentialId, Factor
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.account import WRONG, Account
from tests.application.challenged import REPLAYED
from tests.application.rig import HOTP, TOTP
from tests.domain.examples import ALICE, STEP, code_of
from tests.support.fakes import NOON

SECRET = SharedSecret(b"a secret of 160 bits")
OTHER = SharedSecret(b"a different one of 160")
PLACES = ("totp", "additional", "replacement")


@pytest.fixture(params=[False, True], ids=["memory", "stored"])
def account(request: pytest.FixtureRequest) -> Account:
    return Account(stored=request.param)


def wanted(secret: SharedSecret | None = None, *, hotp: bool = False, name: str | None = None) -> EnrolRequest:
    return EnrolRequest(ALICE, None, HotpParameters() if hotp else TotpParameters(), secret=secret, name=name)


def has_another(account: Account, secret: SharedSecret | None = None, *, hotp: bool = False) -> SecretCredential:
    """Enrol an additional authenticator and confirm it with the code of the step before noon, or of counter 0."""
    credential = account.enrol.add(wanted(secret, hotp=hotp))
    account.sends(credential.id, code_of(credential, 0 if hotp else STEP - 1))
    return credential


def has_ten(account: Account) -> list[SecretCredential]:
    return [account.has_totp(), account.has_hotp(), *(has_another(account) for _ in range(MOST_AUTHENTICATORS - 2))]


def now_of(credential: SecretCredential) -> Code:
    return code_of(credential, STEP if credential.id.factor is Factor.TOTP else 1)


# Enrolment


def test_an_additional_authenticator_has_an_id_of_its_own_and_a_name(account: Account) -> None:
    credential = account.enrol.add(wanted(name="Tablet"))
    assert credential.id.suffix
    assert account.describe.execute(credential.id) == credential
    assert credential.name == "Tablet"


def test_each_authenticator_accepts_its_own_codes_only(account: Account) -> None:
    for credential in has_ten(account):
        others = [each for each in account.describe_all.execute(ALICE) if each.id != credential.id]
        assert {account.sends(each.id, now_of(credential)).verdict for each in others} <= {
            Rejected(Reason.WRONG, left) for left in range(5)
        } | {Locked(NOON + 30)}
        account.unlock.execute(ALICE)
        assert account.sends(credential.id, now_of(credential)).verdict == Accepted()


def test_the_eleventh_authenticator_is_refused(account: Account) -> None:
    has_ten(account)
    for hotp in (False, True):
        with pytest.raises(TooManyAuthenticators):
            account.enrol.add(wanted(hotp=hotp))


def test_a_removed_authenticator_makes_room(account: Account) -> None:
    credentials = has_ten(account)
    account.remove.execute(credentials[5].id)
    account.enrol.add(wanted())


def test_totp_counts_as_an_authenticator(account: Account) -> None:
    for _ in range(MOST_AUTHENTICATORS):
        account.enrol.add(wanted())
    with pytest.raises(TooManyAuthenticators):
        account.enrol.execute(wanted())


@pytest.mark.parametrize("rival", [wanted(), wanted(hotp=True)], ids=["totp", "hotp"])
@pytest.mark.parametrize("last", ["totp", "additional"])
def test_one_of_two_simultaneous_enrolments_gets_the_last_place(
    account: Account, last: str, rival: EnrolRequest
) -> None:
    for _ in range(MOST_AUTHENTICATORS - 1):
        account.enrol.add(wanted())
    account.repository.rivals = [lambda: account.enrol.execute(replace(rival, suffix="0123456789"))]
    with pytest.raises(TooManyAuthenticators):
        (account.enrol.execute if last == "totp" else account.enrol.add)(wanted())
    assert len(account.describe_all.execute(ALICE)) == MOST_AUTHENTICATORS


def enrol_in(account: Account, place: str, secret: SharedSecret) -> None:
    """Enrol a secret as TOTP, as an additional authenticator, or as a replacement of one."""
    if place == "totp":
        account.enrol.execute(wanted(secret))
    elif place == "additional":
        account.enrol.add(wanted(secret))
    else:
        credential = has_another(account)
        account.enrol.replace(replace(wanted(secret), suffix=credential.id.suffix))


@pytest.mark.parametrize(("first", "second"), [*permutations(PLACES, 2), ("additional",) * 2, ("replacement",) * 2])
def test_one_secret_cannot_be_enrolled_twice(account: Account, first: str, second: str) -> None:
    enrol_in(account, first, SECRET)
    with pytest.raises(DuplicateSecret):
        enrol_in(account, second, SECRET)


@pytest.mark.parametrize(("first", "second"), [*permutations(PLACES[:2], 2), ("additional",) * 2])
def test_one_of_two_simultaneous_enrolments_of_a_secret_wins(account: Account, first: str, second: str) -> None:
    account.repository.rivals = [lambda: enrol_in(account, second, SECRET)]
    with pytest.raises(DuplicateSecret):
        enrol_in(account, first, SECRET)
    assert len(account.describe_all.execute(ALICE)) == 1


def test_a_replacement_that_loses_a_race_for_its_secret_is_refused(account: Account) -> None:
    credential = has_another(account)
    account.repository.rivals = [lambda: account.enrol.execute(wanted(SECRET))]
    with pytest.raises(DuplicateSecret):
        account.enrol.replace(replace(wanted(SECRET), suffix=credential.id.suffix))


def test_a_verification_does_not_disturb_an_enrolment(account: Account) -> None:
    credential = account.has_totp()
    account.repository.rivals = [lambda: account.sends(TOTP, now_of(credential))]
    account.enrol.add(wanted())
    assert len(account.describe_all.execute(ALICE)) == 2


def test_an_additional_authenticator_can_be_replaced_and_keeps_its_name(account: Account) -> None:
    credential = account.enrol.add(wanted(name="Phone"))
    account.sends(credential.id, code_of(credential, STEP - 1))
    replacement = account.enrol.replace(replace(wanted(), suffix=credential.id.suffix))
    assert account.swaps(credential.id, now_of(replacement)).verdict == Accepted()
    swapped = account.describe.execute(credential.id)
    assert isinstance(swapped, SecretCredential)
    assert (swapped.secret.key, swapped.name) == (replacement.secret.key, "Phone")


def test_a_derived_secret_of_an_additional_authenticator_is_derived_again() -> None:
    account = Account(stored=True)
    credential = account.enrol.add(replace(wanted(), derived=True))
    assert account.sends(credential.id, now_of(credential)).verdict == Accepted()


# Removal


MOVES: dict[str, Callable[[Account, EnrolRequest], SecretCredential]] = {
    "totp": lambda account, request: account.enrol.execute(request),
    "additional": lambda account, request: account.enrol.add(request),
}


def replaced_by(account: Account, request: EnrolRequest) -> SecretCredential:
    credential = has_another(account)
    replacement = account.enrol.replace(replace(request, suffix=credential.id.suffix))
    return replace(replacement, id=credential.id)


@pytest.mark.parametrize("before", MOVES)
@pytest.mark.parametrize("after", [*MOVES, "replacement"])
@pytest.mark.parametrize("disabling", [False, True])
def test_spent_codes_stay_spent_if_the_secret_is_enrolled_again_elsewhere(
    account: Account, before: str, after: str, disabling: bool
) -> None:
    credential = MOVES[before](account, wanted(SECRET))
    account.sends(credential.id, code_of(credential, STEP - 1))
    if disabling:
        assert account.disables(credential.id, code_of(credential, STEP)).verdict == Accepted()
    else:
        account.sends(credential.id, code_of(credential, STEP))
        account.remove.execute(credential.id)

    send = account.sends
    if after == "replacement":
        again, send = replaced_by(account, wanted(SECRET)), account.swaps
    else:
        again = MOVES[after](account, wanted(SECRET))

    for step in (STEP - 1, STEP):
        assert send(again.id, code_of(again, step)).verdict == REPLAYED
    assert send(again.id, code_of(again, STEP + 1)).verdict == Accepted()


def test_counters_of_many_removed_tokens_stay_spent(account: Account) -> None:
    secrets = [SharedSecret(f"token number {number:07d}".encode()) for number in range(MOST_AUTHENTICATORS)]
    for secret in secrets:
        credential = has_another(account, secret, hotp=True)
        account.remove.execute(credential.id)
    account.clock.advance(365 * 86400)
    for secret in secrets:
        again = account.enrol.add(wanted(secret, hotp=True))
        assert account.sends(again.id, code_of(again, 0)).verdict == REPLAYED
        assert account.sends(again.id, code_of(again, 1)).verdict == Accepted()


def test_a_removed_authenticator_is_gone(account: Account) -> None:
    credential = has_another(account)
    account.fails(credential.id)
    account.remove.execute(credential.id)
    for attempt in (
        lambda: account.sends(credential.id, now_of(credential)),
        lambda: account.remove.execute(credential.id),
        lambda: account.describe.execute(credential.id),
        lambda: account.challenged(now_of(credential)),
    ):
        with pytest.raises(NotEnrolled):
            attempt()


@pytest.mark.parametrize("after", MOVES)
def test_a_removal_does_not_end_a_lock(account: Account, after: str) -> None:
    credential = has_another(account, SECRET)
    account.fails(credential.id)
    account.remove.execute(credential.id)
    again = MOVES[after](account, wanted(SECRET))
    assert account.sends(again.id, now_of(again)).verdict == Locked(NOON + 30)


def test_a_locked_totp_that_is_removed_locks_its_successor(account: Account) -> None:
    account.has_totp()
    account.fails(TOTP)
    account.remove.execute(TOTP)
    again = account.enrol.add(wanted())
    assert account.sends(again.id, now_of(again)).verdict == Locked(NOON + 30)


def test_several_enrolments_after_a_removal_all_inherit_its_failures(account: Account) -> None:
    credentials = [has_another(account), has_another(account)]
    for credential, times in zip(credentials, (3, 1), strict=True):
        account.fails(credential.id, times)
        account.remove.execute(credential.id)
    assert [account.enrol.add(wanted()).failures for _ in range(2)] == [Failures(3)] * 2
    account.clock.advance(3600)
    assert account.enrol.add(wanted()).failures == NO_FAILURES


def test_unlocking_clears_the_failures_of_removed_authenticators_too(account: Account) -> None:
    credentials = [has_another(account) for _ in range(3)]
    for credential in credentials:
        account.fails(credential.id)
    account.remove.execute(credentials[0].id)
    account.unlock.execute(ALICE)
    assert account.enrol.add(wanted()).failures == NO_FAILURES
    assert [account.failures(each.id) for each in credentials[1:]] == [0, 0]


def test_nothing_is_left_of_a_forgotten_account(account: Account) -> None:
    for credential in has_ten(account):
        account.fails(credential.id)
    account.forget.execute(ALICE)
    assert account.describe_all.execute(ALICE) == []
    assert account.enrol.add(wanted()).failures == NO_FAILURES


# Challenge


def test_a_challenge_accepts_a_code_of_each_authenticator_once_and_names_it(account: Account) -> None:
    for credential in has_ten(account):
        answers = [account.challenged(now_of(credential)) for _ in range(2)]
        assert [(each.credential_id, each.outcome.verdict) for each in answers] == [
            (credential.id, Accepted()),
            (credential.id, REPLAYED),
        ]


def test_a_wrong_code_is_counted_by_each_authenticator_that_judged_it(account: Account) -> None:
    credentials = has_ten(account)
    pending = account_pending(account, credentials)
    account.challenged(WRONG)
    assert [account.failures(each.id) for each in credentials[:-1]] == [1] * 9
    assert account.failures(pending) == 0


def account_pending(account: Account, credentials: list[SecretCredential]) -> CredentialId:
    """Replace the last authenticator by a pending one."""
    account.remove.execute(credentials[-1].id)
    return account.enrol.add(wanted()).id


def test_simultaneous_wrong_codes_are_all_counted(account: Account) -> None:
    credentials = has_ten(account)
    account.repository.rivals = [lambda: account.challenged(WRONG)] * 3
    account.challenged(WRONG)
    assert [account.failures(each.id) for each in credentials] == [4] * 10


def test_one_of_sixteen_simultaneous_copies_is_accepted(account: Account) -> None:
    for credential in has_ten(account):
        verdicts: list[object] = []

        def send(credential: SecretCredential = credential, verdicts: list[object] = verdicts) -> None:
            verdicts.append(account.challenged(now_of(credential)).outcome.verdict)

        account.repository.rivals = [send] * 15
        send()
        assert verdicts == [Accepted(), *[REPLAYED] * 15]


def test_only_the_selected_authenticator_judges(account: Account) -> None:
    credentials = has_ten(account)
    selected, other = credentials[4], credentials[7]
    wrong = account.challenge.execute(ChallengeRequest(ALICE, now_of(other), None, selected.id.authenticator))
    assert wrong.outcome.verdict == Rejected(Reason.WRONG, 4)
    assert sum(account.failures(each.id) for each in credentials) == 1
    good = account.challenge.execute(ChallengeRequest(ALICE, now_of(selected), None, selected.id.authenticator))
    assert (good.credential_id, good.outcome.verdict) == (selected.id, Accepted())


@pytest.mark.parametrize("unknown", ["hotp", "totp-0000000000", "otp", "recovery-codes", "", "x"])
def test_an_unknown_authenticator_cannot_be_selected(account: Account, unknown: str) -> None:
    account.has_totp()
    account.has_recovery_codes()
    with pytest.raises(NotEnrolled):
        account.challenge.execute(ChallengeRequest(ALICE, WRONG, None, unknown))


def test_an_additional_authenticator_alone_is_a_factor(account: Account) -> None:
    credential = has_another(account)
    account.has_recovery_codes()
    assert account.challenged(now_of(credential)).outcome.verdict == Accepted()
    assert account.challenged(WRONG).credential_id == credential.id


def test_a_pending_additional_authenticator_is_confirmed_by_its_first_code(account: Account) -> None:
    credential = account.enrol.add(wanted())
    with pytest.raises(NotEnrolled):
        account.challenged(now_of(credential))
    assert account.sends(credential.id, now_of(credential)).verdict == Accepted()
    assert account.describe.execute(credential.id).status is Status.CONFIRMED


def test_the_first_authenticators_are_independent_of_additional_ones(account: Account) -> None:
    has_another(account)
    account.has_both()
    with pytest.raises(AlreadyEnrolled):
        account.enrol.execute(wanted(OTHER))
    assert [each.id for each in account.describe_all.execute(ALICE)][:2] == [HOTP, TOTP]
