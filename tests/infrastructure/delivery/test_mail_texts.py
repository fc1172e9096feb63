"""The texts of mail in several languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.language import LANGUAGES
from infrastructure.delivery.mail_template import Template
from infrastructure.delivery.mail_texts import MailTexts
from infrastructure.delivery.smtp import EmailDelivery, SmtpServer
from tests.infrastructure.delivery.servers import CODE, Mailbox, mail_server, message, read

TAGS = st.sampled_from(["en", "de", "de-AT", "de-CH", "fr", "zh-Hant", "sr-Latn-RS"])


def text(name: str) -> Template:
    return Template.parse(f"Subject: {name}\n\n$code\n")


def name_of(texts: MailTexts, language: str | None) -> str:
    return texts.of(language).render(CODE, "Shop", 5).subject


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_built_in_text_has_the_code_on_its_own_line(language: str) -> None:
    rendered = MailTexts.built_in("en").of(language).render(CODE, "Shop", 5)

    assert CODE in rendered.body.split("\n")
    assert CODE not in rendered.subject
    assert "$" not in rendered.subject + rendered.body
    assert "Shop" in rendered.subject
    assert ": 5\n" in rendered.body


def test_each_built_in_text_is_in_its_language() -> None:
    texts = MailTexts.built_in("en")

    assert [name_of(texts, each) for each in LANGUAGES] == ["Your Shop code", "Ihr Code für Shop"]


@pytest.mark.parametrize(
    ("language", "subject"),
    [(None, "Your Shop code"), ("de-AT", "Ihr Code für Shop"), ("DE", "Ihr Code für Shop"), ("fr", "Your Shop code")],
)
def test_a_tag_falls_back_to_its_language_and_then_to_the_default(language: str | None, subject: str) -> None:
    assert name_of(MailTexts.built_in("en"), language) == subject


def test_the_default_language_can_be_another_one() -> None:
    texts = MailTexts.built_in("de")

    assert [name_of(texts, each) for each in (None, "fr", "en-GB")] == [
        "Ihr Code für Shop",
        "Ihr Code für Shop",
        "Your Shop code",
    ]


def test_own_texts_replace_those_of_the_same_language() -> None:
    texts = MailTexts.built_in("en").with_own({"DE": text("a"), "fr": text("b")}).with_own({"de": text("c")}, "fr")

    assert [name_of(texts, each) for each in (None, "de", "fr-CA", "en", "it")] == [
        "b",
        "c",
        "b",
        "Your Shop code",
        "b",
    ]


@given(TAGS | st.none(), st.dictionaries(TAGS, TAGS.map(text)), TAGS | st.none(), st.sampled_from(LANGUAGES))
def test_there_is_a_text_for_every_request(
    wanted: str | None, own: dict[str, Template], default: str | None, service: str
) -> None:
    texts = MailTexts.built_in(service).with_own(own, default)

    assert texts.default in texts.by_language
    assert texts.of(wanted) in texts.by_language.values()
    if wanted in own:
        assert texts.of(wanted) == own[wanted]


def test_umlauts_in_subject_sender_and_text_arrive() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        server = SmtpServer.parse(f"smtp://127.0.0.1:{port}")
        sender = '"Bäckerei Müller & Söhne, Köln" <mfa@müller.example>'
        delivery = EmailDelivery(server, sender, MailTexts.built_in("en"), "Bäckerei Müller & Söhne")
        delivery.send(message(language="de-AT"))

    (envelope,) = mailbox.taken
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    mail = read(envelope)
    assert mail["Subject"] == "Ihr Code für Bäckerei Müller & Söhne"
    (address,) = mail["From"].addresses
    assert (address.display_name, address.addr_spec) == (
        "Bäckerei Müller & Söhne, Köln",
        "mfa@xn--mller-kva.example",
    )
    lines = mail.get_content().splitlines()
    assert "Ihr Einmalcode für Bäckerei Müller & Söhne lautet:" in lines
    assert CODE in lines
    assert "Minuten, bis er abläuft: 5" in lines
