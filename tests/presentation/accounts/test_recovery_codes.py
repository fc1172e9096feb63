"""Recovery codes: shown once, and each is accepted once (docs/reference/http.md, Accounts only)."""

import re
from typing import Any

import pytest

from tests.presentation.api import PASTED, Account, document, slug

NOW = "2040-11-22T12:00:00Z"
RECOVERY = "recovery-codes"
WRONG = "0000-0000-0000-0000"
NO_CODES: list[Any] = [
    "",
    "123456",
    "K7QM-2X9D-4HPW",
    "K7QM-2X9D-4HPW-8RTCX",
    "K7QM-2X9D-4HPW-8RTU",
    "K7QM_2X9D_4HPW_8RTC",
    "ＫＫＫＫＫＫＫＫＫＫＫＫＫＫＫＫ",  # noqa: RUF001 - full-width letters
    "ı" * 16,  # noqa: RUF001 - a dotless i
    "0" * 513,
    1,
    None,
    ["K7QM-2X9D-4HPW-8RTC"],
]


def test_ten_codes_are_issued(account: Account) -> None:
    answer = account.post(RECOVERY)

    assert (answer.status_code, list(document(answer))) == (201, ["codes"])
    assert len(set(document(answer)["codes"])) == 10


def test_codes_are_easy_to_type_and_have_80_bits(account: Account) -> None:
    # 16 letters of an alphabet of 32 without look-alikes: 5 bits each.
    assert all(re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", c) for c in account.recovery_codes())


def test_recovery_codes_are_unique(account: Account) -> None:
    assert len({code for _ in range(20) for code in account.recovery_codes()}) == 200


def test_each_code_is_accepted_once(account: Account) -> None:
    codes = account.recovery_codes()

    first = [account.verify(RECOVERY, code) for code in codes]
    second = [account.verify(RECOVERY, code) for code in codes]

    assert [document(answer) for answer in first] == [
        {"verified": True, "remaining": left} for left in range(9, -1, -1)
    ]
    assert [(answer.status_code, document(answer)["reason"]) for answer in second] == [(403, "replayed")] * 10


@pytest.mark.parametrize("path", [f"{RECOVERY}/verify", "challenge"])
@pytest.mark.parametrize(
    "type_it",
    [str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " "), lambda code: f" {code} "],
    ids=["small letters", "no hyphens", "spaces", "spaces around"],
)
def test_a_code_is_accepted_in_the_forms_that_people_type(account: Account, path: str, type_it: Any) -> None:
    code = account.recovery_codes()[0]

    assert account.post(path, {"code": type_it(code)}).status_code == 200


@pytest.mark.parametrize("path", [f"{RECOVERY}/verify", "challenge"])
@pytest.mark.parametrize("typed", PASTED)
def test_characters_that_pasting_adds_to_a_code_are_ignored(account: Account, path: str, typed: str) -> None:
    code = account.recovery_codes()[0]

    assert account.post(path, {"code": typed.format(code[:9], code[9:])}).status_code == 200


@pytest.mark.parametrize(("printed", "typed"), [("1", "I"), ("1", "l"), ("0", "o")])
def test_letters_that_resemble_digits_count_as_these_digits(account: Account, printed: str, typed: str) -> None:
    # About ten of a thousand sets have no such digit.
    sets = (account.recovery_codes() for _ in range(20))
    code = next(code for codes in sets for code in codes if printed in code)

    assert account.verify(RECOVERY, code.replace(printed, typed)).status_code == 200


def test_a_new_set_replaces_the_former_one(account: Account) -> None:
    old, new = account.recovery_codes(), account.recovery_codes()

    assert document(account.verify(RECOVERY, old[0]))["reason"] == "wrong"
    assert document(account.verify(RECOVERY, new[0]))["remaining"] == 9


def test_counted_wrong_codes_still_count_after_a_new_set(account: Account) -> None:
    account.recovery_codes()
    for _ in range(4):
        account.verify(RECOVERY, WRONG)
    codes = account.recovery_codes()

    assert document(account.verify(RECOVERY, WRONG))["attempts_left"] == 0
    assert slug(account.verify(RECOVERY, codes[0])) == "locked"


def test_deleting_and_issuing_again_does_not_end_a_lock(account: Account) -> None:
    account.recovery_codes()
    for _ in range(5):
        account.verify(RECOVERY, WRONG)
    account.delete(RECOVERY)

    assert slug(account.verify(RECOVERY, account.recovery_codes()[0])) == "locked"


def test_a_wrong_code_is_refused_and_counted(account: Account) -> None:
    account.recovery_codes()

    answer = account.verify(RECOVERY, WRONG)
    problem = document(answer)

    assert (answer.status_code, slug(answer)) == (403, "code-rejected")
    assert (problem["reason"], problem["attempts_left"]) == ("wrong", 4)


def test_after_the_fifth_wrong_code_even_a_valid_one_is_refused(account: Account) -> None:
    codes = account.recovery_codes()
    for _ in range(5):
        account.verify(RECOVERY, WRONG)

    answer = account.verify(RECOVERY, codes[0])

    assert (answer.status_code, slug(answer), answer.headers["Retry-After"]) == (429, "locked", "30")
    assert document(answer)["locked_until"] == "2040-11-22T12:00:30Z"


def test_an_accepted_code_clears_the_count(account: Account) -> None:
    codes = account.recovery_codes()
    account.verify(RECOVERY, WRONG)
    account.verify(RECOVERY, codes[0])

    assert document(account.get(RECOVERY))["failed_attempts"] == 0


def test_the_description_of_recovery_codes_has_all_members(account: Account) -> None:
    codes = account.recovery_codes()
    account.clock.advance(60)
    account.verify(RECOVERY, codes[3])

    assert document(account.get(RECOVERY)) == {
        "factor": RECOVERY,
        "status": "confirmed",
        "remaining": 9,
        "created_at": NOW,
        "confirmed_at": NOW,
        "last_used_at": "2040-11-22T12:01:00Z",
        "failed_attempts": 0,
        "locked_until": None,
        "expires_at": None,
    }


def test_codes_are_shown_once(account: Account) -> None:
    codes = account.recovery_codes()
    used = account.verify(RECOVERY, codes[0])

    shown = account.get().text + account.get(RECOVERY).text + used.text

    assert [code for code in codes if code in shown or code.replace("-", "") in shown] == []


def test_redis_contains_neither_the_codes_nor_their_bytes(account: Account) -> None:
    codes = account.recovery_codes()
    account.verify(RECOVERY, codes[0])

    stored = b"".join(key + (value or b"") for key, value in account.snapshot().items()).upper()

    assert [code for code in codes if any(form.encode() in stored for form in spellings(code))] == []


def spellings(code: str) -> set[str]:
    return {code, code.replace("-", ""), *code.split("-"), code.replace("-", "").encode().hex().upper()}


def test_no_stored_value_is_a_code(account: Account) -> None:
    account.recovery_codes()
    (value,) = account.snapshot().values()
    stored = (value or b"").hex()

    pieces = {stored[start : start + length] for length in (16, 64) for start in range(0, len(stored), 16)}
    answers = {account.verify(RECOVERY, piece).status_code for piece in pieces}
    account.post("unlock")

    assert answers <= {400, 403, 429}


def test_the_codes_of_two_sets_differ(account: Account) -> None:
    account.recovery_codes()
    (first,) = account.snapshot().items()
    other = account.named("bob")
    other.recovery_codes()
    (key,) = set(account.snapshot()) - {first[0]}
    account.redis.set(key, first[1] or b"")

    assert slug(other.verify(RECOVERY, WRONG)) == "store-unavailable"


@pytest.mark.parametrize("code", NO_CODES)
def test_a_malformed_code_is_a_bad_request_and_not_counted(account: Account, code: Any) -> None:
    account.recovery_codes()

    answer = account.verify(RECOVERY, code)

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["code"])
    assert document(account.get(RECOVERY))["failed_attempts"] == 0


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/verify")])
def test_an_account_without_issued_recovery_codes_has_none(account: Account, method: str, path: str) -> None:
    answer = account.send(method, f"{RECOVERY}{path}", json={"code": WRONG})

    assert (answer.status_code, slug(answer)) == (404, "not-enrolled")


def test_deleting_removes_the_recovery_codes(account: Account) -> None:
    code = account.recovery_codes()[0]

    assert account.delete(RECOVERY).status_code == 204
    assert slug(account.verify(RECOVERY, code)) == "not-enrolled"
    assert account.snapshot() == {}


def test_sessions_have_no_recovery_codes(account: Account) -> None:
    assert account.client.post(f"/api/v1/session/{RECOVERY}", json={}).status_code == 404
