"""One recipient gets a few codes in ten minutes, however it is written (docs/reference/http.md, One-time codes)."""

import uuid

import pytest

from tests.infrastructure.delivery.servers import Receiver
from tests.service.accounts import Account
from tests.service.deliveries import CHANNELS, SECRET, Hook, World, issue
from tests.service.sessions import Session
from tests.support.redis_server import RedisServer
from tests.support.service import Service


@CHANNELS
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
    # Each client address may send 5 codes. Two addresses of one IPv6 network share this limit. All may send 12.
    assert [answer.status for answer in of_clients] == [
        *([201] * 5 + [429]),
        *([201] * 5 + [429]),
        *([429] * 6),
        *([201] * 2 + [429] * 4),
        *([429] * 6),
    ]
    assert len(receiver.requests) == 12 + 12


@CHANNELS
def test_another_recipient_still_gets_codes(world: World, channel: str, recipient: str) -> None:
    account = world.account()
    for _ in range(6):
        issue(account, channel, recipient)

    assert issue(account, channel, f"b{recipient}").status == 201


@CHANNELS
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


def test_codes_in_the_response_do_not_count_as_sent(world: World) -> None:
    account = world.account()

    assert {account.send("POST", "otp", {}).status for _ in range(8)} == {201}
