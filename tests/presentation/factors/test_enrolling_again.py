"""A factor that is confirmed after a removal exists until it is removed, on a real Redis."""

from collections.abc import Callable

import pytest

from tests.presentation.api import RFC_SECRET, Account, document, other_code

MASTER = "a master secret that nobody could guess"
NEVER = -1
"""The result of PTTL for a key that does not expire."""


def deleted(account: Account, factor: str) -> None:
    account.confirmed(factor)
    assert account.delete(factor).status_code == 204


def disabled(account: Account, factor: str) -> None:
    code = account.good_code(factor, account.confirmed(factor), ahead=1)
    assert account.post(f"{factor}/disable", {"code": code}).status_code == 204


def deleted_with_failures(account: Account, factor: str) -> None:
    enrolled = account.confirmed(factor)
    account.verify(factor, other_code(account.good_code(factor, enrolled, ahead=30)))
    assert account.delete(factor).status_code == 204


def unlocked_after_a_removal(account: Account, factor: str) -> None:
    deleted_with_failures(account, factor)
    assert account.post("unlock").status_code == 204


def deleted_while_pending(account: Account, factor: str) -> None:
    account.enrol(factor)
    assert account.delete(factor).status_code == 204


def replaced_and_deleted(account: Account, factor: str) -> None:
    account.confirmed(factor)
    replacement = document(account.post(f"{factor}/replacement"))
    code = account.good_code(factor, replacement)
    assert account.post(f"{factor}/replacement/verify", {"code": code}).status_code == 200
    assert account.delete(factor).status_code == 204


def forgotten(account: Account, factor: str) -> None:
    account.confirmed(factor)
    assert account.delete().status_code == 204


REMOVALS = (
    deleted,
    disabled,
    deleted_with_failures,
    unlocked_after_a_removal,
    deleted_while_pending,
    replaced_and_deleted,
    forgotten,
)


def times_to_live(account: Account) -> dict[str, int]:
    """Return the remaining lifetime in milliseconds by factor."""
    return {key.decode().rpartition(":")[2]: account.redis.pttl(key) for key in account.snapshot()}


@pytest.mark.parametrize("factor", ["totp", "hotp"])
@pytest.mark.parametrize("removal", REMOVALS, ids=lambda each: each.__name__)
def test_a_factor_confirmed_after_a_removal_never_expires(
    account_on_redis: Account, removal: Callable[[Account, str], None], factor: str
) -> None:
    account = account_on_redis
    removal(account, factor)

    account.confirmed(factor)

    assert document(account.get(factor))["expires_at"] is None
    assert times_to_live(account)[factor] == NEVER


def test_a_replacement_confirmed_after_a_removal_never_expires(account_on_redis: Account) -> None:
    account = account_on_redis
    deleted(account, "totp")
    account.confirmed("totp")
    replacement = document(account.post("totp/replacement"))
    assert times_to_live(account)["totp"] == NEVER

    account.clock.advance(60)
    code = account.good_code("totp", replacement)
    assert account.post("totp/replacement/verify", {"code": code}).status_code == 200

    assert times_to_live(account)["totp"] == NEVER


@pytest.mark.parametrize("removal", ["delete", "unlock after failures"])
def test_recovery_codes_issued_after_a_removal_never_expire(account_on_redis: Account, removal: str) -> None:
    account = account_on_redis
    account.recovery_codes()
    if removal != "delete":
        account.post("recovery-codes/verify", {"code": "0" * 16})
    assert account.delete("recovery-codes").status_code == 204
    if removal != "delete":
        account.post("unlock")

    codes = account.recovery_codes()

    assert times_to_live(account)["recovery-codes"] == NEVER
    assert account.post("recovery-codes/verify", {"code": codes[0]}).status_code == 200
    assert times_to_live(account)["recovery-codes"] == NEVER


def test_a_derived_secret_confirmed_after_a_removal_never_expires(account_on_redis: Account) -> None:
    account = Account(account_on_redis.redis, derivation_secret=MASTER)
    account.confirmed("totp", derived=True)
    assert account.delete("totp").status_code == 204

    account.confirmed("totp", derived=True)

    assert times_to_live(account)["totp"] == NEVER


def test_no_operation_makes_a_factor_of_an_account_expire(account_on_redis: Account) -> None:
    account = account_on_redis
    deleted(account, "hotp")
    enrolled = account.confirmed("hotp", secret=RFC_SECRET)
    account.verify("hotp", account.good_code("hotp", enrolled, ahead=1))
    account.verify("hotp", "000000")
    account.post("hotp/replacement")
    account.delete("hotp/replacement")
    account.post("unlock")

    assert times_to_live(account)["hotp"] == NEVER
