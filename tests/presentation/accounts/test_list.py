"""GET /api/v1/accounts (docs/reference/http.md, List of accounts)."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from presentation.http.framework.field_limits import LONGEST_QUERY
from tests.presentation.api import ACCOUNTS, API_KEYS, Account, document, slug


@pytest.fixture
def account() -> Account:
    return Account()


def ask(account: Account, query: str = "", tenant: str = "shop") -> TestResponse:
    return account.client.get(f"{ACCOUNTS}{query}", headers={"Authorization": f"Bearer {API_KEYS[tenant]}"})


def page(account: Account, tenant: str = "shop", **parameters: Any) -> dict[str, Any]:
    answer = ask(account, f"?{urlencode(parameters)}", tenant)
    assert answer.status_code == 200, answer.text
    return document(answer)


def walk(account: Account, tenant: str = "shop", **parameters: Any) -> list[dict[str, Any]]:
    """Return the accounts of all pages."""
    each = page(account, tenant, **parameters)
    accounts: list[dict[str, Any]] = each["accounts"]
    while each["next"] is not None:
        each = page(account, tenant, cursor=each["next"], **parameters)
        accounts += each["accounts"]
    return accounts


def test_a_tenant_without_accounts_has_an_empty_page(account: Account) -> None:
    assert page(account) == {"accounts": [], "next": None}


def test_an_account_has_all_members(account: Account) -> None:
    account.confirmed("totp")
    account.enrol("hotp")
    account.recovery_codes()

    assert page(account, limit=500)["accounts"] == [
        {"id": account.name, "authenticators": 1, "locked": False, "weak": False, "unreadable": False}
    ]


def test_a_weak_secret_is_listed(account: Account) -> None:
    account.enrol("totp", secret="GEZDGNBVGY3TQOJQ", confirmed=True, weak_secret="accept")

    assert [each["weak"] for each in walk(account)] == [True]


def test_a_locked_account_is_listed_as_locked_until_the_lock_ends(account: Account) -> None:
    enrolled = account.enrol("hotp")
    account.fail("hotp", account.good_code("hotp", enrolled), 5)
    during = [each["locked"] for each in walk(account)]
    account.clock.advance(30)

    assert during == [True]
    assert [each["locked"] for each in walk(account)] == [False]


@pytest.mark.parametrize("limit", [1, 2, 10, 500])
def test_all_pages_together_have_all_accounts_of_the_tenant_only(account: Account, limit: int) -> None:
    names = {f"user-{number}" for number in range(25)}
    for name in names:
        account.named(name).enrol("totp")
        account.of("forum").named(f"forum-{name}").enrol("totp")

    assert {each["id"] for each in walk(account, limit=limit)} == names
    assert {each["id"] for each in walk(account, "forum", limit=limit)} == {f"forum-{name}" for name in names}


def test_a_deleted_account_is_not_listed(account: Account) -> None:
    account.enrol("totp")
    account.delete("totp")
    account.named("bob").enrol("totp")
    account.named("bob").delete()

    assert walk(account) == []


def test_an_unreadable_record_does_not_hide_the_other_accounts(account: Account) -> None:
    account.enrol("totp")
    (key,) = account.snapshot()
    account.named("bob").enrol("totp")
    account.redis.set(key, b"no record")

    assert {each["id"]: each["unreadable"] for each in walk(account)} == {account.name: True, "bob": False}


def test_keys_that_belong_to_no_account_are_ignored(account: Account) -> None:
    account.enrol("totp")
    for key in (
        "open-mfa:{account:shop:a b}:totp",
        "open-mfa:{account:shop:}:totp",
        "open-mfa:{account:shop:x/y}:hotp",
    ):
        account.redis.set(key, b"x")
    account.redis.set(b"open-mfa:{account:shop:\xff}:totp", b"x")
    account.redis.lpush("open-mfa:{account:shop:list}:totp", b"x")

    assert [each["id"] for each in walk(account, limit=500)] == [account.name]


BAD_LIMITS = [
    "",
    "0",
    "501",
    "-1",
    "+1",
    "01",
    "1.0",
    "1e2",
    " 1",
    "1 ",
    "0x1",
    "1_0",
    "\u0661",
    "\uff11",
    "None",
    "9" * 5000,
]


@pytest.mark.parametrize("limit", BAD_LIMITS)
def test_any_other_limit_is_a_bad_request(account: Account, limit: str) -> None:
    answer = ask(account, f"?{urlencode({'limit': limit})}")

    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert list(document(answer)["errors"]) == ["limit"]


@given(st.text() | st.binary().map(lambda each: each.decode("latin-1")))
def test_any_text_that_is_no_cursor_is_a_bad_request(text: str) -> None:
    answer = ask(Account(), f"?{urlencode({'cursor': text})}")

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["cursor"])


@pytest.mark.parametrize(
    "query", ["?cursor=%ff", "?cursor=%00", "?cursor=a&cursor=a", "?cursor", f"?cursor={'A' * 4000}"]
)
def test_a_malformed_cursor_is_a_bad_request(account: Account, query: str) -> None:
    answer = ask(account, query)

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["cursor"])


def test_a_repeated_or_unknown_parameter_is_a_bad_request(account: Account) -> None:
    answer = ask(account, "?limit=5&limit=5&cursr=x&%ff=1")

    assert answer.status_code == 400
    assert set(document(answer)["errors"]) == {"limit", "cursr", "%FF"}


def test_a_query_that_is_too_long_is_a_bad_request_and_not_the_first_page(account: Account) -> None:
    answer = ask(account, f"?cursor={'A' * LONGEST_QUERY}")

    assert (answer.status_code, slug(answer)) == (400, "invalid-request")


def test_a_cursor_of_another_tenant_gets_the_same_response_as_any_other_text(account: Account) -> None:
    for number in range(5):
        account.named(f"user-{number}").enrol("totp")
    cursor = page(account, limit=1)["next"]

    answers = [document(ask(account, f"?cursor={each}", "forum")) for each in (cursor, "AAAA", cursor[:-1])]

    assert cursor
    assert len({str(each | {"request_id": None}) for each in answers}) == 1


@pytest.mark.parametrize("query", ["", "?limit=0", "?cursor=x", "?x=1"])
def test_the_list_requires_an_api_key(account: Account, query: str) -> None:
    answer = account.client.get(f"{ACCOUNTS}{query}")

    assert (answer.status_code, slug(answer)) == (401, "unauthenticated")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_list_can_only_be_read(account: Account, method: str) -> None:
    account.enrol("totp")
    answer = account.client.open(ACCOUNTS, method=method, headers={"Authorization": f"Bearer {API_KEYS['shop']}"})

    assert answer.status_code == 405
    assert account.get("totp").status_code == 200
