"""The audit lines of accounts: owner, operation and outcome, and no secrets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.presentation.api import Account, other_code
from tests.support.written import written

Lines = Callable[[], list[dict[str, Any]]]
CALL = {"request_id": "request-7", "address": "203.0.113.7"}
ALICE = {"tenant": "shop", "account": "alice@example.com", "key": "key-3340273d"}
"""The key of `OPEN_MFA_API_KEYS` is named after its digest."""


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return the audit lines since the last call."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in written(capsys).splitlines()]
        return [line for line in found if line["logger"] == "open_mfa.audit"]

    return read


def without_the_call(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in {"time", "logger", "request_id", "address"}}


def test_an_audit_line_names_tenant_account_factor_outcome_and_request(account: Account, lines: Lines) -> None:
    enrolled = account.confirmed("totp")
    lines()

    account.post(
        "challenge",
        {"code": account.good_code("totp", enrolled, 1)},
        headers={"X-Request-ID": CALL["request_id"]},
        environ_overrides={"REMOTE_ADDR": CALL["address"]},
    )

    (line,) = lines()
    assert line == ALICE | CALL | {
        "time": line["time"],
        "level": "INFO",
        "logger": "open_mfa.audit",
        "message": "judged",
        "factor": "totp",
        "authenticator": "totp",
        "purpose": "challenge",
        "outcome": "accepted",
    }


def test_a_refusal_contains_the_reason_and_the_attempts_left(account: Account, lines: Lines) -> None:
    account.confirmed("totp")
    lines()

    account.verify("totp", "000000")

    assert [without_the_call(line) for line in lines()] == [
        ALICE
        | {
            "level": "INFO",
            "message": "judged",
            "factor": "totp",
            "authenticator": "totp",
            "purpose": "verify",
            "outcome": "refused",
            "reason": "wrong",
            "attempts_left": 4,
        }
    ]


def test_a_lock_has_its_own_audit_line_at_level_warning(account: Account, lines: Lines) -> None:
    account.confirmed("totp")
    account.fail("totp", "000000", 4)
    lines()

    account.challenge("000000")
    account.challenge("000000")

    told = lines()
    assert [(line["message"], line.get("reason")) for line in told] == [
        ("judged", "wrong"),
        ("locked", None),
        ("judged", "locked"),
    ]
    assert without_the_call(told[1]) == ALICE | {
        "level": "WARNING",
        "message": "locked",
        "factor": "totp",
        "authenticator": "totp",
        "locked_until": "2040-11-22T12:00:30Z",
    }


def test_a_wrong_code_that_counts_for_two_factors_has_two_audit_lines(account: Account, lines: Lines) -> None:
    account.confirmed("totp")
    account.confirmed("hotp")
    lines()

    account.challenge("000000")

    assert sorted((line["factor"], line["reason"]) for line in lines()) == [("hotp", "wrong"), ("totp", "wrong")]


def test_every_change_has_an_audit_line(account: Account, lines: Lines) -> None:
    enrolled = account.confirmed("totp")
    account.post("totp/replacement")
    account.delete("totp/replacement")
    account.recovery_codes()
    account.enrol("otp")
    account.fail("totp", other_code(account.good_code("totp", enrolled, 1)), 1)
    account.post("unlock")
    account.post("totp/disable", {"code": account.good_code("totp", enrolled, 1)})
    account.delete("recovery-codes")
    account.delete()

    changes = [(line["message"], line.get("factor")) for line in lines() if line["message"] != "judged"]

    assert changes == [
        ("enrolled", "totp"),
        ("replacement-enrolled", "totp"),
        ("replacement-dropped", "totp"),
        ("issued", "recovery-codes"),
        ("issued", "otp"),
        ("unlocked", "totp"),
        ("removed", "totp"),
        ("removed", "recovery-codes"),
        ("forgotten", None),
    ]


def test_every_audit_line_names_the_owner(account: Account, lines: Lines) -> None:
    other = account.of("forum").named("bob")
    other.confirmed("hotp")
    other.challenge("000000")
    other.delete()

    assert {(line["tenant"], line["account"]) for line in lines()} == {("forum", "bob")}


def test_a_refused_code_to_disable_removes_nothing(account: Account, lines: Lines) -> None:
    account.confirmed("totp")
    lines()

    account.post("totp/disable", {"code": "000000"})

    assert [(line["message"], line.get("purpose")) for line in lines()] == [("judged", "disable")]


def test_a_request_that_judges_no_code_has_no_audit_line(account: Account, lines: Lines) -> None:
    account.confirmed("totp")
    lines()

    account.verify("totp", "12345")
    account.post("totp")
    account.named("bob").challenge("123456")
    account.post("hotp/disable", {"code": "123456"})

    assert lines() == []


def test_an_enrolment_says_whether_the_secret_was_imported_and_is_weak(account: Account, lines: Lines) -> None:
    account.enrol("hotp")
    account.delete("hotp")
    account.enrol("hotp", secret="A" * 32, initial_counter=4, confirmed=True)
    account.enrol("totp", secret="A" * 16, confirmed=True, weak_secret="accept")

    enrolled = [line for line in lines() if line["message"] == "enrolled"]

    assert [(line["factor"], line.get("imported"), line.get("weak")) for line in enrolled] == [
        ("hotp", None, None),
        ("hotp", True, None),
        ("totp", True, True),
    ]
