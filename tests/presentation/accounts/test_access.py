"""Only the API key of its tenant gives access to an account (docs/reference/http.md, Factors)."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from presentation.http.framework.request_body import LARGEST_BODY
from tests.presentation.api import ACCOUNTS, API_KEYS, FACTORS, Account, all_routes, document, slug
from tests.support.account_ids import EXCLUDED, REAL_IDS

SHOP = API_KEYS["shop"]
NO_KEYS: dict[str, str | None] = {
    "none": None,
    "an empty header": "",
    "the scheme alone": "Bearer",
    "the scheme and a space": "Bearer ",
    "the key alone": SHOP,
    "another key": f"Bearer {'x' * 36}",
    "another scheme": f"Basic {SHOP}",
    "a scheme that only begins so": f"Bearer2 {SHOP}",
    "half a key": f"Bearer {SHOP[:18]}",
    "a key and more": f"Bearer {SHOP}x",
    "a key and a parameter": f"Bearer {SHOP}, realm=x",
    "two keys": f"Bearer {SHOP} {API_KEYS['forum']}",
    "a key in capitals": f"Bearer {SHOP.upper()}",
    "a quoted key": f'Bearer "{SHOP}"',
    "the tenant's name": "Bearer shop",
    "name and key": f"Bearer shop:{SHOP}",
    "letters beyond ASCII": "Bearer clé-\xe9\xff" + "x" * 32,
    "a key and a letter beyond ASCII": f"Bearer {SHOP}\xff",
    "a key and a no-break space": f"Bearer {SHOP}\xa0",
    "letters beyond Latin-1": "Bearer ключ" + "x" * 32,
    "a control character": f"Bearer {SHOP}\x00",
    "a very long key": "Bearer " + "x" * 8000,
}
GOOD_KEYS = [
    f"Bearer {SHOP}",
    f"bearer {SHOP}",
    f"BEARER {SHOP}",
    # White space at the end is not a part of the value (RFC 9110, section 5.5).
    f"Bearer {SHOP}  ",
    f"Bearer   {SHOP}",
]
BAD_IDS = [
    "a b",
    "a%20b",
    "%00",
    "%0a",
    "a%0a",
    "a%09b",
    "a%7f",
    "é",
    "%ff",
    "%c0%af",
    "日本",
    "%e2%80%ae",
    "a%252fb",
    ".",
    "%2e%2e",
]
BAD_IDS += [f"a{quote(each, safe='')}b" for each in EXCLUDED.replace("/", "")]
GOOD_IDS = ["a", "A.b_c@d+e:f-g", "x" * 255, "0", "-", "_", ":", "urn:uuid:1", "session", "totp", "...", *REAL_IDS]
BODIES: dict[str, Any] = {
    "verify": {"code": "123456"},
    "recovery-codes/verify": {"code": "K7QM-2X9D-4HPW-8RTC"},
    "resync": {"codes": ["123456", "234567"]},
    "disable": {"code": "123456"},
    "challenge": {"code": "123456"},
}


def authorized(account: Account, header: str | None) -> TestResponse:
    environ = {} if header is None else {"HTTP_AUTHORIZATION": header}
    return account.client.get(f"{ACCOUNTS}/{account.name}", environ_overrides=environ)


def operations(account: Account) -> list[tuple[str, str]]:
    """Yield method and path of all resources of accounts, without the account."""
    prefix = f"{ACCOUNTS}/<account_id>"
    return [(method, path[len(prefix) + 1 :]) for method, path in all_routes(account) if path.startswith(prefix)]


def body_for(path: str) -> dict[str, Any]:
    return next((body for end, body in reversed(BODIES.items()) if path.endswith(end)), {})


def comparable(answer: TestResponse) -> tuple[int, Any]:
    """Return the response without the parts that differ between requests."""
    if not answer.is_json and not slug(answer):
        return answer.status_code, answer.data
    return answer.status_code, {name: value for name, value in document(answer).items() if name != "request_id"}


@pytest.mark.parametrize("header", GOOD_KEYS)
def test_a_valid_key_is_accepted(account: Account, header: str) -> None:
    assert authorized(account, header).status_code == 200


@pytest.mark.parametrize("kind", NO_KEYS)
def test_a_request_without_a_valid_key_is_refused(account: Account, kind: str) -> None:
    answer = authorized(account, NO_KEYS[kind])

    assert (answer.status_code, slug(answer)) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("kind", sorted(set(NO_KEYS) - {"a key and a no-break space"}))
def test_all_refused_keys_get_the_same_response(account: Account, kind: str) -> None:
    refused, nobody = authorized(account, NO_KEYS[kind]), authorized(account, None)

    assert comparable(refused) == comparable(nobody)
    assert refused.headers["WWW-Authenticate"] == nobody.headers["WWW-Authenticate"]
    assert len(refused.data) == len(nobody.data)


def test_a_key_in_the_url_is_ignored(account: Account) -> None:
    assert account.client.get(f"{ACCOUNTS}/a?access_token={SHOP}").status_code == 401


def test_a_session_does_not_replace_an_api_key(account: Account) -> None:
    account.client.post("/api/v1/session/totp", json={})

    assert authorized(account, None).status_code == 401


def test_every_resource_of_an_account_requires_a_key(account: Account) -> None:
    account.confirmed("totp")
    before = account.snapshot()

    answers = {
        (method, path): account.client.open(f"{ACCOUNTS}/{account.name}/{path}".rstrip("/"), method=method).status_code
        for method, path in operations(account)
    }

    assert set(answers.values()) == {401}
    assert account.snapshot() == before


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"{", "application/json"), (b"{}", "text/plain"), (b" " * (LARGEST_BODY + 1), "application/json"), (b"", None)],
)
@pytest.mark.parametrize("path", ["totp", "otp", "challenge", "totp/verify", "recovery-codes/verify", "unlock"])
def test_a_client_without_a_key_gets_401_even_for_an_invalid_body(
    account: Account, path: str, content: bytes, content_type: str | None
) -> None:
    stranger = account.of("shop")
    stranger.key = "x" * 36

    assert stranger.raw(path, content, content_type).status_code == 401


@pytest.mark.parametrize("name", [*BAD_IDS, "x" * 256])
def test_a_client_without_a_key_gets_401_even_for_an_invalid_account_id(account: Account, name: str) -> None:
    assert account.client.get(f"{ACCOUNTS}/{name}").status_code == 401


@pytest.mark.parametrize("name", [*BAD_IDS, "x" * 256, "x" * 4000])
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "totp"), ("POST", "challenge"), ("DELETE", "")])
def test_an_invalid_account_id_is_a_bad_request(account: Account, method: str, path: str, name: str) -> None:
    answer = account.named(name).send(method, path)

    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert list(document(answer)["errors"]) == ["account_id"]
    assert account.snapshot() == {}


@pytest.mark.parametrize("name", GOOD_IDS)
def test_every_id_of_allowed_characters_is_an_account_id(account: Account, name: str) -> None:
    other = account.named(quote(name, safe=""))
    other.enrol("totp")

    assert document(other.get())["account_id"] == name
    assert [factor["factor"] for factor in document(other.get())["factors"]] == ["totp"]


@pytest.mark.parametrize("spelt", ["alice%40example.com", "%61lice@example.com", "alice@example%2Ecom"])
def test_a_percent_encoded_id_is_the_same_id(account: Account, spelt: str) -> None:
    account.enrol("totp")

    assert account.named(spelt).get("totp").status_code == 200


@pytest.mark.parametrize("name", ["Alice@example.com", "alice@example.com.", "alice@example.co", "+alice@example.com"])
def test_account_ids_that_differ_in_one_letter_are_different_accounts(account: Account, name: str) -> None:
    account.enrol("totp")

    assert slug(account.named(name).get("totp")) == "not-enrolled"


@pytest.mark.parametrize("slash", ["%2F", "%2f"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_slash_in_an_id_does_not_lead_to_a_factor_of_another_account(
    account: Account, method: str, slash: str
) -> None:
    account.enrol("totp")

    answer = account.named(f"{account.name}{slash}totp").send(method)

    assert answer.status_code in {400, 404}
    assert account.get("totp").status_code == 200


@pytest.mark.parametrize("path", ["/", "//totp", "//"])
def test_an_empty_account_id_is_not_an_account(account: Account, path: str) -> None:
    answer = account.client.get(f"{ACCOUNTS}{path}", headers={"Authorization": f"Bearer {SHOP}"})

    assert (answer.status_code, slug(answer)) == (404, "not-found")


def test_all_keys_of_a_tenant_open_its_accounts_and_no_others(account: Account) -> None:
    fresh = "the-key-that-takes-its-place-34-chr"
    rotating = Account(api_keys=(("shop", SHOP), ("forum", API_KEYS["forum"]), ("shop", fresh)))
    rotating.enrol("totp")

    def factors(key: str) -> list[str]:
        headers = {"Authorization": f"Bearer {key}"}
        answer = rotating.client.get(f"{ACCOUNTS}/{rotating.name}", headers=headers)
        return [each["factor"] for each in document(answer)["factors"]]

    assert [factors(key) for key in (SHOP, fresh, API_KEYS["forum"])] == [["totp"], ["totp"], []]


def test_without_api_keys_there_are_no_accounts(account: Account) -> None:
    without = Account(api_keys=())

    statuses = {without.send(method, path, json={}).status_code for method, path in operations(account)}

    assert statuses == {404}


def test_an_api_key_is_valid_for_accounts_only(account: Account) -> None:
    headers = {"Authorization": f"Bearer {SHOP}"}

    assert account.client.get("/api/v1/admin/server", headers=headers).status_code == 401


def everything_of(account: Account) -> dict[str, Any]:
    """Confirm all factors, and return the list of them."""
    for factor in ("hotp", "totp"):
        account.confirmed(factor)
    account.enrol("otp")
    account.recovery_codes()
    return document(account.get())


def test_accounts_of_the_same_name_belong_to_different_tenants(account: Account) -> None:
    mine = everything_of(account)
    account.clock.advance(60)
    theirs = everything_of(account.of("forum"))

    assert document(account.get()) == mine != theirs


ATTACKS: dict[str, Callable[[Account], Any]] = {
    "deleting all": lambda they: they.delete(),
    "deleting one": lambda they: [they.delete(factor) for factor in (*FACTORS, "recovery-codes")],
    "unlocking": lambda they: they.post("unlock"),
    "guessing": lambda they: [they.verify("totp", "000000") for _ in range(9)],
    "challenging": lambda they: [they.challenge("000000") for _ in range(9)],
    "replacing": lambda they: they.post("totp/replacement"),
    "dropping a replacement": lambda they: they.delete("totp/replacement"),
    "enrolling": lambda they: [they.post(factor) for factor in (*FACTORS, "recovery-codes")],
    "enrolling and guessing": lambda they: (they.enrol("totp"), [they.challenge("000000") for _ in range(9)]),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "who", [lambda mine: mine.of("forum"), lambda mine: mine.named("bob")], ids=["tenant", "account"]
)
def test_clients_without_the_key_cannot_change_an_account(
    account: Account, attack: str, who: Callable[[Account], Account]
) -> None:
    everything_of(account)
    account.fail("totp", "000000", 3)
    before = account.snapshot()

    ATTACKS[attack](who(account))

    assert {key: value for key, value in account.snapshot().items() if key in before} == before


def test_a_session_cannot_see_the_credentials_of_an_account(account: Account) -> None:
    everything_of(account)
    before = account.snapshot()

    listed = account.client.get("/api/v1/session")
    account.client.delete("/api/v1/session")

    assert document(listed)["factors"] == []
    assert account.snapshot() == before


@pytest.mark.parametrize("factor", FACTORS)
def test_the_code_of_another_tenants_account_is_wrong(account: Account, factor: str) -> None:
    code = account.good_code(factor, account.enrol(factor))
    other = account.of("forum")
    other.enrol(factor)

    assert document(other.verify(factor, code))["reason"] == "wrong"


def test_the_recovery_code_of_another_tenants_account_is_wrong(account: Account) -> None:
    code = account.recovery_codes()[0]
    other = account.of("forum")
    other.recovery_codes()

    assert document(other.challenge(code))["reason"] == "wrong"
    assert account.challenge(code).status_code == 200


def test_wrong_codes_of_one_tenant_do_not_lock_accounts_of_another(account: Account) -> None:
    account.confirmed("totp")
    other = account.of("forum")
    enrolled = other.confirmed("totp")
    account.fail("totp", "000000", 5)

    assert document(other.get("totp"))["failed_attempts"] == 0
    assert other.challenge(other.good_code("totp", enrolled, 1)).status_code == 200


@pytest.mark.parametrize("known", [False, True], ids=["never seen", "deleted"])
def test_an_unknown_account_looks_like_one_with_nothing_enrolled(account: Account, known: bool) -> None:
    empty, unknown = account.named("mallory"), account.named("nothing")
    empty.enrol("otp")
    empty.delete("otp")
    if known:
        everything_of(unknown)
        unknown.delete()
    changing = {"otp", "hotp", "totp", "recovery-codes"}

    for method, path in operations(account):
        if method != "HEAD" and not (method == "POST" and path in changing):
            answers = [each.send(method, path, json=body_for(path)) for each in (empty, unknown)]
            assert comparable(answers[0]) == comparable_named(answers[1], "nothing", "mallory"), (method, path)


def comparable_named(answer: TestResponse, name: str, other: str) -> tuple[int, Any]:
    """Return the text with the name of one account in place of the other."""
    status, told = comparable(answer)
    if isinstance(told, dict) and told.get("account_id") == name:
        told = told | {"account_id": other}
    return status, told


def test_reading_an_unknown_account_stores_nothing(account: Account) -> None:
    for method, path in operations(account):
        if method in {"GET", "HEAD", "DELETE"} or body_for(path) or path == "unlock":
            account.send(method, path, json=body_for(path))

    assert account.snapshot() == {}


def test_no_response_about_an_account_sets_a_cookie(account: Account) -> None:
    everything_of(account)

    answers = [account.send(method, path, json=body_for(path)) for method, path in operations(account)]

    assert [answer.headers["Set-Cookie"] for answer in answers if "Set-Cookie" in answer.headers] == []


def test_no_key_is_in_redis(account: Account) -> None:
    everything_of(account)

    stored = b"".join(key + (value or b"") for key, value in account.snapshot().items())

    assert [key for key in API_KEYS.values() if key.encode() in stored] == []


def test_all_keys_of_an_account_are_in_one_slot_of_a_cluster(account: Account) -> None:
    everything_of(account)

    tags = {re.search(rb"\{(.+)\}", key) for key in account.snapshot()}

    assert len({tag.group(1) for tag in tags if tag}) == 1
