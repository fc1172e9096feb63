"""Codes by e-mail, to real servers that accept them, refuse them, stall, or close the connection."""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from hypothesis import given, settings
from hypothesis import strategies as st

from application.errors import DeliveryFailed
from domain.characters import is_blank, is_line
from infrastructure.delivery.mail_address import Sender, check_recipient, wire_address
from infrastructure.delivery.mail_template import Template
from infrastructure.delivery.mail_texts import MailTexts
from infrastructure.delivery.smtp import EmailDelivery, SmtpServer
from infrastructure.network import deadline
from tests.infrastructure.delivery.servers import (
    CODE,
    PASSWORD,
    TO,
    USER,
    Mailbox,
    dripping_server,
    failure,
    mail_server,
    message,
    read,
    server_context,
    silent_server,
)
from tests.support.redis_topologies import Certificates
from tests.support.tcp_proxy import TcpProxy

TEXTS = MailTexts.built_in("en")
SENDER = "Open-MFA <mfa@example.com>"
LOGIN = "open-mfa:p%40ss%3Aw%2Ford%3F%23%25"
HEADERS = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"}
HEADERS |= {"Content-Type", "Content-Transfer-Encoding"}
SOON = 0.3
REFUSED = AuthResult(success=False, handled=False)


def only(text: Template) -> MailTexts:
    return MailTexts("en", {"en": text})


def delivery(url: str, **changed: Any) -> EmailDelivery:
    options: dict[str, Any] = {"sender": SENDER, "texts": TEXTS, "issuer": "Example"} | changed
    return EmailDelivery(SmtpServer.parse(url), **options)


def plain(port: int, **changed: Any) -> EmailDelivery:
    return delivery(f"smtp://127.0.0.1:{port}", **changed)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Mailbox, int]]:
    """A server for many examples."""
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        yield mailbox, port


def test_a_code_arrives(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port:
        plain(port).send(message())

    (envelope,) = mailbox.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("mfa@example.com", [TO])
    mail = mailbox.mail()
    assert CODE in mail.get_content().splitlines()
    assert "expires: 5\n" in mail.get_content()
    assert {name: mail[name] for name in ("Subject", "From", "To", "Date", "Auto-Submitted")} == {
        "Subject": "Your Example code",
        "From": SENDER,
        "To": TO,
        "Date": "Thu, 22 Nov 2040 12:00:00 +0000",
        "Auto-Submitted": "auto-generated",
    }
    assert mail["Message-ID"].endswith("@example.com>")
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"


def test_minutes_are_rounded_up(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port:
        for lifetime in (1, 60, 61, 600):
            plain(port).send(message(lifetime=lifetime))

    reported = [read(envelope).get_content().partition("expires: ")[2].partition("\n")[0] for envelope in mailbox.taken]
    assert reported == ["1", "1", "2", "10"]


def test_a_translation_is_sent_in_seven_bits(mailbox: Mailbox) -> None:
    text = Template.parse("Subject: $issuer の確認コード\n\nコードはこちら:\n\n$code\n\n有効期間 $minutes 分\n.\n")
    with mail_server(mailbox) as port:
        plain(port, texts=only(text), issuer="例え" * 15, sender="例え <mfa@example.com>").send(message())

    (envelope,) = mailbox.taken
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    mail = mailbox.mail()
    assert (mail["Subject"], mail["From"]) == (f"{'例え' * 15} の確認コード", "例え <mfa@example.com>")
    assert mail.get_content().splitlines() == ["コードはこちら:", "", CODE, "", "有効期間 5 分", "."]


def test_an_internationalized_local_part_is_sent_as_it_is(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port:
        plain(port, sender="Öffnen <mfa@example.com>").send(message("adá@bücher.example"))

    assert mailbox.taken[0].rcpt_tos == ["adá@xn--bcher-kva.example"]
    assert mailbox.mail()["To"] == "adá@xn--bcher-kva.example"
    assert mailbox.mail()["From"] == "Öffnen <mfa@example.com>"


def test_an_internationalized_local_part_needs_a_server_with_smtputf8(mailbox: Mailbox) -> None:
    with mail_server(mailbox, enable_SMTPUTF8=False) as port:
        reason = str(failure(plain(port), message("adá@example.org")))
    assert reason == "the mail server does not offer SMTPUTF8, which is required"
    assert not mailbox.taken


@pytest.mark.parametrize("smtputf8", [False, True])
@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BU\u0308CHER.Example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("例え\u3002テスト.jp", "xn--r8jz45g.xn--zckzah.jp"),
        ("παράδειγμα.gr", "xn--hxajbheg2az3al.gr"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("mail.bücher.local", "mail.xn--bcher-kva.local"),
    ],
)
def test_an_internationalized_domain_reaches_every_server(
    mailbox: Mailbox, written: str, domain: str, *, smtputf8: bool
) -> None:
    with mail_server(mailbox, enable_SMTPUTF8=smtputf8) as port:
        plain(port, sender=f"Bücher <mfa@{written}>").send(message(f"Ada.B+c@{written}"))

    (envelope,) = mailbox.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == (f"mfa@{domain}", [f"Ada.B+c@{domain}"])
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    mail = mailbox.mail()
    assert (mail["To"], mail["From"]) == (f"Ada.B+c@{domain}", f"Bücher <mfa@{domain}>")
    assert mail["Message-ID"].endswith(f"@{domain}>")


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
def test_the_server_can_have_an_internationalized_name(
    mailbox: Mailbox, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    real, resolved = socket.getaddrinfo, []

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        resolved.append(host)
        return real("127.0.0.1", *arguments, **options)

    options = {"smtp": {}, "smtps": {"ssl_context": server_context(certificates)}}
    secured: dict[str, Any] = options.get(scheme, {"tls_context": server_context(certificates)})
    with mail_server(mailbox, **secured) as port:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        delivery(f"{scheme}://post.BÜCHER.example:{port}{certificates.query if secured else ''}").send(message())

    assert mailbox.taken
    assert resolved[0] == "post.xn--bcher-kva.example"


def test_a_mail_is_sent_with_tls_from_the_start(mailbox: Mailbox, certificates: Certificates) -> None:
    with mail_server(mailbox, ssl_context=server_context(certificates)) as port:
        delivery(f"smtps://127.0.0.1:{port}{certificates.query}").send(message())
    assert mailbox.taken


def test_a_mail_is_sent_with_starttls_and_a_log_in(mailbox: Mailbox, certificates: Certificates) -> None:
    options: dict[str, Any] = {"tls_context": server_context(certificates), "require_starttls": True}
    login: dict[str, Any] = {"authenticator": mailbox.authenticate, "auth_required": True}
    with mail_server(mailbox, **options, **login) as port:
        delivery(f"smtp+starttls://{LOGIN}@localhost:{port}{certificates.query}").send(message())

    assert mailbox.taken
    assert mailbox.logins == [LoginPassword(USER.encode(), PASSWORD.encode())]


def test_nothing_is_sent_to_a_server_without_starttls(mailbox: Mailbox, certificates: Certificates) -> None:
    with mail_server(mailbox) as port:
        reason = str(failure(delivery(f"smtp+starttls://127.0.0.1:{port}{certificates.query}"), message()))
    assert reason == "the mail server does not offer STARTTLS, which is required"
    assert not mailbox.taken


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize(("host", "trusts"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_a_server_without_a_valid_certificate_is_refused(
    mailbox: Mailbox, certificates: Certificates, scheme: str, host: str, *, trusts: bool
) -> None:
    context = server_context(certificates)
    options: dict[str, Any] = {"ssl_context": context} if scheme == "smtps" else {"tls_context": context}
    with mail_server(mailbox, host, **options) as port:
        url = f"{scheme}://{LOGIN}@{host}:{port}{certificates.query if trusts else ''}"
        assert "no valid certificate" in str(failure(delivery(url), message()))
    assert not mailbox.taken
    assert not mailbox.logins


def test_nothing_is_sent_to_a_server_without_tls_if_the_url_requires_tls(
    mailbox: Mailbox, certificates: Certificates
) -> None:
    with mail_server(mailbox) as port:
        failure(delivery(f"smtps://127.0.0.1:{port}{certificates.query}"), message())
    assert not mailbox.taken


def test_nothing_is_sent_to_a_server_without_log_in_if_the_url_has_a_user(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port:
        reason = str(failure(delivery(f"smtp://{LOGIN}@127.0.0.1:{port}"), message()))
    assert reason == "the mail server does not offer AUTH, which is required"
    assert not mailbox.taken


def test_a_refused_log_in_is_reported(mailbox: Mailbox, certificates: Certificates) -> None:
    options: dict[str, Any] = {"tls_context": server_context(certificates), "authenticator": lambda *_: REFUSED}
    with mail_server(mailbox, **options, auth_required=True) as port:
        url = f"smtp+starttls://{LOGIN}@127.0.0.1:{port}{certificates.query}"
        assert str(failure(delivery(url), message())) == "the mail server refused the log-in with 535"
    assert not mailbox.taken


@pytest.mark.parametrize(
    ("command", "response", "reason"),
    [
        ("RCPT", "550 5.1.1 there is no {}", "the mail server refused the recipient with 550"),
        ("RCPT", "421 go away, {}", "the mail server refused the recipient with 421"),
        ("DATA", f"554 {CODE} is spam", "the mail server refused with 554"),
        ("DATA", f"ada@example.org {CODE}", "the mail server refused with -1"),
    ],
)
def test_the_text_of_a_refusal_is_not_repeated(mailbox: Mailbox, command: str, response: str, reason: str) -> None:
    mailbox.responses[command] = response
    with mail_server(mailbox) as port:
        assert str(failure(plain(port), message())) == reason


@pytest.mark.parametrize("marker", [b"ehlo", b"mail ", b"data", CODE.encode()])
def test_a_broken_connection_is_reported(mailbox: Mailbox, marker: bytes) -> None:
    with mail_server(mailbox) as port, TcpProxy(port) as proxy:
        proxy.lose_answer(marker)
        assert "closed the connection" in str(failure(plain(proxy.port), message()))


def test_a_mail_is_sent_although_quit_fails(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port, TcpProxy(port) as proxy:
        proxy.lose_answer(b"quit")
        plain(proxy.port).send(message())
    assert mailbox.taken


def test_a_port_without_a_server_is_reported() -> None:
    with silent_server() as port:
        pass
    assert str(failure(plain(port), message())) == "the mail server can't be reached"


def test_a_name_without_an_address_is_reported() -> None:
    failure(delivery("smtp://nowhere.invalid", seconds=1), message())


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
def test_a_silent_server_is_reported_in_time(scheme: str) -> None:
    with silent_server() as port:
        reported = failure(delivery(f"{scheme}://127.0.0.1:{port}", seconds=SOON), message())
    assert str(reported) == "the mail server did not accept the mail in time"


@pytest.mark.parametrize("piece", [b"x", b"220-wait\r\n", b"\x16"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_an_endless_response_is_reported_in_time(scheme: str, piece: bytes) -> None:
    with dripping_server(piece) as port:
        failure(delivery(f"{scheme}://127.0.0.1:{port}", seconds=SOON), message())


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
def test_a_slow_conversation_is_reported_in_time(mailbox: Mailbox, certificates: Certificates, scheme: str) -> None:
    context = server_context(certificates)
    options: dict[str, Any] = {}
    if scheme != "smtp":
        options = {"ssl_context" if scheme == "smtps" else "tls_context": context}
    query = certificates.query if options else ""
    with mail_server(mailbox, **options) as port, TcpProxy(port) as proxy:
        proxy.drip, proxy.delay = True, 0.005
        reported = failure(delivery(f"{scheme}://127.0.0.1:{proxy.port}{query}", seconds=SOON), message())
    assert "in time" in str(reported)


def test_a_resolver_that_hangs_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [ended.wait(30)][:0])
    reported = failure(delivery("smtp://mail.example", seconds=SOON), message())
    ended.set()
    assert "in time" in str(reported)


def test_the_deadline_of_the_request_is_suspended_during_a_delivery() -> None:
    with deadline.within(0.2), silent_server() as port:
        with pytest.raises(DeliveryFailed):
            plain(port, seconds=SOON).send(message())
        assert deadline.left() > 0.1


def test_neither_code_nor_address_is_logged_or_printed(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.NOTSET), mail_server(mailbox) as port:
        plain(port).send(message())
        mailbox.responses["RCPT"] = "550 no {}"
        failure(plain(port), message())

    # The server of the test logs the recipient to the logger `mail`.
    ours = [record for record in caplog.records if not record.name.startswith("mail")]
    written = "".join([*(logging.Formatter().format(record) for record in ours), *capfd.readouterr()])
    assert CODE not in written
    assert TO not in written


def test_repr_contains_no_secret() -> None:
    server = SmtpServer.parse(f"smtp://{LOGIN}@mail.example")
    assert PASSWORD not in f"{server!r}{server}"


# Headers

NASTY = st.sampled_from(
    [
        "\r\nBcc: eve@example.net",
        "\nX: y",
        "\r",
        "\x00",
        "\u2028X: y",
        "\x85",
        ",eve@example.net",
        ";",
        "<",
        ">",
        "(",
        ")",
        '"',
        "\\",
        " ",
        ":",
        "@",
        "=?utf-8?q?=0D=0ABcc:_eve=40example.net?=",
        "=?utf-8?q?a=40example.net=2C?=",
    ]
)
NAME_PIECES = st.sampled_from(
    [*',():@;"<>[].', "\\", " ", "=", "?", "é", "Müller", "日本" * 9, "\u200d", "\u3000", "x" * 40]
)
PIECES = st.lists(st.one_of(NASTY, st.text(max_size=8), st.sampled_from(["ada", "example.org", "é"])), max_size=5)


def nasty(good: str) -> st.SearchStrategy[str]:
    """Return a strategy of texts that contain a valid one, or most of it."""
    return st.one_of(
        st.text(),
        PIECES.map("".join),
        st.tuples(st.integers(0, len(good)), NASTY).map(lambda at: good[: at[0]] + at[1] + good[at[0] :]),
    )


def assert_untouched(mailbox: Mailbox, recipient: str) -> None:
    envelope = mailbox.taken.pop()
    mail = read(envelope)
    assert envelope.rcpt_tos == [wire_address(recipient)]
    assert set(mail.keys()) == HEADERS
    assert len(mail.keys()) == len(HEADERS)
    assert [address.addr_spec for address in mail["To"].addresses] == [wire_address(recipient)]
    assert [address.addr_spec for address in mail["From"].addresses] == ["mfa@example.com"]
    assert mail.get_content().count(CODE) == 1


@settings(max_examples=150)
@given(nasty(TO))
def test_no_recipient_adds_a_header_or_another_recipient(shared: tuple[Mailbox, int], recipient: str) -> None:
    mailbox, port = shared
    with contextlib.suppress(DeliveryFailed):
        plain(port).send(message(recipient))
        assert_untouched(mailbox, recipient)


@settings(max_examples=150)
@given(nasty("Example"), nasty(SENDER))
def test_no_issuer_and_no_sender_adds_a_header(shared: tuple[Mailbox, int], issuer: str, sender: str) -> None:
    mailbox, port = shared
    for changed in ({"issuer": issuer}, {"sender": sender}):
        try:
            sends = plain(port, **changed)
        except ValueError:
            continue
        if "sender" in changed and "mfa@example.com" not in sender:
            continue
        sends.send(message())
        assert_untouched(mailbox, TO)


@settings(max_examples=150)
@given(nasty("Code for $issuer"))
def test_no_subject_adds_a_header(shared: tuple[Mailbox, int], subject: str) -> None:
    mailbox, port = shared
    try:
        sends = plain(port, texts=only(Template.parse(f"Subject: {subject}\n\n$code\n")))
    except ValueError:
        return
    sends.send(message())
    assert_untouched(mailbox, TO)


@settings(max_examples=150)
@given(st.lists(NAME_PIECES | st.text(max_size=9), max_size=9).map("".join))
def test_every_name_of_an_issuer_arrives_as_it_is(shared: tuple[Mailbox, int], issuer: str) -> None:
    mailbox, port = shared
    try:
        sends = plain(port, issuer=issuer)
    except ValueError:
        return
    mailbox.taken.clear()
    sends.send(message())

    (envelope,) = mailbox.taken
    assert isinstance(envelope.content, bytes)
    written = message_from_bytes(envelope.content)["Subject"].replace("\r\n", "")
    assert str(make_header(decode_header(written))) == f"Your {issuer} code"
    assert_untouched(mailbox, TO)


@settings(max_examples=50)
@given(st.from_regex(r"[a-z0-9.+é]{1,64}@([a-z0-9é-]{1,40}\.){0,4}[a-z]{1,20}", fullmatch=True))
def test_every_valid_address_gets_its_mail(shared: tuple[Mailbox, int], recipient: str) -> None:
    mailbox, port = shared
    try:
        check_recipient(recipient)
    except ValueError:
        return
    plain(port).send(message(recipient))
    assert_untouched(mailbox, recipient)


@pytest.mark.parametrize(
    "address",
    [
        TO,
        "a@b",
        "a.b+c=d@example.org",
        "root@localhost",
        "ada@mail.local",
        "ada@corp.internal",
        "ada@example.test",
        "ada@host.invalid",
        "adá@bücher.example",
        "用户@例え.jp",
        f"{'a' * 64}@example.org",
        f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 8}",
    ],
)
def test_a_valid_address_is_accepted_as_it_is(address: str) -> None:
    assert check_recipient(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.org",
        "ada@example.org\n",
        "\tada@example.org",
        "ada@example.org ",
        "Ada <ada@example.org>",
        "<ada@example.org>",
        "ada@example.org (Ada)",
        "(Ada)ada@example.org",
        "ada@example.org,eve@example.org",
        "ada@example.org;eve@example.org",
        '"a da"@example.org',
        "a@b@example.org",
        "ada.@example.org",
        ".ada@example.org",
        "a..b@example.org",
        "ada@.org",
        "ada@example..org",
        "ada@example.org.",
        "ada@-example.org",
        "ada@[127.0.0.1]",
        "ada@exa_mple.org",
        "a\u202eb@example.org",
        "a\ud800@example.org",
        "=?utf-8?q?a?=@example.org",
        f"{'a' * 65}@example.org",
        f"{'é' * 33}@example.org",
        f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 9}",
    ],
)
def test_an_invalid_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refusal:
        check_recipient(address)
    assert not address or address not in str(refusal.value) or address == "@"


def test_nothing_is_sent_to_an_invalid_recipient() -> None:
    # There is no server, and none is needed.
    assert str(failure(plain(1), message("ada@example.org,eve@example.org"))).startswith("the recipient must be")


GOOD_SENDERS = [
    ("mfa@example.com", "", "mfa@example.com"),
    (SENDER, "Open-MFA", "mfa@example.com"),
    ('"Open-MFA" <mfa@example.com>', "Open-MFA", "mfa@example.com"),
    ("Öffnen 2.0 <mfa@example.com>", "Öffnen 2.0", "mfa@example.com"),
    ("<a@b>", "", "a@b"),
    ('"Acme, Inc." <mfa@example.com>', "Acme, Inc.", "mfa@example.com"),
    ('"Acme (Europe): log-in; \u00abMFA\u00bb @ home" <a@b>', "Acme (Europe): log-in; \u00abMFA\u00bb @ home", "a@b"),
    (r'"The \"second\" factor \\ more" <a@b>', r'The "second" factor \ more', "a@b"),
    ('"<eve@example.net>" <a@b>', "<eve@example.net>", "a@b"),
    ('"[x]"<a@b>', "[x]", "a@b"),
    ("\u5c71\u7530\u3000\u592a\u90ce <a@b>", "\u5c71\u7530\u3000\u592a\u90ce", "a@b"),
    ("\U0001f469\u200d\U0001f4bb\u00a0MFA <a@b>", "\U0001f469\u200d\U0001f4bb\u00a0MFA", "a@b"),
    ("Bücher <mfa@bücher.example>", "Bücher", "mfa@xn--bcher-kva.example"),
    ("mfa@bücher.example", "", "mfa@xn--bcher-kva.example"),
    (f'"{"A, " * 60}Inc." <a@b>', f"{'A, ' * 60}Inc.", "a@b"),
]


@pytest.mark.parametrize(("sender", "name", "address"), GOOD_SENDERS)
def test_a_valid_sender_arrives_as_it_is(shared: tuple[Mailbox, int], sender: str, name: str, address: str) -> None:
    mailbox, port = shared
    assert Sender.parse(sender) == Sender(name, address)
    plain(port, sender=sender).send(message())

    assert read_sender(mailbox.taken.pop()) == [(name, address)]


def read_sender(envelope: Envelope) -> list[tuple[str, str]]:
    """Return the sender of a mail, read by other functions than the other headers."""
    assert isinstance(envelope.content, bytes)
    assert max(len(line) for line in envelope.content.split(b"\r\n")) <= 998
    value = message_from_bytes(envelope.content)["From"].replace("\r\n", "")
    return [(str(make_header(decode_header(name))), address) for name, address in getaddresses([value])]


@settings(max_examples=150)
@given(st.lists(NAME_PIECES | st.text(max_size=9), max_size=9).map("".join))
def test_a_quoted_name_is_one_name_of_one_address(shared: tuple[Mailbox, int], name: str) -> None:
    mailbox, port = shared
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    try:
        sends = plain(port, sender=f'"{quoted}" <mfa@example.com>')
    except ValueError:
        assert not is_line(name) or (name and is_blank(name)) or "=?" in name
        return
    mailbox.taken.clear()
    sends.send(message())

    (envelope,) = mailbox.taken
    assert read_sender(envelope) == [(name, "mfa@example.com")]
    assert_untouched(mailbox, TO)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Open-MFA",
        "Open-MFA <>",
        "Open-MFA <mfa@example.com",
        "a <mfa@example.com>, b@example.com",
        "mfå@example.com",
        "A, B <mfa@example.com>",
        "A\n <mfa@example.com>",
        '"A" B <mfa@example.com>',
        r'"A\" <mfa@example.com>',
        '"A" <mfa@example.com> "',
        '"A\r\nBcc: eve@example.net" <mfa@example.com>',
        '"A\\\n" <mfa@example.com>',
        '"A\u2028" <mfa@example.com>',
        '"A\u202e" <mfa@example.com>',
        '"\u200b" <mfa@example.com>',
        "=?utf-8?q?a?= <mfa@example.com>",
        '"=?utf-8?q?a?=" <mfa@example.com>',
        "A <mfa@b\u2028.example>",
        "A <mfa@b..example>",
    ],
)
def test_an_invalid_sender_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        Sender.parse(sender)


@pytest.mark.parametrize(
    "sender",
    ["Acme, Inc. <a@example.com>", "Acme (Berlin) <a@example.com>", "a@b <a@example.com>", " A: B;<a@example.com> "],
)
def test_a_name_that_needs_quotes_is_refused_with_an_example(sender: str) -> None:
    with pytest.raises(ValueError, match=r'^must have the name in quotes.*"Acme, Inc." <mfa@example.com>$'):
        Sender.parse(sender)


@pytest.mark.parametrize("sender", ["mfa", "A <mfa>", "a@example.com, b@example.com", '"A" B <a@example.com>', ""])
def test_the_refusal_of_a_sender_allows_names(sender: str) -> None:
    with pytest.raises(ValueError, match=r"^must be one mail address, with or without a name: "):
        Sender.parse(sender)


# URLs


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", ("smtp", "mail", 25, None, None)),
        ("smtps://mail/", ("smtps", "mail", 465, None, None)),
        ("smtp+starttls://mail", ("smtp+starttls", "mail", 587, None, None)),
        ("smtp://mail:2525", ("smtp", "mail", 2525, None, None)),
        ("smtps://post.bücher.example", ("smtps", "post.xn--bcher-kva.example", 465, None, None)),
        ("smtp://POST.BÜCHER.example:25", ("smtp", "post.xn--bcher-kva.example", 25, None, None)),
        ("smtp://[::1]:2525", ("smtp", "::1", 2525, None, None)),
        (f"smtps://{LOGIN}@mail.example", ("smtps", "mail.example", 465, USER, PASSWORD)),
        ("smtps://ada%40example.org:p@mail", ("smtps", "mail", 465, "ada@example.org", "p")),
        ("SMTP+StartTLS://a:100%@mail", ("smtp+starttls", "mail", 587, "a", "100%")),
    ],
)
def test_a_url_names_the_server_and_the_log_in(url: str, expected: tuple[object, ...]) -> None:
    server = SmtpServer.parse(url)
    assert (server.scheme, *server.address, server.user, server.password) == expected


def test_tls_requires_a_certificate_for_the_host() -> None:
    context = SmtpServer.parse("smtp+starttls://mail").context
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "expected"),
    [("smtp://mail", True), ("smtp://127.0.0.1", False), ("smtp://localhost", False), ("smtps://mail", False)],
)
def test_an_unencrypted_transport_is_recognized(url: str, *, expected: bool) -> None:
    assert SmtpServer.parse(url).is_unencrypted is expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail",
        "mail:25",
        "smtp:mail",
        "smtp://",
        "smtp://:{}@",
        "smtp://a:{}@mail:port",
        "smtp://a:{}@mail:0",
        "smtp://a:{}@mail:65536",
        "smtp://:{}@mail",
        "smtp://@mail",
        "smtp://a:{}é@mail",
        "smtp://a:{}%0A@mail",
        "http://a:{}@mail",
        "smtps://ada@example.org:{}@mail",
        "smtp://a:{}%FF@mail",
        "smtp://a:{}@one,two",
        "smtp://a:{}@mail/path",
        "smtp://a:{}@mail#x",
        "smtp://a:{}@[::1",
        "smtp://a:{}@[1:2]",
        "smtp://a:{}@ma il",
        "smtp://a:{}@m\u2028il",
        "smtp://a:{}@bücher..example",
        "smtp://a:{}@-bücher.example",
        "smtp://a:12/{}@mail",
        "smtp://a:12?{}@mail",
        "smtps://a:{}@mail?{}",
        "smtps://a:{}@mail?{}=1",
        "smtps://a:{}@mail?ssl_ca_certs=/{}",
        "smtps://mail?",
        "smtp://a:{}@mail?ssl_ca_certs=/etc/hosts",
        "smtps://a:{}@mail?ssl_ca_certs=/etc/hosts",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|can't|may follow|unencoded") as refusal:
        SmtpServer.parse(url.replace("{}", "hunter2"))
    assert "hunter2" not in f"{refusal.value}{refusal.value.__cause__}"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_url_can_contain_every_printable_password(password: str) -> None:
    assert SmtpServer.parse(f"SMTPS://ada:{quote(password, safe='')}@mail").password == password


@given(st.text(st.characters(exclude_characters="%", exclude_categories=["Cs"])), st.sampled_from("/?#@"))
def test_a_password_that_is_not_encoded_is_refused_with_the_name_of_the_character(text: str, character: str) -> None:
    with pytest.raises(ValueError, match="the user or the password has an unencoded ") as refusal:
        SmtpServer.parse(f"smtps://ada:{text}{character}hunter2@mail")
    named, _, advice = str(refusal.value).partition(": write ")
    assert character in named
    assert quote(character, safe="") in advice
    assert "hunter2" not in str(refusal.value)


@given(st.text())
def test_any_text_is_accepted_or_refused_with_a_reason(text: str) -> None:
    for parse in (SmtpServer.parse, check_recipient, Sender.parse):
        for candidate in (text, f"smtps://{text}", f"smtps://a@mail?{text}"):
            with contextlib.suppress(ValueError):
                parse(candidate)


def test_the_second_address_of_a_name_is_tried(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def two(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "mail.example":
            return real(host, *arguments, **options)
        # There is no server at the first address.
        return [result for each in ("127.0.0.3", "127.0.0.1") for result in real(each, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with mail_server(mailbox) as port:
        delivery(f"smtp://mail.example:{port}").send(message())
    assert mailbox.taken
