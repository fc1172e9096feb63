"""The spent codes of a former secret of an account stay spent if the secret is enrolled again."""

from collections.abc import Callable

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.presentation.api import Account, Api, document, slug

FIRST, SECOND = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(api: Api, factor: str, secret: str, ahead: int = 0) -> str:
    return pyotp.HOTP(secret).at((api.clock.now() // 30 if factor == "totp" else 0) + ahead)


def replace(api: Api, factor: str, secret: str) -> TestResponse:
    """Replace the current secret, and return the response to the first code of the new one."""
    answer = api.post(f"{factor}/replacement", {"secret": secret})
    assert answer.status_code == 201, answer.text
    return api.post(f"{factor}/replacement/verify", {"code": code(api, factor, secret)})


def reason(answer: TestResponse) -> object:
    assert (answer.status_code, slug(answer)) == (403, "code-rejected"), answer.text
    return document(answer)["reason"]


both = pytest.mark.parametrize("factor", ["totp", "hotp"])


@both
def test_the_codes_of_a_former_secret_stay_spent_if_it_becomes_a_replacement(account: Account, factor: str) -> None:
    account.enrol(factor, secret=FIRST)
    assert account.verify(factor, code(account, factor, FIRST)).status_code == 200
    assert replace(account, factor, SECOND).status_code == 200

    assert reason(replace(account, factor, FIRST)) == "replayed"

    next_code = code(account, factor, FIRST, ahead=1)
    assert account.post(f"{factor}/replacement/verify", {"code": next_code}).status_code == 200
    assert reason(account.verify(factor, next_code)) == "replayed"


def removed(account: Account, factor: str) -> None:
    assert account.delete(factor).status_code == 204


def removed_with_failures(account: Account, factor: str) -> None:
    assert account.verify(factor, "000000").status_code == 403
    removed(account, factor)


def removed_and_unlocked(account: Account, factor: str) -> None:
    removed_with_failures(account, factor)
    assert account.post("unlock").status_code == 204


def removed_after_a_replacement(account: Account, factor: str) -> None:
    assert replace(account, factor, SECOND).status_code == 200
    removed(account, factor)


def removed_with_another_in_between(account: Account, factor: str) -> None:
    removed(account, factor)
    account.enrol(factor, secret=SECOND)
    removed(account, factor)


@both
@pytest.mark.parametrize(
    "removal",
    [
        removed,
        removed_with_failures,
        removed_and_unlocked,
        removed_after_a_replacement,
        removed_with_another_in_between,
    ],
    ids=lambda each: each.__name__,
)
def test_the_codes_of_a_secret_stay_spent_if_it_is_enrolled_again(
    account: Account, factor: str, removal: Callable[[Account, str], None]
) -> None:
    account.enrol(factor, secret=FIRST)
    spent = code(account, factor, FIRST)
    assert account.verify(factor, spent).status_code == 200
    removal(account, factor)

    account.enrol(factor, secret=FIRST)

    assert reason(account.verify(factor, spent)) == "replayed"
    assert account.verify(factor, code(account, factor, FIRST, ahead=1)).status_code == 200


@both
def test_a_code_that_disabled_a_factor_does_not_confirm_the_same_secret_again(account: Account, factor: str) -> None:
    account.enrol(factor, secret=FIRST)
    spent = code(account, factor, FIRST)
    assert account.post(f"{factor}/disable", {"code": spent}).status_code == 204

    account.enrol(factor, secret=FIRST)

    assert reason(account.verify(factor, spent)) == "replayed"


def test_a_counter_never_goes_back_to_a_spent_one(account: Account) -> None:
    account.enrol("hotp", secret=FIRST)
    account.verify("hotp", code(account, "hotp", FIRST, ahead=7))
    removed(account, "hotp")
    account.clock.advance(10 * 365 * 86400)

    enrolled = account.enrol("hotp", secret=FIRST, initial_counter=3)

    assert enrolled["counter"] == 8
    assert "counter=8" in enrolled["uri"]


@both
def test_former_secrets_of_a_session_stay_spent(api: Api, factor: str) -> None:
    api.enrol(factor, secret=FIRST)
    spent = code(api, factor, FIRST)
    assert api.verify(factor, spent).status_code == 200
    assert api.delete(factor).status_code == 204

    api.enrol(factor, secret=FIRST)

    assert reason(api.verify(factor, spent)) == "replayed"


@both
def test_codes_of_another_secret_are_accepted_at_once(account: Account, factor: str) -> None:
    account.confirmed(factor)
    removed(account, factor)

    account.confirmed(factor)


def test_a_spent_time_step_is_forgotten_when_it_has_passed(account: Account) -> None:
    account.confirmed("totp", secret=FIRST)
    removed(account, "totp")
    (end,) = [account.redis.expiretime(key) for key in account.snapshot()]

    assert account.clock.now() < end <= account.clock.now() + 3600


def test_deleting_an_account_deletes_all_keys_in_redis(account: Account) -> None:
    account.confirmed("hotp", secret=FIRST)
    removed(account, "hotp")

    account.delete()

    assert account.snapshot() == {}
