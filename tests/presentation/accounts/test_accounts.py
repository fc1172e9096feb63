"""Accounts have all operations of sessions, and exist until deleted (docs/reference/http.md, Accounts only)."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.presentation.api import (
    ACCOUNTS,
    FACTORS,
    RFC_CODES,
    RFC_SECRET,
    SESSION,
    Account,
    Api,
    all_routes,
    document,
    other_code,
    slug,
)

LASTING = ("hotp", "totp", "recovery-codes")
ONLY_ACCOUNTS = {
    ("POST", "/challenge"),
    ("POST", "/unlock"),
    ("POST", "/hotp/disable"),
    ("POST", "/totp/disable"),
    ("POST", "/recovery-codes"),
    ("GET", "/recovery-codes"),
    ("DELETE", "/recovery-codes"),
    ("POST", "/recovery-codes/verify"),
    ("POST", "/authenticators"),
    ("GET", "/authenticators"),
    ("PATCH", "/authenticators/<authenticator_id>"),
    ("POST", "/authenticators/<authenticator_id>/disable"),
}
YEARS = 10 * 365 * 86400

Conversation = Callable[[Api], list[TestResponse]]


def enrolling(api: Api) -> list[TestResponse]:
    bodies: list[dict[str, Any]] = [{"secret": RFC_SECRET, "label": "a"}, {}, {"digits": 5}, {"surprise": 1}]
    return [api.post(factor, body) for factor in ("hotp", "totp") for body in bodies]


def verifying(api: Api) -> list[TestResponse]:
    api.enrol("hotp", secret=RFC_SECRET)
    code = api.enrol("otp")["code"]
    answers = [api.verify("hotp", sent) for sent in ("75522", RFC_CODES[0], RFC_CODES[0], "000000", RFC_CODES[3])]
    return [*answers, *(api.verify("otp", sent) for sent in (other_code(code), code, code))]


def locking(api: Api) -> list[TestResponse]:
    api.enrol("totp", secret=RFC_SECRET)
    answers = [api.verify("totp", "000000") for _ in range(6)]
    api.clock.advance(30)
    answers += [api.verify("totp", "000000"), api.get("totp"), api.delete("totp"), api.get("totp")]
    api.enrol("totp", secret=RFC_SECRET)
    return [*answers, api.verify("totp", "000000"), api.get("totp")]


def resynchronizing(api: Api) -> list[TestResponse]:
    api.enrol("hotp", secret=RFC_SECRET, look_ahead=0)
    pairs: list[Any] = [RFC_CODES[5:7], RFC_CODES[5:7], ["000000", "000001"], ["1", "2"], RFC_CODES[:1]]
    return [api.post("hotp/resync", {"codes": list(pair)}) for pair in pairs] + [api.verify("hotp", RFC_CODES[7])]


def describing(api: Api) -> list[TestResponse]:
    for factor in ("hotp", "totp"):
        api.enrol(factor, secret=RFC_SECRET, label="a", issuer="b")
    api.verify("hotp", RFC_CODES[1])
    return [api.get("hotp"), api.get("totp"), api.get("otp"), api.get("sms")]


def showing_pictures(api: Api) -> list[TestResponse]:
    api.enrol("hotp", secret=RFC_SECRET, label="a")
    names = ["hotp/qr", "hotp/qr.svg", "hotp/qr.png", "totp/qr", "otp/qr"]
    pictures = [api.get(name) for name in names]
    refused = api.get("hotp/qr", headers={"Accept": "text/html"})
    api.verify("hotp", RFC_CODES[0])
    return [*pictures, refused, api.get("hotp/qr")]


def deleting(api: Api) -> list[TestResponse]:
    api.enrol("hotp")
    return [api.delete(path) for path in ("hotp", "hotp", "totp", "hotp/replacement", "", "")]


def replacing(api: Api) -> list[TestResponse]:
    body = {"secret": RFC_SECRET, "initial_counter": 5, "label": "new"}
    api.enrol("totp")  # which starts a session
    answers = [api.post("hotp/replacement", body)]
    enrolled = api.enrol("hotp")
    answers += [api.post("hotp/replacement", body)]
    api.verify("hotp", api.good_code("hotp", enrolled))
    answers += [api.post("hotp/replacement", body), api.post("hotp/replacement", body), api.get("hotp/replacement/qr")]
    answers += [api.delete("hotp/replacement"), api.delete("hotp/replacement"), api.post("hotp/replacement", body)]
    codes = ("000000", RFC_CODES[5], RFC_CODES[5])
    answers += [api.post("hotp/replacement/verify", {"code": code}) for code in codes]
    return [*answers, api.get("hotp"), api.get("hotp/replacement/qr"), api.verify("hotp", RFC_CODES[6])]


def issuing(api: Api) -> list[TestResponse]:
    bodies: list[dict[str, Any]] = [
        {},
        {"digits": 10, "lifetime": 30},
        {"delivery": {"channel": "response"}},
        {"delivery": {"channel": "email", "to": "a@example.com"}},
        {"delivery": {"channel": "pigeon"}},
        {"digits": 11, "lifetime": 1},
    ]
    return [api.post("otp", body) for body in bodies]


def misusing(api: Api) -> list[TestResponse]:
    raws = [b"", b"{", b"[]", b'{"code": 1}', b'{"code": "1", "x": 2}', b" " * 20000]
    return [api.raw(f"totp{end}", raw) for raw in raws for end in ("", "/verify", "/resync", "/replacement")] + [
        api.raw("totp", b"{}", "text/plain")
    ]


CONVERSATIONS: list[Conversation] = [
    enrolling,
    verifying,
    locking,
    resynchronizing,
    describing,
    showing_pictures,
    deleting,
    replacing,
    issuing,
    misusing,
]
DIFFERENT = ("request_id", "expires_at", "code")
"""Members that depend on chance or on the lifetime of the owner. They have their own tests."""


def told(answer: TestResponse, prefix: str) -> tuple[int, str, Any]:
    """Return the parts of a response that do not depend on the owner."""
    if not answer.is_json and not slug(answer):
        return answer.status_code, answer.mimetype, answer.data
    said = {name: value for name, value in document(answer).items() if name not in DIFFERENT}
    if "uri" in said:
        said |= {"uri": None, "secret": len(said["secret"]), "qr": said["qr"].removeprefix(prefix)}
    return answer.status_code, answer.mimetype, said


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_accounts_and_sessions_respond_alike(api: Api, account: Account, conversation: Conversation) -> None:
    sessions = [told(answer, SESSION) for answer in conversation(api)]
    accounts = [told(answer, f"{ACCOUNTS}/{account.name}") for answer in conversation(account)]

    assert accounts == sessions


def test_accounts_have_all_resources_of_sessions_and_their_own(account: Account) -> None:
    routes = set(all_routes(account))
    session = {(method, path.removeprefix(SESSION)) for method, path in routes if path.startswith(SESSION)}
    prefix = f"{ACCOUNTS}/<account_id>"
    accounts = {(method, path.removeprefix(prefix)) for method, path in routes if path.startswith(prefix)}

    authenticators = {(method, path.replace("/totp", "/authenticators/<authenticator_id>")) for method, path in session}
    authenticators = {(method, path) for method, path in authenticators if "authenticators" in path}
    authenticators.remove(("POST", "/authenticators/<authenticator_id>"))
    assert session | authenticators <= accounts
    only = accounts - session - authenticators
    assert {(method, path) for method, path in only if method != "HEAD"} == ONLY_ACCOUNTS


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_credential_of_an_account_does_not_expire(account: Account, factor: str) -> None:
    enrolled = account.enrol(factor)

    assert enrolled["expires_at"] is None
    assert enrolled["qr"] == f"{ACCOUNTS}/{account.name}/{factor}/qr"
    assert f":{account.name}?" in enrolled["uri"].replace("%40", "@")


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_factor_of_an_account_accepts_codes_after_ten_years(account: Account, factor: str) -> None:
    enrolled = account.confirmed(factor)
    account.clock.advance(YEARS)

    assert account.verify(factor, account.good_code(factor, enrolled, 1)).status_code == 200


def test_a_recovery_code_is_accepted_after_ten_years(account: Account) -> None:
    code = account.recovery_codes()[0]
    account.clock.advance(YEARS)

    assert account.challenge(code).status_code == 200


def test_the_list_of_an_account_contains_all_credentials(account: Account) -> None:
    for factor in FACTORS:
        account.enrol(factor)
    account.recovery_codes()

    assert document(account.get()) == {
        "account_id": account.name,
        "factors": [document(account.get(factor)) for factor in (*FACTORS, "recovery-codes")],
    }


def endless(account: Account) -> dict[str, bool]:
    """Return by factor whether its key in Redis does not expire."""
    return {key.decode().rpartition(":")[2]: account.redis.pttl(key) == -1 for key in account.snapshot()}


def used_in_every_way(account: Account) -> None:
    for factor in ("hotp", "totp"):
        account.fail(factor, "000000", 5)
        account.delete(factor)
        enrolled = account.enrol(factor)
        account.post("unlock")
        account.verify(factor, account.good_code(factor, enrolled))
        pair = [account.good_code(factor, enrolled, ahead) for ahead in (5, 6)]
        assert account.post(f"{factor}/resync", {"codes": pair}).status_code == 200
        replacement = document(account.post(f"{factor}/replacement"))
        code = account.good_code(factor, replacement)
        assert account.post(f"{factor}/replacement/verify", {"code": code}).status_code == 200
        account.fail(factor, code, 1)
    codes = account.recovery_codes()
    account.challenge(codes[0])
    account.challenge("0" * 16)


def test_no_credential_of_an_account_expires_in_redis(account_on_redis: Account) -> None:
    for factor in ("hotp", "totp"):
        account_on_redis.enrol(factor)
    account_on_redis.recovery_codes()

    assert endless(account_on_redis) == dict.fromkeys(LASTING, True)


def test_no_operation_makes_a_credential_of_an_account_expire(account_on_redis: Account) -> None:
    for factor in ("hotp", "totp"):
        account_on_redis.enrol(factor)

    used_in_every_way(account_on_redis)

    assert endless(account_on_redis) == dict.fromkeys(LASTING, True)


@pytest.mark.parametrize("lifetime", [30, 3600])
def test_the_record_of_a_one_time_code_expires(account_on_redis: Account, lifetime: int) -> None:
    code = account_on_redis.enrol("otp", lifetime=lifetime)["code"]
    account_on_redis.fail("otp", code, 2)
    account_on_redis.verify("otp", code)

    (end,) = [account_on_redis.redis.expiretime(key) for key in account_on_redis.snapshot()]

    assert end == account_on_redis.clock.now() + lifetime + 3600


def test_deleting_an_account_leaves_nothing_in_redis(account: Account) -> None:
    for factor in ("hotp", "totp"):
        account.enrol(factor)
    used_in_every_way(account)
    account.enrol("otp")
    account.fail("totp", "000000", 4)
    account.delete("totp")

    assert account.delete().status_code == 204
    assert account.snapshot() == {}


def test_deleting_an_account_deletes_its_locks(account: Account) -> None:
    account.enrol("totp")
    account.fail("totp", "000000", 5)
    account.delete("totp")
    account.delete()

    assert account.verify("totp", account.good_code("totp", account.enrol("totp"))).status_code == 200


def test_deleting_an_unknown_account_succeeds(account: Account) -> None:
    assert account.delete().status_code == 204
