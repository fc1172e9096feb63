"""No spelling of a recipient that a tenant does not allow passes."""

import string
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from application.ports.delivery import Channel
from infrastructure.delivery.allowed_recipients import check_entry, is_allowed
from infrastructure.delivery.mail_address import check_recipient, wire_address
from infrastructure.delivery.recipients import counted_as
from infrastructure.delivery.webhook import check_webhook_recipient

ENTRIES = ("+43", "+4930", "@example.com", "@bücher.example", "staff-")
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
DIGITS = st.text("0123456789", min_size=4, max_size=11)
MARKS = st.text(
    string.punctuation + string.whitespace + "aé٣\uff0b\uff20\uff10\uff0e。ⓔ\u200b\u00ad\u202e\u00df\u0131\u212a",
    max_size=3,
)


def mail(to: str, entries: tuple[str, ...] = ENTRIES) -> bool:
    return is_allowed(Channel.EMAIL, to, entries)


def webhook(to: str, entries: tuple[str, ...] = ENTRIES) -> bool:
    return is_allowed(Channel.WEBHOOK, to, entries)


# Entries


@pytest.mark.parametrize("entry", [*ENTRIES, "+4930 12", "0043", "@EXAMPLE.com", "@xn--bcher-kva.example", "id:", "U"])
def test_an_entry_is_a_domain_or_the_beginning_of_a_recipient(entry: str) -> None:
    assert check_entry(entry) == entry


@pytest.mark.parametrize(
    "entry",
    [
        "",
        " ",
        "+",
        "+43 ",
        " +43",
        "+43 (0)",
        "++43",
        "+-43",
        "@",
        "@@example.com",
        "@*.example.com",
        "@.example.com",
        "@example.com.",
        "@example.com, @example.org",
        "@[192.0.2.1]",
        "alice@example.com",
        "mail:@example.com",
        "a\nb",
        "a\u202eb",
    ],
)
def test_another_entry_is_an_error_that_does_not_repeat_it(entry: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        check_entry(entry)
    assert len(entry) < 3 or entry not in str(caught.value)


# Mail


@pytest.mark.parametrize(
    "to",
    [
        "alice@example.com",
        "alice@EXAMPLE.com",
        "ALICE+tag@Example.Com",
        "ålice@example.com",
        "alice@bücher.example",
        "alice@BÜCHER.example",
        "alice@xn--bcher-kva.example",
        "alice@XN--BCHER-KVA.example",
        "victim%example.org@example.com",
        "alice@example\u3002com",
    ],
)
def test_an_address_of_an_allowed_domain_gets_mail(to: str) -> None:
    assert mail(check_recipient(to))


@pytest.mark.parametrize(
    "to",
    [
        "alice@mail.example.com",
        "alice@example.com.evil.org",
        "alice@example.co",
        "alice@evilexample.com",
        "alice@example.org",
        "alice@xn--bcher-kva.example.org",
        "alice@bucher.example",
        "+43@example.org",
        "+431234567@example.org",
        "staff-alice@example.org",
        "alice@ex\u0430mple.com",
    ],
)
def test_an_address_of_another_domain_gets_no_mail(to: str) -> None:
    assert not mail(check_recipient(to))


@given(st.text(max_size=30) | st.builds("{}@example.com{}{}".format, NAMES, MARKS, NAMES))
def test_mail_is_allowed_only_if_the_mail_server_gets_an_allowed_domain(to: str) -> None:
    try:
        wire = wire_address(check_recipient(to))
    except ValueError:
        assert not mail(to)
        return
    assert mail(to) == (wire.rpartition("@")[2].lower() in {"example.com", "xn--bcher-kva.example"})


@given(NAMES, MARKS, MARKS, st.sampled_from(["example.com", "bücher.example"]))
def test_nothing_around_an_allowed_domain_leads_to_another(name: str, before: str, after: str, domain: str) -> None:
    for written in (
        f"{name}@evil.org{before}{after}@{domain}",
        f"{name}@{domain}{before}@evil.org{after}",
        f'"{name}@{domain}"{before}@evil.org',
        f"<{name}@{domain}>{before}{name}@evil.org",
        f"{name}@{domain}{before}.evil.org",
        f"{name}@evil{before}.{domain}",
    ):
        try:
            check_recipient(written)
        except ValueError:
            continue
        wire = wire_address(written).rpartition("@")[2].lower()
        assert mail(written) == (wire in {"example.com", "xn--bcher-kva.example"})
        assert not (wire.endswith("evil.org") and mail(written))


# The webhook


@pytest.mark.parametrize(
    "to",
    [
        "+43 1 5550100",
        "+43-664-555.0100",
        "+431",
        "+49 30 5550100",
        "staff-4711",
        "staff-alice, room 3",
        "alice@example.com",
        "Alice.O'Neil+mfa@EXAMPLE.COM",
        "alice@xn--bcher-kva.example",
    ],
)
def test_an_allowed_recipient_gets_a_call_of_the_webhook(to: str) -> None:
    assert webhook(check_webhook_recipient(to))


@pytest.mark.parametrize(
    "to",
    [
        "+44 20 5550100",
        "+49 89 5550100",
        "+4",
        "43 1 5550100",
        "0043 1 5550100",
        "tel:+4315550100",
        "+43(0)15550100",
        "+4(0)315550100",
        "+43 1 5550100 ext 5",
        "+4315550100;+19005550100",
        "+4315550100,+19005550100",
        "+431 +19005550100",
        "+431  19005550100",
        "+431\u00a019005550100",
        "+43112 19005550100",
        "\uff0b43 1 5550100",
        "+٤٣ 1 5550100",
        "+4\uff13 1 5550100",
        "+43 1 FLOWERS",
        "+43@example.org",
        "+4315550100@example.org",
        "+19005550100@example.com",
        "19005550100@example.com",
        "1@example.com",
        "alice@bücher.example",
        "ålice@example.com",
        "a?to=b@example.com",
        "a%40evil.org@example.com",
        "a!evil.org@example.com",
        "alice@example.com@evil.org",
        "alice@evil.org,bob@example.com",
        "<alice@evil.org> bob@example.com",
        '"alice@evil.org"@example.com',
        "mailto:alice@example.com",
        "alice@example.com ",
        "alice@example.com.",
        "alice@mail.example.com",
        "Staff-4711",
        "\u200bstaff-4711",
        "staff\u20104711",
        "staff-alice@evil.org",
    ],
)
def test_any_other_recipient_gets_no_call_of_the_webhook(to: str) -> None:
    assert not webhook(to)


@given(DIGITS, st.lists(st.sampled_from(["", " ", "-", "."]), min_size=12, max_size=12))
def test_single_separators_do_not_matter(digits: str, separators: list[str]) -> None:
    spaced = "".join(digit + separator for digit, separator in zip(digits, separators, strict=False)).strip(" .-")
    assert webhook(f"+43{separators[-1]}{spaced}")


@given(st.sampled_from(["+44", "+1", "+7", "+4", "0043", "43", "+49", "+042", "+"]), DIGITS, MARKS, st.integers(0, 12))
def test_no_mark_makes_another_number_pass(country: str, digits: str, mark: str, at: int) -> None:
    number = f"{country}{digits}"
    assume(not number.startswith(("+43", "+4930")))
    written = f"{number[:at]}{mark}{number[at:]}"
    seen = "".join(str(unicodedata.digit(c)) for c in written if unicodedata.digit(c, None) is not None)
    assume(not seen.startswith(("43", "4930")))
    assert not webhook(written)


@given(st.text(string.digits + "+ -.()x;,@/:#&=%abe\u0664\u0663\uff13\uff0b", max_size=24))
def test_every_allowed_number_has_one_reading(to: str) -> None:
    """The limits of sent codes know how receivers may read a recipient: with an extension, a trunk zero or a label."""
    if webhook(f"+43{to}"):
        assert len(counted_as(Channel.WEBHOOK, f"+43{to}")) <= 2
        assert set(f"+43{to}") <= {*string.digits, *"+ -."}
        assert f"+43{to}".count("+") == 1


@given(st.text(max_size=30))
def test_a_text_passes_only_with_its_beginning(to: str) -> None:
    assert webhook(to, ("staff-",)) == (to.startswith("staff-") and "@" not in to)


@given(st.text(max_size=30))
def test_a_list_of_numbers_allows_no_mail(to: str) -> None:
    assert not mail(to, ("+43", "staff-"))
