"""Codes of several tenants by the real service: sender, language and webhook (docs/how-to/choose-the-languages.md)."""

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from infrastructure.delivery.webhook import signature
from tests.infrastructure.delivery.servers import Mailbox, Receiver, mail_server, read
from tests.service.accounts import Account
from tests.service.deliveries import SECRET, issue
from tests.service.sessions import Session
from tests.service.wire import Answer
from tests.support.redis_server import RedisServer
from tests.support.service import Service

KEYS = {name: f"the key of the tenant {name}, which is long enough" for name in ("shop", "forum", "wiki")}
"""`shop` has its own sender, texts and webhook, `forum` has its own default language, `wiki` has nothing of its own."""
SHOP_SECRET = "the secret that only the shop and its receiver know"
FRENCH = "Subject: Votre code pour $issuer\n\n$code\n\nÀ bientôt !\n"


class Tenants:
    """The service, the mail server, the webhook of the service and that of the shop."""

    def __init__(self, service: Service, mailbox: Mailbox, shared: Receiver, own: Receiver) -> None:
        self.service = service
        self.mailbox = mailbox
        self.shared = shared
        self.own = own

    def of(self, tenant: str) -> Account:
        return account_of(tenant, self.service.port)

    def mail(self, owner: Account | Session, language: str | None) -> tuple[str, str]:
        """Return the subject and the sender of a mail for a language."""
        self.mailbox.taken.clear()
        answer = send(owner, "email", "ada@example.com", language)
        assert answer.status == 201, answer.body
        mail = self.mailbox.mail()
        return mail["Subject"], mail["From"]


def account_of(tenant: str, port: int) -> Account:
    account = Account(port)
    account.headers = {"Authorization": f"Bearer {KEYS[tenant]}"}
    return account


def send(owner: Account | Session, channel: str, to: str, language: str | None) -> Answer:
    named: dict[str, Any] = {} if language is None else {"language": language}
    return owner.send("POST", "otp", {"delivery": {"channel": channel, "to": to, **named}})


def table(name: str, members: str) -> str:
    digest = sha256(KEYS[name].encode()).hexdigest()
    return f'[{name}]\n{members}\n[[{name}.keys]]\nid = "k"\nsha256 = "{digest}"\nscopes = ["manage"]\n'


@pytest.fixture(scope="module")
def tenants(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    directory = tmp_path_factory.mktemp("tenants")
    (directory / "mail.fr.txt").write_text(FRENCH, "utf-8")
    (directory / "hook").write_text(f"{SHOP_SECRET}\n")
    with ExitStack() as stack:
        mailbox = Mailbox()
        port = stack.enter_context(mail_server(mailbox))
        shared, own = (stack.enter_context(Receiver()) for _ in range(2))
        shop = f"""
issuer = "Bäckerei Müller"
mail_from = '"Müller & Söhne" <mfa@shop.example>'
languages = {{fr = "mail.fr.txt"}}
webhook = {{url = "{own.url}", secret_file = "hook"}}"""
        forum = 'issuer = "Forum"\nlanguage = "de"'
        path = Path(directory / "tenants.toml")
        path.write_text("\n".join([table("shop", shop), table("forum", forum), table("wiki", "")]), "utf-8")
        settings = {
            "OPEN_MFA_REDIS_URL": redis_server.url,
            "OPEN_MFA_TENANTS": str(path),
            "OPEN_MFA_ISSUER": "Service",
            "OPEN_MFA_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "OPEN_MFA_MAIL_FROM": "mfa@service.example",
            "OPEN_MFA_WEBHOOK_URL": shared.url,
            "OPEN_MFA_WEBHOOK_SECRET": SECRET,
            "WEB_CONCURRENCY": "1",
        }
        service = stack.enter_context(Service(**settings))
        yield Tenants(service, mailbox, shared, own)


@pytest.mark.parametrize(
    ("tenant", "language", "subject"),
    [
        ("shop", None, "Your Bäckerei Müller code"),
        ("shop", "fr-CA", "Votre code pour Bäckerei Müller"),
        ("shop", "de-AT", "Ihr Code für Bäckerei Müller"),
        ("shop", "it", "Your Bäckerei Müller code"),
        ("forum", None, "Ihr Code für Forum"),
        ("forum", "fr", "Ihr Code für Forum"),
        ("forum", "en", "Your Forum code"),
        ("wiki", None, "Your Service code"),
        ("wiki", "de", "Ihr Code für Service"),
    ],
)
def test_a_mail_is_in_the_language_of_the_request(
    tenants: Tenants, tenant: str, language: str | None, subject: str
) -> None:
    sender = "Müller & Söhne <mfa@shop.example>" if tenant == "shop" else "mfa@service.example"

    found, written = tenants.mail(tenants.of(tenant), language)

    assert found == subject
    assert written.replace('"', "") == sender


@pytest.mark.parametrize(
    ("language", "subject"), [(None, "Your Service code"), ("de", "Ihr Code für Service"), ("fr", "Your Service code")]
)
def test_a_session_has_the_texts_and_the_sender_of_the_service(
    tenants: Tenants, language: str | None, subject: str
) -> None:
    assert tenants.mail(Session(tenants.service.port), language) == (subject, "mfa@service.example")


def test_a_tenant_can_have_its_own_webhook(tenants: Tenants) -> None:
    assert send(tenants.of("shop"), "webhook", "+4312345", "de-AT").status == 201
    assert send(tenants.of("wiki"), "webhook", "+4312346", None).status == 201
    assert send(Session(tenants.service.port), "webhook", "+4312347", "x-any").status == 201

    own, others = tenants.own.requests, tenants.shared.requests
    seen = [{name: body[name] for name in ("to", "tenant", "language") if name in body} for body in map(json, others)]
    assert [{name: body[name] for name in ("to", "tenant", "language")} for body in map(json, own)] == [
        {"to": "+4312345", "tenant": "shop", "language": "de-AT"}
    ]
    assert seen == [
        {"to": "+4312346", "tenant": "wiki"},
        {"to": "+4312347", "tenant": None, "language": "x-any"},
    ]
    for requests, secret in ((own, SHOP_SECRET), (others, SECRET)):
        for request in requests:
            assert request.headers["Open-MFA-Signature"] == expected(request, secret)


def json(request: Any) -> dict[str, Any]:
    body: dict[str, Any] = request.json()
    return body


def expected(request: Any, secret: str) -> str:
    return signature(secret.encode(), request.headers["Open-MFA-Timestamp"], request.body)


def test_a_tenant_can_have_a_webhook_although_the_service_has_none(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "hook").write_text(SHOP_SECRET)
    with Receiver() as receiver:
        shop = table("shop", f'webhook = {{url = "{receiver.url}", secret_file = "hook"}}')
        (tmp_path / "tenants.toml").write_text(shop + table("wiki", ""))
        settings = {"OPEN_MFA_REDIS_URL": redis_server.url, "OPEN_MFA_TENANTS": str(tmp_path / "tenants.toml")}
        with Service(**settings, WEB_CONCURRENCY="1") as service:
            shop_answer, wiki_answer = (
                issue(account_of(name, service.port), "webhook", "+4399") for name in ("shop", "wiki")
            )
            session_answer = issue(Session(service.port), "webhook", "+4399")

    assert (shop_answer.status, len(receiver.requests)) == (201, 1)
    assert [answer.status for answer in (wiki_answer, session_answer)] == [400, 400]
    assert "delivery.channel" in wiki_answer.document["errors"]


def test_a_standalone_service_sends_mail_in_the_language_of_the_request() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        settings = {
            "OPEN_MFA_ENV": "standalone",
            "OPEN_MFA_GATE_SECRET_TEXT": "a secret of many letters",
            "OPEN_MFA_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "OPEN_MFA_MAIL_FROM": "mfa@example.com",
            "OPEN_MFA_LANGUAGE": "de",
        }
        with Service(**settings) as service:
            answers = [send(Session(service.port), "email", "ada@example.com", each) for each in (None, "en")]

    assert [answer.status for answer in answers] == [201, 201]
    subjects = [read(envelope)["Subject"] for envelope in mailbox.taken]
    assert subjects == ["Ihr Code für Open-MFA", "Your Open-MFA code"]


def test_the_log_names_the_tenant_of_a_failed_delivery(tenants: Tenants) -> None:
    tenants.mailbox.responses["DATA"] = "554 no"
    try:
        answers = [
            send(owner, "email", "bob@example.com", None)
            for owner in (tenants.of("wiki"), Session(tenants.service.port))
        ]
    finally:
        tenants.mailbox.responses.clear()

    assert [answer.status for answer in answers] == [502, 502]
    lines = tenants.service.awaited_lines(lambda line: line["message"] == "not delivered", 2)
    assert [line.get("tenant") for line in lines] == ["wiki", None]
    assert {line["channel"] for line in lines} == {"email"}
