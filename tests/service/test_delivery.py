"""One-time codes by real mail and a real webhook, sent by the real service (docs/reference/http.md, One-time codes)."""

import hmac
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.infrastructure.delivery.servers import Mailbox, Receiver, mail_server, read
from tests.presentation.api import other_code
from tests.service.accounts import KEYS, Account
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import Session
from tests.service.wire import Answer
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.service import Service

SECRET = "the secret that the webhook knows us by"
SENDER = "Open-MFA <mfa@example.com>"


class Hook:
    """The answer of the webhook."""

    def __init__(self) -> None:
        self.answer = b""
        self.reset()

    def reset(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    def __call__(self, _body: bytes) -> bytes:
        return self.answer


class World:
    """The service, the mail server and the webhook."""

    def __init__(self, service: Service, mailbox: Mailbox, receiver: Receiver, hook: Hook) -> None:
        self.service = service
        self.mailbox = mailbox
        self.receiver = receiver
        self.hook = hook

    def reset(self) -> None:
        self.mailbox.taken.clear()
        self.mailbox.answers.clear()
        self.receiver.requests.clear()
        self.hook.reset()

    def refuse(self) -> None:
        self.mailbox.answers["DATA"] = "554 no such luck"
        self.hook.answer = b"HTTP/1.1 500 Oops\r\n\r\n"

    def account(self) -> Account:
        return Account(self.service.port)

    def arrived(self, channel: str) -> list[str]:
        """The delivered codes, including refused ones."""
        if channel == "webhook":
            return [request.json()["code"] for request in self.receiver.requests]
        lines = [read(envelope).get_content().splitlines() for envelope in self.mailbox.taken]
        return [line for mail in lines for line in mail if line.isdigit()]


@pytest.fixture(scope="module")
def only_world(redis_server: RedisServer) -> Iterator[World]:
    mailbox, hook = Mailbox(), Hook()
    with mail_server(mailbox) as port, Receiver(raw=hook) as receiver:
        settings = {
            "OPEN_MFA_REDIS_URL": redis_server.url,
            "OPEN_MFA_LOG_LEVEL": "DEBUG",
            "OPEN_MFA_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "OPEN_MFA_MAIL_FROM": SENDER,
            "OPEN_MFA_WEBHOOK_URL": receiver.url,
            "OPEN_MFA_WEBHOOK_SECRET": SECRET,
        }
        with Service(**settings, **KEYS, **TWO_BY_EIGHT) as service:
            yield World(service, mailbox, receiver, hook)


@pytest.fixture
def world(only_world: World) -> World:
    only_world.reset()
    return only_world


@pytest.fixture
def recipient() -> str:
    """A recipient that no other test uses."""
    # Without digits, it can't be read as a telephone number, which would have several spellings.
    return f"ada-{uuid.uuid4().hex.translate(str.maketrans('0123456789', 'ghijklmnop'))}@example.org"


def issue(owner: Account | Session, channel: str, to: str, **body: Any) -> Answer:
    return owner.send("POST", "otp", {"delivery": {"channel": channel, "to": to}, **body})


channels = pytest.mark.parametrize("channel", ["email", "webhook"])


@channels
def test_a_code_arrives_and_is_good_once(world: World, channel: str, recipient: str) -> None:
    account = world.account()

    answer = issue(account, channel, recipient, digits=8)

    (code,) = world.arrived(channel)
    assert (answer.status, len(code)) == (201, 8)
    assert [account.submit("otp/verify", code).status for _ in range(2)] == [200, 403]


@channels
def test_the_answer_contains_neither_the_code_nor_the_address(world: World, channel: str, recipient: str) -> None:
    answer = issue(world.account(), channel, recipient)

    (code,) = world.arrived(channel)
    assert set(answer.document) == {"digits", "expires_at", "delivery"}
    assert answer.document["delivery"] == {"channel": channel}
    assert [secret for secret in (code, recipient) if secret.encode() in answer.body] == []


@channels
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
        "account_id": account.name,
        "expires_at": answer.document["expires_at"],
    }


@channels
def test_a_refused_delivery_leaves_no_valid_code(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    issue(account, channel, recipient)
    world.refuse()

    answer = issue(account, channel, recipient)

    assert (answer.status, answer.slug) == (502, "delivery-failed")
    former, new = world.arrived(channel)
    assert [account.submit("otp/verify", code).slug for code in (former, new)] == ["code-rejected"] * 2


@channels
def test_a_refusal_repeats_neither_the_code_nor_the_address_nor_the_servers_answer(
    world: World, channel: str, recipient: str
) -> None:
    world.refuse()

    answer = issue(world.account(), channel, recipient)

    (code,) = world.arrived(channel)
    assert [text for text in (code, recipient, "luck", "Oops", SECRET) if text.encode() in answer.body] == []


@channels
def test_after_a_refusal_another_code_can_be_sent(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    world.refuse()
    issue(account, channel, recipient)
    world.reset()

    issue(account, channel, recipient)

    assert account.submit("otp/verify", world.arrived(channel)[0]).status == 200


@channels
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
    world.mailbox.answers["RCPT"] = answer

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
def test_an_answer_of_the_webhook_other_than_2xx_is_a_failed_delivery(
    world: World, answer: bytes, recipient: str
) -> None:
    world.hook.answer = answer

    refused = issue(world.account(), "webhook", recipient)

    assert (refused.status, refused.slug) == (502, "delivery-failed")
    assert len(world.receiver.requests) == 1


@channels
def test_the_sixth_code_to_one_recipient_is_refused(world: World, channel: str, recipient: str) -> None:
    answers = [issue(world.account(), channel, recipient) for _ in range(6)]

    assert [answer.status for answer in answers] == [201] * 5 + [429]
    assert answers[5].slug == "rate-limited"
    assert 590 <= int(answers[5].headers["Retry-After"]) <= 600
    assert len(world.arrived(channel)) == 5


TELEPHONE = [
    "+49 170 {0} {1}",
    "+49170{0}{1}",
    "+49 (0)170 {0}{1}",
    "0049 170/{0} {1}",
    "0170-{0}-{1}",
    "011 49 170 {0}{1}",
    "tel:+49170{0}{1}",
    "TEL:+49-170-{0}-{1}",
    "tel:+49170{0}{1};ext=7",
    "tel:+49170{0}{1};phone-context=example.org",
    "sms:+49170{0}{1}?body=x",
    "+49170{0}{1},",
    "+49170{0}{1},,12",
    "+49170{0}{1}#",
    "+49170{0}{1}#1",
    "+49170{0}{1} x9",
    "+49170{0}{1}ext.9",
    "+49170{0}{1}w5",
    "+49.170.{0}.{1}",
    "\uff0b49\u00a0170\u2009{0}\u2011{1}",
    "\u2060+49170{0}{1}\ufeff",
    "+49170{0}\u200b{1}",
    "+\u0664\u0669\u0661\u0667\u0660{0}{1}",
    "\u0966\u0966\uff14\uff19170{0}{1}",
]
MAILBOX = [
    "ada{0}{1}@gmail.com",
    "a.d.a{0}{1}@gmail.com",
    "ada{0}.{1}@gmail.com",
    "ADA{0}{1}@GMail.com",
    "ada{0}{1}@googlemail.com",
    "a.da{0}{1}@GoogleMail.com",
    "ada{0}{1}+1@gmail.com",
    "ada{0}{1}+shop.x@googlemail.com",
    "ad.a{0}{1}+y@gmail.com",
]
IDN = [
    "{0}{1}@b\u00fccher.example",
    "{0}.{1}@xn--bcher-kva.example",
    "{0}{1}@BU\u0308CHER.example",
    "{0}{1}+x@b\u00fccher\u3002example",
]


@pytest.mark.parametrize(
    ("channel", "spellings"), [("webhook", TELEPHONE), ("email", MAILBOX), ("webhook", MAILBOX), ("email", IDN)]
)
def test_no_spelling_evades_the_limit(world: World, channel: str, spellings: list[str]) -> None:
    halves = str(uuid.uuid4().int)[:4], str(uuid.uuid4().int)[:3]
    written = [spelling.format(*halves) for spelling in spellings * 2]

    answers = [issue(world.account(), channel, to) for to in written]

    assert [answer.status for answer in answers] == [201] * 5 + [429] * (len(written) - 5)
    assert len(world.arrived(channel)) == 5
    assert {answer.slug for answer in answers[5:]} == {"rate-limited"}


def test_the_message_has_the_recipient_as_it_was_written(world: World) -> None:
    to = f"tel:+49-170-{str(uuid.uuid4().int)[:7]};ext=7"

    issue(world.account(), "webhook", to)

    assert world.receiver.request.json()["to"] == to


def test_all_recipients_together_have_a_limit(redis_server: RedisServer) -> None:
    """The test has its own tenant and addresses."""
    hook = Hook()
    with Receiver(raw=hook) as receiver:
        settings = {
            "OPEN_MFA_REDIS_URL": redis_server.url,
            "OPEN_MFA_WEBHOOK_URL": receiver.url,
            "OPEN_MFA_WEBHOOK_SECRET": SECRET,
            "OPEN_MFA_SENDS_PER_HOUR": "12",
            "OPEN_MFA_API_KEYS": f"ceiling:{'c' * 32}",
            "OPEN_MFA_TRUSTED_PROXIES": "1",
        }
        with redis_server.client() as client:
            client.delete("open-mfa:sends:{session:}:all", "open-mfa:sends:{account:ceiling}:all")
        with Service(**settings) as service:
            account = Account(service.port)
            account.headers = {"Authorization": f"Bearer {'c' * 32}"}
            of_tenant = [issue(account, "webhook", f"id-{uuid.uuid4().hex}") for _ in range(14)]
            of_clients = []
            for address in ("192.0.2.1", "2001:db8:0:7::1", "2001:db8:0:7::2", "192.0.2.2", "192.0.2.3"):
                session = Session(service.port)
                session.headers = {"X-Forwarded-For": address}
                of_clients += [issue(session, "webhook", f"id-{uuid.uuid4().hex}") for _ in range(6)]

    assert [answer.status for answer in of_tenant] == [201] * 12 + [429] * 2
    assert 3500 < int(of_tenant[-1].headers["Retry-After"]) <= 3600
    # Each client address may send 5 codes, two addresses of one IPv6 network together, and all of them 12.
    assert [answer.status for answer in of_clients] == [
        *([201] * 5 + [429]),
        *([201] * 5 + [429]),
        *([429] * 6),
        *([201] * 2 + [429] * 4),
        *([429] * 6),
    ]
    assert len(receiver.requests) == 12 + 12


@channels
def test_another_recipient_still_gets_codes(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    for _ in range(6):
        issue(account, channel, recipient)

    assert issue(account, channel, f"b{recipient}").status == 201


@channels
def test_the_last_code_before_the_limit_stays_valid(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    for _ in range(6):
        issue(account, channel, recipient)

    assert account.submit("otp/verify", world.arrived(channel)[-1]).status == 200


def test_requests_of_another_owner_do_not_block_a_recipient(world: World, recipient: str) -> None:
    port = world.service.port
    owners = [Session(port), Account(port, tenant="forum"), Account(port)]

    statuses = [[issue(owner, "email", recipient).status for _ in range(6)] for owner in owners]

    assert statuses == [[201] * 5 + [429]] * 3


def test_codes_in_the_answer_do_not_count_as_sent(world: World) -> None:
    account = world.account()

    assert {account.send("POST", "otp", {}).status for _ in range(8)} == {201}


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
