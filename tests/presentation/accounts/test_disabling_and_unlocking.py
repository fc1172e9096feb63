"""Disabling a factor with a code, and unlocking an account (docs/reference/http.md, Accounts only)."""

import pytest

from tests.presentation.api import (
    Account,
    document,
    other_code,
    slug,
)


def test_a_pending_factor_can_be_disabled_only_by_a_valid_code(account: Account) -> None:
    enrolled = account.enrol("totp")
    good = account.good_code("totp", enrolled)

    statuses = [account.post("totp/disable", {"code": code}).status_code for code in (other_code(good), good)]

    assert statuses == [403, 204]


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_valid_code_disables_the_factor(account: Account, factor: str) -> None:
    enrolled = account.confirmed(factor)

    answer = account.post(f"{factor}/disable", {"code": account.good_code(factor, enrolled, 1)})

    assert (answer.status_code, answer.data) == (204, b"")
    assert slug(account.get(factor)) == "not-enrolled"
    assert document(account.get())["factors"] == []


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_wrong_code_disables_nothing_and_is_counted(account: Account, factor: str) -> None:
    enrolled = account.confirmed(factor)

    answer = account.post(f"{factor}/disable", {"code": other_code(account.good_code(factor, enrolled, 1))})
    problem = document(answer)

    assert (answer.status_code, problem["reason"], problem["attempts_left"]) == (403, "wrong", 4)
    assert document(account.get(factor))["failed_attempts"] == 1


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_spent_code_disables_nothing(account: Account, factor: str) -> None:
    enrolled = account.confirmed(factor)

    problem = document(account.post(f"{factor}/disable", {"code": account.good_code(factor, enrolled)}))

    assert (problem["reason"], account.get(factor).status_code) == ("replayed", 200)


def test_a_valid_code_does_not_disable_a_locked_factor(account: Account) -> None:
    enrolled = account.confirmed("totp")
    account.fail("totp", "000000", 5)

    answer = account.post("totp/disable", {"code": account.good_code("totp", enrolled, 1)})

    assert (slug(answer), answer.headers["Retry-After"]) == ("locked", "30")
    assert document(answer)["locked_until"] == "2040-11-22T12:00:30Z"
    assert account.get("totp").status_code == 200


@pytest.mark.parametrize(("code", "status"), [("1234567", 400), ("12345", 400), ("K7QM-2X9D-4HPW-8RTC", 400)])
def test_a_malformed_code_disables_nothing_and_is_not_counted(account: Account, code: str, status: int) -> None:
    account.confirmed("totp")

    assert account.post("totp/disable", {"code": code}).status_code == status
    assert document(account.get("totp"))["failed_attempts"] == 0


@pytest.mark.parametrize("factor", ["otp", "recovery-codes"])
def test_only_hotp_and_totp_can_be_disabled(account: Account, factor: str) -> None:
    assert slug(account.post(f"{factor}/disable", {"code": "123456"})) == "not-found"


def test_a_missing_factor_cannot_be_disabled(account: Account) -> None:
    assert slug(account.post("totp/disable", {"code": "123456"})) == "not-enrolled"


def test_unlocking_clears_counts_and_locks_of_all_factors(account: Account) -> None:
    enrolled = account.confirmed("totp")
    account.confirmed("hotp")
    codes = account.recovery_codes()
    account.fail("totp", "000000", 5)
    account.fail("hotp", "000000", 3)
    for _ in range(5):
        account.challenge("0" * 16)

    assert account.post("unlock").status_code == 204
    assert [factor["failed_attempts"] for factor in document(account.get())["factors"]] == [0, 0, 0]
    assert account.challenge(account.good_code("totp", enrolled, 1)).status_code == 200
    assert account.challenge(codes[0]).status_code == 200


def test_unlocking_clears_the_counts_of_deleted_factors(account: Account) -> None:
    account.enrol("totp")
    account.fail("totp", "000000", 5)
    account.delete("totp")

    account.post("unlock")

    assert account.snapshot() == {}


def test_unlocking_does_not_make_spent_codes_valid(account: Account) -> None:
    enrolled = account.confirmed("totp")
    code = account.recovery_codes()[0]
    account.challenge(code)
    account.fail("totp", "000000", 5)

    account.post("unlock")

    assert document(account.verify("totp", account.good_code("totp", enrolled)))["reason"] == "replayed"
    assert document(account.challenge(code))["reason"] == "replayed"


def test_unlocking_does_not_restore_an_invalidated_code(account: Account) -> None:
    code = account.enrol("otp")["code"]
    account.fail("otp", code, 5)

    account.post("unlock")

    assert slug(account.verify("otp", code)) == "not-enrolled"


def test_unlocking_keeps_status_and_counter(account: Account) -> None:
    account.confirmed("hotp", initial_counter=7)
    before = document(account.get("hotp"))
    account.fail("hotp", "000000", 5)

    account.post("unlock")

    assert document(account.get("hotp")) == before
