"""The second step of a log-in: one code of any factor (docs/reference/http.md, Accounts only)."""

from typing import Any

import pyotp
import pytest

from infrastructure.crypto.sealing import EncryptionKey
from tests.presentation.api import PASTED, Account, document, other_code, slug

RECOVERY = "recovery-codes"


def failures(account: Account) -> dict[str, int]:
    return {factor["factor"]: factor["failed_attempts"] for factor in document(account.get())["factors"]}


def confirmed_with_8_digits(account: Account) -> dict[str, Any]:
    enrolled = account.enrol("totp", digits=8)
    code = pyotp.TOTP(enrolled["secret"], digits=8).at(account.clock.now())
    assert account.verify("totp", code).status_code == 200
    return enrolled


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_code_of_any_confirmed_factor_is_accepted(account: Account, factor: str) -> None:
    enrolled = {each: account.confirmed(each) for each in ("hotp", "totp")}
    account.recovery_codes()

    answer = account.challenge(account.good_code(factor, enrolled[factor], 1))

    assert (answer.status_code, document(answer)) == (
        200,
        {"verified": True, "factor": factor, "authenticator": factor},
    )


def test_a_recovery_code_is_accepted(account: Account) -> None:
    account.confirmed("totp")

    answer = account.challenge(account.recovery_codes()[9])

    assert (answer.status_code, document(answer)) == (
        200,
        {"verified": True, "factor": RECOVERY, "authenticator": None},
    )


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_an_accepted_code_is_spent_for_all_operations(account: Account, factor: str) -> None:
    code = account.good_code(factor, account.confirmed(factor), 1)
    account.challenge(code)

    answers = [account.challenge(code), account.verify(factor, code), account.post(f"{factor}/disable", {"code": code})]

    assert [document(answer)["reason"] for answer in answers] == ["replayed"] * 3
    assert document(account.get(factor))["failed_attempts"] == 0


def test_a_verified_code_is_spent_for_the_challenge(account: Account) -> None:
    enrolled = account.confirmed("hotp")
    code = account.good_code("hotp", enrolled, 1)
    account.verify("hotp", code)

    answer = account.challenge(code)
    problem = document(answer)

    assert (answer.status_code, problem["reason"], problem["attempts_left"]) == (403, "replayed", 5)


def test_a_wrong_code_counts_only_for_factors_whose_codes_have_its_form(account: Account) -> None:
    account.confirmed("hotp", digits=6)
    confirmed_with_8_digits(account)
    account.recovery_codes()

    account.challenge("000000")

    assert failures(account) == {"hotp": 1, "totp": 0, RECOVERY: 0}


def test_a_wrong_code_counts_for_all_factors_whose_codes_have_its_form(account: Account) -> None:
    account.confirmed("hotp")
    account.confirmed("totp")
    account.recovery_codes()

    problem = document(account.challenge("000000"))

    assert (problem["reason"], problem["attempts_left"]) == ("wrong", 4)
    assert failures(account) == {"hotp": 1, "totp": 1, RECOVERY: 0}


def test_a_wrong_recovery_code_counts_for_the_recovery_codes(account: Account) -> None:
    account.confirmed("totp")
    account.recovery_codes()

    problem = document(account.challenge("0000-0000-0000-0000"))

    assert (problem["reason"], problem["attempts_left"]) == ("wrong", 4)
    assert failures(account) == {"totp": 0, RECOVERY: 1}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_code_that_one_factor_accepts_counts_as_wrong_for_no_other(account: Account, factor: str) -> None:
    enrolled = {each: account.confirmed(each) for each in ("hotp", "totp")}

    account.challenge(account.good_code(factor, enrolled[factor], 1))

    assert failures(account) == {"hotp": 0, "totp": 0}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_only_the_named_factor_judges_the_code(account: Account, factor: str) -> None:
    enrolled = {each: account.confirmed(each) for each in ("hotp", "totp")}
    other = "hotp" if factor == "totp" else "totp"

    wrong = account.challenge(account.good_code(other, enrolled[other], 1), factor=factor)

    assert document(wrong)["reason"] == "wrong"
    assert failures(account) == {factor: 1, other: 0}
    assert account.challenge(account.good_code(factor, enrolled[factor], 1), factor=factor).status_code == 200


def test_the_recovery_codes_judge_the_code_if_they_are_named(account: Account) -> None:
    code = account.recovery_codes()[0]

    assert account.challenge(code, factor=RECOVERY).status_code == 200


@pytest.mark.parametrize("factor", ["otp", "hotp", RECOVERY])
def test_a_named_factor_must_be_confirmed(account: Account, factor: str) -> None:
    account.confirmed("totp")
    account.enrol("hotp")

    answer = account.challenge("123456", factor=factor)

    assert (answer.status_code, slug(answer)) == (404, "not-enrolled")


@pytest.mark.parametrize("factor", ["sms", "", "TOTP", None, 1, ["totp"]])
def test_an_unknown_factor_is_a_bad_request(account: Account, factor: Any) -> None:
    account.confirmed("totp")

    answer = account.challenge("123456", factor=factor)

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["factor"])


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_pending_factor_is_ignored(account: Account, factor: str) -> None:
    enrolled = account.enrol(factor)
    code = account.good_code(factor, enrolled)

    alone = account.challenge(code)
    account.recovery_codes()
    beside = account.challenge(code)

    assert [slug(alone), slug(beside)] == ["not-enrolled"] * 2
    described = document(account.get(factor))
    assert (described["status"], described["failed_attempts"]) == ("pending", 0)


def test_a_wrong_code_does_not_count_for_a_pending_factor(account: Account) -> None:
    account.confirmed("totp")
    account.enrol("hotp")

    account.challenge("000000")

    assert failures(account) == {"hotp": 0, "totp": 1}


def test_a_one_time_code_does_not_count_at_log_in(account: Account) -> None:
    code = account.enrol("otp")["code"]

    assert slug(account.challenge(code)) == "not-enrolled"
    assert account.verify("otp", code).status_code == 200
    assert slug(account.challenge(code)) == "not-enrolled"


def test_a_code_of_a_replacement_is_refused_before_the_replacement_is_confirmed(account: Account) -> None:
    account.confirmed("totp")
    replacement = document(account.post("totp/replacement"))

    assert document(account.challenge(account.good_code("totp", replacement)))["reason"] == "wrong"


def test_the_fifth_wrong_code_locks_and_reports_the_end_of_the_lock(account: Account) -> None:
    account.confirmed("totp")
    for _ in range(4):
        account.challenge("000000")

    fifth = account.challenge("000000")

    assert (fifth.status_code, document(fifth)["attempts_left"]) == (403, 0)
    assert document(fifth)["locked_until"] == "2040-11-22T12:00:30Z"
    assert fifth.headers["Retry-After"] == "30"


def test_a_locked_factor_accepts_no_code(account: Account) -> None:
    enrolled = account.confirmed("totp")
    account.fail("totp", "000000", 5)
    account.clock.advance(10)

    answer = account.challenge(account.good_code("totp", enrolled, 1))

    assert (answer.status_code, slug(answer)) == (429, "locked")
    assert answer.headers["Retry-After"] == "20"
    assert document(answer)["locked_until"] == "2040-11-22T12:00:30Z"


@pytest.mark.parametrize("wait", [30, 60, 120])
def test_the_lock_doubles_with_each_further_failure(account: Account, wait: int) -> None:
    account.confirmed("totp")
    account.fail("totp", "000000", 4)
    for lock in (30, 60, 120):
        locking = account.challenge("000000")
        if lock == wait:
            assert locking.headers["Retry-After"] == str(wait)
            return
        account.clock.advance(lock)


def test_a_locked_factor_does_not_prevent_another_from_accepting(account: Account) -> None:
    account.confirmed("totp")
    hotp = account.confirmed("hotp")
    codes = account.recovery_codes()
    account.fail("totp", "000000", 5)

    answers = [account.challenge(account.good_code("hotp", hotp, 1)), account.challenge(codes[0])]

    assert [document(answer).get("factor") for answer in answers] == ["hotp", RECOVERY]


def test_wrong_recovery_codes_do_not_lock_the_authenticator(account: Account) -> None:
    enrolled = account.confirmed("totp")
    codes = account.recovery_codes()
    for _ in range(5):
        account.challenge("0" * 16)

    assert slug(account.challenge(codes[0])) == "locked"
    assert account.challenge(account.good_code("totp", enrolled, 1)).status_code == 200


def test_wrong_codes_share_one_count_for_all_operations(account: Account) -> None:
    enrolled = account.confirmed("totp")
    wrong = other_code(account.good_code("totp", enrolled, 1))
    account.verify("totp", wrong)
    account.challenge(wrong)
    account.post("totp/disable", {"code": wrong})
    account.post("totp/resync", {"codes": [wrong, wrong]})
    account.challenge(wrong)

    assert slug(account.challenge(account.good_code("totp", enrolled, 1))) == "locked"


def test_an_accepted_code_clears_the_count_of_its_factor_only(account: Account) -> None:
    totp = confirmed_with_8_digits(account)
    account.confirmed("hotp")
    account.challenge("00000000")
    account.challenge("000000")

    account.challenge(pyotp.TOTP(totp["secret"], digits=8).at(account.clock.now() + 30))

    assert failures(account) == {"hotp": 1, "totp": 0}


@pytest.mark.parametrize("typed", PASTED)
def test_characters_that_pasting_adds_to_a_code_are_ignored(account: Account, typed: str) -> None:
    code = account.good_code("totp", account.confirmed("totp"), 1)

    assert account.challenge(typed.format(code[:3], code[3:])).status_code == 200


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "12345678901",
        "1234567",
        "abcdef",
        "K7QM-2X9D-4HPW",
        "K7QM-2X9D-4HPW-8RTU",
        "x" * 600,
        123456,
        None,
        [],
    ],
)
def test_a_malformed_code_is_a_bad_request_and_not_counted(account: Account, code: Any) -> None:
    account.confirmed("totp")
    account.recovery_codes()

    answer = account.challenge(code)

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["code"])
    assert failures(account) == {"totp": 0, RECOVERY: 0}


@pytest.mark.parametrize("body", [{}, {"factor": "totp"}, {"code": "123456", "surprise": 1}])
def test_a_body_that_does_not_fit_the_schema_is_a_bad_request(account: Account, body: dict[str, Any]) -> None:
    assert account.post("challenge", body).status_code == 400


def test_an_account_without_factors_has_no_challenge(account: Account) -> None:
    answers = [account.challenge(code) for code in ("123456", "K7QM-2X9D-4HPW-8RTC")]

    assert [(answer.status_code, slug(answer)) for answer in answers] == [(404, "not-enrolled")] * 2


def test_a_valid_code_is_refused_after_its_factor_was_deleted(account: Account) -> None:
    enrolled = account.confirmed("totp")
    account.recovery_codes()
    account.delete("totp")

    assert slug(account.challenge(account.good_code("totp", enrolled, 1))) == "not-enrolled"


def test_digits_that_two_factors_share_are_accepted_once(account: Account) -> None:
    step = account.clock.now() // 30
    enrolled = account.enrol("totp", secret="A" * 32)
    account.enrol("hotp", secret="A" * 32, initial_counter=step - 1)
    account.verify("totp", account.good_code("totp", enrolled, -1))
    account.verify("hotp", account.good_code("totp", enrolled, -1))
    code = account.good_code("totp", enrolled)

    answers = [account.challenge(code) for _ in range(3)]

    assert [document(answer).get("reason") for answer in answers] == [None, "replayed", "replayed"]


@pytest.mark.parametrize("factor", [None, "totp"])
def test_an_unreadable_factor_does_not_count_as_missing(account: Account, factor: str | None) -> None:
    code = account.good_code("totp", account.confirmed("totp"), 1)
    other_keys = Account(account.redis, account.clock, encryption_keys=(EncryptionKey("another", bytes(32)),))

    answer = other_keys.challenge(code, **({} if factor is None else {"factor": factor}))

    assert (answer.status_code, slug(answer)) == (503, "store-unavailable")


@pytest.mark.parametrize("beside", ["recovery-codes", "hotp"])
def test_an_unreadable_factor_does_not_count_as_missing_beside_one_with_other_codes(
    account: Account, beside: str
) -> None:
    code = account.good_code("totp", account.confirmed("totp"), 1)
    if beside == "hotp":
        secret = account.enrol("hotp", digits=8)["secret"]
        assert account.verify("hotp", pyotp.HOTP(secret, digits=8).at(0)).status_code == 200
    else:
        account.recovery_codes()
    (key,) = [key for key in account.snapshot() if key.endswith(b":totp")]
    account.redis.set(key, b"garbage")

    assert slug(account.challenge(code)) == "store-unavailable"


def test_a_readable_factor_accepts_codes_beside_an_unreadable_one(account: Account) -> None:
    account.confirmed("totp")
    hotp = account.confirmed("hotp")
    (key,) = [key for key in account.snapshot() if key.endswith(b":totp")]
    account.redis.set(key, b"garbage")

    assert account.challenge(account.good_code("hotp", hotp, 1)).status_code == 200
