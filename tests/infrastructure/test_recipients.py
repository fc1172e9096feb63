"""Spellings that count as one recipient."""

import string
import unicodedata

import idna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.ports.delivery import Channel
from infrastructure.delivery.recipients import counted_as
from tests.domain.test_characters import MARKS

SCRIPTS = ["0\u0660\u06f0\u0966\u09e6\u0e50\uff10\U0001d7ce"[number] for number in range(8)]
"""The zeros of some scripts. The other digits follow them."""
GAPS = [
    "",
    "",
    "",
    " ",
    "-",
    ".",
    "/",
    "\u00a0",
    "\u2009",
    "\u2011",
    "\u2013",
    "\u200b",
    "\u202c",
    "\ufeff",
    "(",
    ")",
    "\t",
]
PREFIXES = [
    "+",
    "\uff0b",
    "00",
    "011",
    "",
    "(+)",
    "tel:",
    "tel:+",
    "TEL://+",
    "sms:",
    "whatsapp:+",
    "Tel: +",
    "callto:00",
    "%2B",
]
ENDINGS = [
    "",
    ",",
    ",,,12",
    ";ext=12",
    ";phone-context=+1",
    "x123",
    " ext. 5",
    " Ext5",
    "#",
    "#77",
    "w1",
    "p1",
    ",w1;2",
    "?body=x",
]
NUMBERS = st.builds(
    "{}{}".format,
    st.sampled_from(["1", "43", "49", "351", "7", "86"]),
    st.from_regex(r"[1-9][0-9]{8,9}", fullmatch=True),
)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a number and another spelling of it."""
    number = draw(NUMBERS)
    zero = ord(draw(st.sampled_from(SCRIPTS)))
    written = "".join(chr(zero + int(digit)) + draw(st.sampled_from(GAPS)) for digit in number)
    return number, draw(st.sampled_from(PREFIXES)) + written + draw(st.sampled_from(ENDINGS))


@given(spellings())
def test_every_spelling_of_a_telephone_number_counts_as_one(spelled: tuple[str, str]) -> None:
    number, written = spelled

    assert counted_as(Channel.WEBHOOK, written) >= counted_as(Channel.WEBHOOK, f"+{number}")


@pytest.mark.parametrize(
    "written",
    [
        "+49 (0)170 1234567",
        "00 4-9 ( 0 )170 1234567",
        "+49 (0) 170/1234567",
        "+490170 1234567",
        "0049 170 1234567",
        "011 49 170 1234567",
        "0170 1234567",
        "170-1234567",
        "+49 170 123 45 67 Durchwahl 3",
        "mobil: 0170 1234567",
        "phone +491701234567 (Ada)",
        "+491701234567:7",
        "+491701234567|7",
        "\u202a+49 170 1234567\u202c",
        "tel:+49-170-1234567;phone-context=example.org",
        "+\u0664\u0669 \u0661\u0667\u0660 \u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "+4\u20e39\ufe0f\u20e3 170 1234567",
    ],
)
def test_trunk_zeros_prefixes_labels_and_scripts_do_not_matter(written: str) -> None:
    assert counted_as(Channel.WEBHOOK, written) >= counted_as(Channel.WEBHOOK, "+491701234567")


@pytest.mark.parametrize(
    "written", ["+1 (0)555 0100", "001 555 0100", "011-1-555-0100", "+1 555 0100 ext 3", "1.555.0100", "tel:15550100"]
)
def test_short_numbers_have_many_spellings_too(written: str) -> None:
    assert counted_as(Channel.WEBHOOK, written) >= counted_as(Channel.WEBHOOK, "+15550100")


@given(st.text("abc2", min_size=10, max_size=10))
def test_letters_of_a_keypad_do_not_make_unlimited_recipients(letters: str) -> None:
    spelled = counted_as(Channel.WEBHOOK, f"+1{letters}")

    assert spelled & {"1" + "2" * digits for digits in range(4, 8)} | spelled & {"2" * 8}


@given(NUMBERS, st.integers(1, 11), st.sampled_from(string.punctuation + string.ascii_letters + "\u0434\u3042 "))
def test_nothing_within_a_number_makes_another_recipient(number: str, at: int, mark: str) -> None:
    """Some receivers ignore all characters except digits."""
    for prefix in ("+", "", "tel:"):
        written = f"{prefix}{number[:at]}{mark}{number[at:]}"
        assert counted_as(Channel.WEBHOOK, written) & counted_as(Channel.WEBHOOK, f"+{number}")


@given(st.lists(st.integers(10_000_000, 99_999_999), min_size=2, max_size=2, unique=True))
def test_other_numbers_are_other_recipients(numbers: list[int]) -> None:
    one, other = (counted_as(Channel.WEBHOOK, f"+43{number}") for number in numbers)

    assert not one & other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+15550100", "+15550101"),
        ("+43 660 1234567", "+43 661 1234567"),
        ("customer-17", "customer-18"),
        ("20261127-abc", "20261127-abd"),
        ("12345678-1234-4abc-8def-1234567890ab", "12345678-1234-4abc-8def-1234567890ac"),
        ("auth0|5f7c12345a", "auth0|5f7c12345b"),
        ("Zo\u00eb", "Zo\u00e9"),
        ("\u5c71\u7530", "\u5c71\u5ddd"),
        ("ada@example.org", "eve@example.org"),
        ("+43660@sms.example", "+43661@sms.example"),
        ("112", "133"),
        ("sip:ada@example.org", "sip:ada@example.com"),
        ("sip:ada12345@a.example", "sip:ada12345@b.example"),
        ("Ada 12345 <ada@example.org>", "Ada 12345 <eve@example.org>"),
        ("", "a"),
    ],
)
def test_similar_recipients_are_counted_separately(one: str, other: str) -> None:
    assert not counted_as(Channel.WEBHOOK, one) & counted_as(Channel.WEBHOOK, other)


LOCAL_PARTS = st.from_regex(r"[a-z][a-z0-9_-]{0,5}[a-z]", fullmatch=True)
DOMAINS = st.sampled_from(
    ["example.org", "gmail.com", "b\u00fccher.example", "stra\u00dfe.example", "\u4f8b\u3048.jp", "a.b.c"]
)


@st.composite
def mailboxes(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a mailbox and another spelling of it."""
    local, domain = draw(LOCAL_PARTS), draw(DOMAINS)
    dotted = "".join(
        draw(st.sampled_from([letter, letter.upper()])) + draw(st.sampled_from(["", "."])) for letter in local[:-1]
    )
    mark = draw(st.sampled_from(["", "+", "+shop", "+a.b+c"]))
    written = draw(
        st.sampled_from(
            [
                domain,
                unicodedata.normalize("NFD", domain),
                idna.encode(domain).decode(),
                idna.encode(domain).decode().upper(),
                domain.replace(".", "\u3002"),
                f"{domain}.",
                domain.replace("gmail.com", "GoogleMail.com"),
            ]
        )
    )
    return f"{local}@{domain}", f"{dotted}{local[-1]}{mark}@{written}"


@given(mailboxes(), st.sampled_from([Channel.EMAIL, Channel.WEBHOOK]))
@example(("ada@b\u00fccher.example", "mailto:ada@b\u00fccher.example"), Channel.WEBHOOK)
@example(("ada@example.org", "Ada Lovelace <a.d.a+x@example.org>"), Channel.WEBHOOK)
@example(("ada@example.org", '"ada"@example.org'), Channel.EMAIL)
@example(("12345678@example.org", "1234.5678+9@example.org"), Channel.EMAIL)
@example(("ada@proton.me", "a.da@protonmail.com"), Channel.EMAIL)
@example(("ada@icloud.com", "ada@me.com"), Channel.EMAIL)
@example(("ada@example.org", "\u200bada@example.org\ufeff"), Channel.WEBHOOK)
@example(("+4366012345678@sms.example", "004366012345678@sms.example"), Channel.EMAIL)
def test_every_spelling_of_a_mailbox_counts_as_one(spelled: tuple[str, str], channel: Channel) -> None:
    mailbox, written = spelled

    assert counted_as(channel, written) & counted_as(channel, mailbox)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ada@example.com"),
        ("anna-lena@example.org", "anna-maria@example.org"),
        ("ada12345@example.org", "eve12345@example.org"),
        ("ada@stra\u00dfe.example", "ada@strasse.example"),
        ("+4366012345678@sms.example", "+4366012345679@sms.example"),
        ("ada@a.example", "ada@b.example"),
        ("ada12345678@a.example", "ada12345678@b.example"),
        ("anna-lena@example.org", "annalena@example.org"),
    ],
)
def test_mailboxes_of_different_people_stay_apart(one: str, other: str) -> None:
    assert not counted_as(Channel.EMAIL, one) & counted_as(Channel.EMAIL, other)


HOSTS = st.one_of(
    st.builds("h{}".format, st.integers(0, 10**9)),
    st.builds("10.{}.{}.{}".format, *[st.integers(0, 255)] * 3),
    st.builds("sms{}.gw.example".format, st.integers(0, 10**9)),
    st.builds("sms-{}.gw.example".format, st.from_regex("[a-z]{1,8}", fullmatch=True)),
    st.builds("[2001:db8::{:x}]:{}".format, st.integers(0, 65535), st.integers(1, 65535)),
)
URIS = ["", "sip:", "sips:", "SIP:", "mailto:", "<sip:", "Ada <sips:", '"Ada 7" <']


@given(
    NUMBERS,
    st.sampled_from(URIS),
    st.sampled_from(["+", "00", "", "+(0)"]),
    st.sampled_from(["", ";ext=12", "(1)", ":secret9", "x7", "@10.9.8.7"]),
    HOSTS,
    st.sampled_from(["", ";user=phone", ">", "?subject=1", ":5060", "(c7)"]),
)
def test_a_number_before_a_host_counts_without_the_host(
    number: str, uri: str, prefix: str, ending: str, host: str, parameters: str
) -> None:
    written = f"{uri}{prefix}{number}{ending}@{host}{parameters}"

    assert counted_as(Channel.WEBHOOK, written) & counted_as(Channel.WEBHOOK, f"+{number}")


@given(NUMBERS, st.integers(1, 11), st.sampled_from(string.punctuation + string.ascii_letters), HOSTS)
def test_nothing_within_a_number_before_a_host_makes_another_recipient(
    number: str, at: int, mark: str, host: str
) -> None:
    for prefix in ("+", "", "sip:", "sip:a"):
        written = f"{prefix}{number[:at]}{mark}{number[at:]}@{host}"
        assert counted_as(Channel.WEBHOOK, written) & counted_as(Channel.WEBHOOK, f"+{number}")


@given(NUMBERS, st.sampled_from(["+", ""]), HOSTS.filter(str.isascii))
def test_a_gateway_from_mail_to_a_telephone_does_not_matter(number: str, prefix: str, host: str) -> None:
    assert counted_as(Channel.EMAIL, f"{prefix}{number}@{host}") == counted_as(Channel.EMAIL, f"{number}@gw.example")


COMMENTS = st.recursive(
    st.lists(st.sampled_from([*"az09 .@<>", r"\(", r"\)"]), max_size=8).map(lambda parts: f"({''.join(parts)})"),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"(a{'b'.join(parts)})"),
    max_leaves=4,
)


@given(st.lists(COMMENTS, min_size=5, max_size=5), st.sampled_from(["", " ", "\t"]))
def test_comments_and_spaces_of_a_mailbox_do_not_matter(comments: list[str], space: str) -> None:
    """RFC 5322, section 3.2.2: a comment may stand before and after each part."""
    first, second, third, fourth, fifth = (f"{space}{comment}{space}" for comment in comments)
    for written in (
        f"frank{first}@{second}example.org{third}",
        f"{first}frank@example.org",
        f"frank @ example{fourth}.{fifth}org",
    ):
        assert counted_as(Channel.WEBHOOK, written) >= counted_as(Channel.WEBHOOK, "frank@example.org")


@given(st.lists(st.sampled_from("-."), min_size=3, max_size=3), st.sampled_from(["yandex.ru", "ya.ru", "Yandex.com"]))
def test_hyphens_and_dots_are_equal_at_yandex(marks: list[str], domain: str) -> None:
    name = "a{}b{}c{}d".format(*marks)

    assert counted_as(Channel.EMAIL, f"{name}@{domain}") == counted_as(Channel.EMAIL, "a.b.c.d@yandex.ru")


@given(st.text(), st.sampled_from([Channel.EMAIL, Channel.WEBHOOK]), st.text(MARKS, max_size=3))
def test_every_text_has_a_spelling_and_invisible_marks_do_not_change_it(
    text: str, channel: Channel, marks: str
) -> None:
    assert 1 <= len(counted_as(channel, text)) <= 3
    if text.isascii() and text.isalnum():
        assert counted_as(channel, marks + text + marks) == counted_as(channel, text)


@given(st.text(string.ascii_letters + string.digits + " -_.", max_size=12))
def test_case_and_width_of_characters_do_not_matter(text: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) if character.isalnum() else character for character in text)

    assert counted_as(Channel.WEBHOOK, wide) == counted_as(Channel.WEBHOOK, text.swapcase())
