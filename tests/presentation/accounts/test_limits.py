"""The limits of a tenant over HTTP (docs/reference/limits.md)."""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from infrastructure.settings.groups.delivery import WebhookReceiver
from infrastructure.tenants.tenants_file import TenantsFile
from tests.infrastructure.delivery.servers import Receiver
from tests.presentation.api import API_KEYS, Account, document, slug
from tests.presentation.gate.support import GATE
from tests.support.redis_clients import redis_client

DAY = 86400
CHALLENGES = "challenges_per_second"


def account_with(limits: str, **options: Any) -> Account:
    """Return an account of a tenant with limits. The tenant `forum` has none."""
    tenants = TenantsFile.parse(f"[shop]\n{limits}\n[forum]\n")
    return Account(**{"tenants_file": tenants, "api_keys": tuple(API_KEYS.items())} | options)


def refusal(answer: TestResponse) -> tuple[int, str, str, int]:
    """Return the status, the type, the limit and the wait of a response."""
    return answer.status_code, slug(answer), document(answer)["limit"], int(answer.headers["Retry-After"])


def beyond(account: Account, path: str, body: Any) -> TestResponse:
    """Send a request until a limit for a second refuses it. A new second may begin in the meantime."""
    for _ in range(1000):
        answer = account.post(path, body)
        if answer.status_code == 429:
            return answer
    raise AssertionError("the limit refuses nothing")


JUDGING = [
    ("challenge", {"code": "000000"}),
    ("totp/verify", {"code": "000000"}),
    ("hotp/verify", {"code": "000000"}),
    ("otp/verify", {"code": "000000"}),
    ("recovery-codes/verify", {"code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"}),
    ("hotp/resync", {"codes": ["000000", "000001"]}),
    ("hotp/disable", {"code": "000000"}),
    ("totp/replacement/verify", {"code": "000000"}),
    ("authenticators/totp/verify", {"code": "000000"}),
    ("authenticators/totp/disable", {"code": "000000"}),
]


@pytest.mark.parametrize(("path", "body"), JUDGING)
def test_every_request_that_can_judge_a_code_names_the_limit(path: str, body: Any) -> None:
    account = account_with("challenges_per_second = 1")

    assert refusal(beyond(account, path, body)) == (429, "rate-limited", CHALLENGES, 1)


def test_all_accounts_and_all_requests_of_a_tenant_count_together() -> None:
    account = account_with("challenges_per_second = 2")
    statuses = [account.named(f"a{n}").post(*JUDGING[n % 2]).status_code for n in range(100)]

    assert statuses[:2] == [404, 404]
    assert 429 in statuses[2:]


def test_another_tenant_is_not_refused() -> None:
    account = account_with("challenges_per_second = 1")
    beyond(account, "challenge", {"code": "000000"})

    assert {account.of("forum").challenge("000000").status_code for _ in range(20)} == {404}


def test_a_good_code_beyond_the_limit_is_still_good() -> None:
    account = account_with("challenges_per_second = 1\nlock = {after = 3}")
    totp = account.enrol("totp")
    good = {"code": account.good_code("totp", totp)}
    beyond(account, "recovery-codes/verify", {"code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"})
    refused = account.post("totp/verify", good)
    described = document(account.get("totp"))
    statuses = iter(lambda: account.post("totp/verify", good).status_code, None)

    assert refused.status_code == 429
    assert (described["status"], described["failed_attempts"]) == ("pending", 0)
    assert next(status for status in statuses if status != 429) == 200


def test_a_malformed_request_does_not_count() -> None:
    account = account_with("challenges_per_second = 1")

    assert {account.challenge("12").status_code for _ in range(20)} == {400}


@pytest.mark.parametrize("path", ["hotp", "authenticators", "totp/replacement", "recovery-codes"])
def test_every_new_secret_beyond_the_limit_is_refused(path: str) -> None:
    account = account_with("enrolments_per_day = 1")
    account.confirmed("totp")
    answer = account.post(path, {"type": "hotp"} if path == "authenticators" else {})
    status, kind, limit, wait = refusal(answer)

    assert (status, kind, limit) == (429, "rate-limited", "enrolments_per_day")
    assert DAY - 10 < wait <= DAY
    assert [each["type"] for each in document(account.get("authenticators"))["authenticators"]] == ["totp"]


def test_a_conflict_is_no_enrolment() -> None:
    account = account_with("enrolments_per_day = 2")
    account.confirmed("totp")

    assert {account.post("totp").status_code for _ in range(5)} == {409}
    assert account.post("hotp").status_code == 201


def test_a_log_in_at_the_gate_is_no_challenge_of_the_tenant() -> None:
    account = account_with("challenges_per_second = 1", **GATE, gate_tenant="shop")
    statuses = [
        account.client.post("/auth/login", data={"code": "000000", "account": account.name}).status_code
        for _ in range(20)
    ]
    totp = account.confirmed("totp")

    assert set(statuses) == {403}
    assert totp["status"] == "pending"


def test_without_a_store_nothing_is_admitted() -> None:
    account = account_with("challenges_per_second = 1", redis=redis_client("redis://127.0.0.1:1"))

    assert account.challenge("000000").status_code == 503


# Sent codes


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def sending(limits: str, receiver: Receiver) -> Account:
    return account_with(limits, webhook=WebhookReceiver(url=receiver.url, secret="a secret of the tests"))


def send(account: Account, to: str) -> TestResponse:
    return account.post("otp", {"delivery": {"channel": "webhook", "to": to}})


def test_the_limit_of_the_day_is_named(receiver: Receiver) -> None:
    account = sending("sends_per_day = 2", receiver)
    statuses = [send(account, f"+4315550{n}").status_code for n in range(10, 12)]
    status, kind, limit, wait = refusal(send(account, "+431555099"))

    assert statuses == [201, 201]
    assert (status, kind, limit) == (429, "rate-limited", "sends_per_day")
    assert DAY - 10 < wait <= DAY
    assert account.post("otp").status_code == 201


def test_a_limit_of_the_service_names_no_limit_of_the_tenant(receiver: Receiver) -> None:
    account = sending("sends_per_day = 100", receiver)
    answers = [send(account, "+431555010") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert "limit" not in document(answers[-1])


def test_a_recipient_that_is_not_allowed_gets_nothing(receiver: Receiver) -> None:
    account = sending('recipients = ["+43"]\nsends_per_day = 1', receiver)
    former = document(account.post("otp"))["code"]
    answers = [send(account, to) for to in ("+44 20 5550100", "a@example.com", "0043 1 5550100")]

    assert {(answer.status_code, slug(answer)) for answer in answers} == {(403, "recipient-not-allowed")}
    assert "5550100" not in answers[0].text
    assert account.verify("otp", former).status_code == 200
    assert send(account, "+43 1 5550100").status_code == 201


def test_an_invalid_recipient_is_invalid_rather_than_not_allowed(receiver: Receiver) -> None:
    account = sending('recipients = ["+43"]', receiver)

    assert send(account, "").status_code == 400


# Descriptions


def test_the_openapi_document_describes_the_limits() -> None:
    account = account_with("challenges_per_second = 1")
    openapi = document(account.client.get("/openapi.json"))
    prefix = "/api/v1/accounts/{account_id}"
    limited = {
        path.removeprefix(prefix)
        for path, methods in openapi["paths"].items()
        if path.startswith(prefix) and "429" in methods.get("post", {"responses": {}})["responses"]
    }
    every = {path.removeprefix(prefix) for path in openapi["paths"] if path.startswith(prefix)}
    posts = {path for path in every if "post" in openapi["paths"][f"{prefix}{path}"]}

    assert posts - limited == {"/unlock"}
    assert "403" in openapi["paths"][f"{prefix}/otp"]["post"]["responses"]


def test_refusals_are_counted_by_tenant_and_limit() -> None:
    account = account_with("enrolments_per_day = 1")
    for _ in range(4):
        account.post("recovery-codes")
    text = account.client.get("/metrics").text

    assert 'open_mfa_limit_refusals_total{limit="enrolments_per_day",tenant="shop"} 3.0' in text
