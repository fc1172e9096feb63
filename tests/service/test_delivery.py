"""One-time codes by real mail and a real webhook, sent by the real service (docs/reference/http.md, One-time codes)."""

import hmac
import time
import uuid

import pytest
import requests

from tests.presentation.api import other_code
from tests.service.accounts import KEYS, Account
from tests.service.deliveries import CHANNELS, SECRET, SENDER, World, issue
from tests.service.sessions import Session
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.service import Service


@CHANNELS
def test_a_code_arrives_and_is_accepted_once(world: World, channel: str, recipient: str) -> None:
    account = world.account()

    answer = issue(account, channel, recipient, digits=8)

    (code,) = world.arrived(channel)
    assert (answer.status, len(code)) == (201, 8)
    assert [account.submit("otp/verify", code).status for _ in range(2)] == [200, 403]


@CHANNELS
def test_the_response_contains_neither_the_code_nor_the_address(world: World, channel: str, recipient: str) -> None:
    answer = issue(world.account(), channel, recipient)

    (code,) = world.arrived(channel)
    assert set(answer.document) == {"digits", "expires_at", "delivery"}
    assert answer.document["delivery"] == {"channel": channel}
    assert [secret for secret in (code, recipient) if secret.encode() in answer.body] == []


@CHANNELS
def test_a_session_can_have_its_code_sent(world: World, channel: str, recipient: str) -> None:
    session = Session(world.service.port)
    answer = issue(session, channel, recipient)
    session.headers = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}

    (code,) = world.arrived(channel)

    assert session.send("POST", "otp/verify", {"code": code}).status == 200


def test_the_mail_has_the_sender_the_recipient_and_the_code(world: World, recipient: str) -> None:
    issue(world.account(), "email", recipient)

    mail = world.mailbox.mail()

    assert (mail["From"], mail["To"]) == (SENDER, recipient)
    assert mail.get_content_type() == "text/plain"
    assert world.arrived("email")[0] not in mail["Subject"]


@pytest.mark.parametrize("domain", ["b\u00fccher.example", "BU\u0308CHER.example", "xn--bcher-kva.example"])
def test_a_code_is_sent_to_an_internationalized_domain(world: World, domain: str) -> None:
    local = f"ada-{uuid.uuid4().hex}"

    assert issue(world.account(), "email", f"{local}@{domain}").status == 201

    (envelope,) = world.mailbox.taken
    assert envelope.rcpt_tos == [f"{local}@xn--bcher-kva.example"]


def test_the_signature_of_the_webhook_verifies(world: World, recipient: str) -> None:
    account = world.account()

    issue(account, "webhook", recipient)

    request = world.receiver.request
    timestamp = request.headers["Open-MFA-Timestamp"]
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + request.body, "sha256").hexdigest()
    assert request.headers["Open-MFA-Signature"] == f"v1={expected}"
    assert abs(int(timestamp) - time.time()) < 60
    assert request.headers["Content-Type"] == "application/json"


def test_the_webhook_gets_the_owner_of_the_code(world: World, recipient: str) -> None:
    account = world.account()

    answer = issue(account, "webhook", recipient)

    told = world.receiver.request.json()
    assert told | {"code": "?"} == {
        "code": "?",
        "to": recipient,
        "tenant": "shop",
        "account_id": account.name,
        "expires_at": answer.document["expires_at"],
    }


@CHANNELS
def test_a_refused_delivery_leaves_no_valid_code(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    issue(account, channel, recipient)
    world.refuse()

    answer = issue(account, channel, recipient)

    assert (answer.status, answer.slug) == (502, "delivery-failed")
    former, new = world.arrived(channel)
    assert [account.submit("otp/verify", code).slug for code in (former, new)] == ["code-rejected"] * 2


@CHANNELS
def test_a_refusal_repeats_neither_the_code_nor_the_address_nor_the_response_of_the_server(
    world: World, channel: str, recipient: str
) -> None:
    world.refuse()

    answer = issue(world.account(), channel, recipient)

    (code,) = world.arrived(channel)
    assert [text for text in (code, recipient, "luck", "Oops", SECRET) if text.encode() in answer.body] == []


@CHANNELS
def test_after_a_refusal_another_code_can_be_sent(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    world.refuse()
    issue(account, channel, recipient)
    world.reset()

    issue(account, channel, recipient)

    assert account.submit("otp/verify", world.arrived(channel)[0]).status == 200


@CHANNELS
def test_a_refused_delivery_resets_no_count_of_wrong_codes(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    issue(account, channel, recipient)
    wrong = other_code(world.arrived(channel)[0])
    guesses = [account.submit("otp/verify", wrong) for _ in range(3)]
    world.refuse()
    issue(account, channel, recipient)
    world.reset()
    issue(account, channel, recipient)

    answer = account.submit("otp/verify", other_code(world.arrived(channel)[0]))

    assert [guess.document["attempts_left"] for guess in [*guesses, answer]] == [4, 3, 2, 1]


@pytest.mark.parametrize("answer", ["550 no such person", "450 later", "421 going away"])
def test_a_recipient_that_the_mail_server_refuses_is_a_failed_delivery(
    world: World, answer: str, recipient: str
) -> None:
    world.mailbox.responses["RCPT"] = answer

    assert issue(world.account(), "email", recipient).slug == "delivery-failed"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n",
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"garbage\r\n\r\n",
        b"",
    ],
)
def test_a_response_of_the_webhook_other_than_2xx_is_a_failed_delivery(
    world: World, answer: bytes, recipient: str
) -> None:
    world.hook.answer = answer

    refused = issue(world.account(), "webhook", recipient)

    assert (refused.status, refused.slug) == (502, "delivery-failed")
    assert len(world.receiver.requests) == 1


@pytest.mark.parametrize(
    "to",
    [
        "ada",
        "@example.org",
        "ada@",
        "ada@example.org\r\nBcc: mallory@example.org",
        "ada@example.org\nRCPT TO:<mallory@example.org>",
        "ada@example.org, mallory@example.org",
        "Ada <ada@example.org>",
        "ada@example.org>\r\nDATA",
        "a" * 65 + "@example.org",
        "ada\x00@example.org",
    ],
)
def test_an_invalid_mail_address_is_a_bad_request(world: World, to: str) -> None:
    account = world.account()
    code = account.enrol("otp")["code"]

    answer = issue(account, "email", to)

    assert (answer.status, list(answer.document["errors"])) == (400, ["delivery.to"])
    assert to not in answer.document["errors"]["delivery.to"][0]
    assert world.mailbox.taken == []
    assert account.submit("otp/verify", code).status == 200


@pytest.mark.parametrize(
    "delivery",
    [{"channel": "email"}, {"channel": "webhook"}, {"channel": "response", "to": "a@b.example"}, {"to": "a@b.example"}],
)
def test_a_recipient_requires_a_channel_that_sends(world: World, delivery: dict[str, str]) -> None:
    answer = world.account().send("POST", "otp", {"delivery": delivery})

    assert (answer.status, list(answer.document["errors"])) == (400, ["delivery.to"])


def test_neither_codes_nor_addresses_are_in_the_logs_or_in_redis(world: World, redis_server: RedisServer) -> None:
    for refused in (False, True):
        for channel in ("email", "webhook"):
            for _ in range(6):
                if refused:
                    world.refuse()
                issue(world.account(), channel, f"somebody@{channel}-{refused}.example", digits=10)
    codes = world.arrived("email") + world.arrived("webhook")
    with redis_server.client() as client:
        types = {key: client.type(key) for key in client.scan_iter()}
        values = [
            client.get(k) if kind == b"string" else b"".join(client.lrange(k, 0, -1)) for k, kind in types.items()
        ]
    metrics = requests.get(f"{world.service.base}/metrics", timeout=5).content

    left = world.service.log.read_bytes() + metrics + b"".join([*types, *(value or b"" for value in values)])

    assert len(codes) == 20
    assert [secret for secret in [*codes, "somebody@", SECRET] if secret.encode() in left] == []


def test_the_audit_trail_reports_failed_deliveries(world: World, recipient: str) -> None:
    account = world.account()
    world.refuse()

    issue(account, "email", recipient)

    lines = world.service.awaited_lines(lambda line: line.get("account") == account.name, 1)
    assert [line["message"] for line in lines] == ["undelivered"]


def test_without_a_mail_server_no_code_is_delivered(redis_server: RedisServer, recipient: str) -> None:
    nowhere = free_port()
    settings = {
        "OPEN_MFA_REDIS_URL": redis_server.url,
        "OPEN_MFA_SMTP_URL": f"smtp://127.0.0.1:{nowhere}",
        "OPEN_MFA_MAIL_FROM": SENDER,
        "OPEN_MFA_WEBHOOK_URL": f"http://127.0.0.1:{nowhere}/hook",
        "OPEN_MFA_WEBHOOK_SECRET": SECRET,
    }
    with Service(**settings, **KEYS) as service:
        answers = [issue(Account(service.port), channel, recipient) for channel in ("email", "webhook")]

    assert [answer.slug for answer in answers] == ["delivery-failed"] * 2
    assert max(answer.seconds for answer in answers) < 5
