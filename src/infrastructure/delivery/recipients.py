"""The spellings under which a recipient of codes is counted (ADR 22).

A caller could evade the limit of a recipient by many spellings. In case of doubt, the rules therefore count two
recipients as one. The two then share a limit, which is harmless in practice.
"""

import re
import string
import unicodedata
from typing import Final
from urllib.parse import unquote

from application.ports.delivery import Channel
from domain.characters import is_invisible
from infrastructure.network.address import ascii_name

SUFFIX: Final = 8
"""Last digits of a telephone number that are compared. Most national numbers have at least as many digits, so the
country code and zeros before a national number do not matter."""
_FEWEST_DIGITS: Final = 5
"""The smallest number of digits of a telephone number."""
_LENGTHS: Final = range(10, 16)
"""The numbers of digits with which a text with letters may still be a telephone number (ITU-T E.164)."""
_SCHEMES: Final = re.compile(
    r"(?:\s*(?:tel|telephone|phone|fon|mobile|mobil|cell|call|callto|sms|smsto|mms|mmsto|fax|sips?|whatsapp|viber|signal"
    r"|skype|mailto)\s*:(?://)?)+",
    re.IGNORECASE,
)
_MARKS: Final = frozenset(";,:#*?&=~|!$%^<>{}@")
"""Characters after which an extension, a pause or a parameter of a URI follows a telephone number."""
_EXTENSION: Final = re.compile(
    r"(?:x|ext|extn|extension|dw|durchwahl|int|interno|poste|anexo|ramal|доб|добавочный|[pwt]|pause|wait)(?![^\W\d_])"
)
"""Words after which an extension or a pause follows a telephone number."""
_PLUS: Final = re.compile(r"\D*\+\D*\d")
_COUNTRY: Final = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{1,3}")
"""A country code (ITU-T E.164)."""
_KEYPAD: Final = str.maketrans(string.ascii_lowercase, "22233344455566677778889999")
"""The digit of each letter on the keys of telephones (ITU-T E.161). Some programs read `+1 800 FLOWERS`."""
_DOMAIN: Final = re.compile(r"[^\s<>?;,/]*")
_COMMENT: Final = re.compile(r"\((?:[^()\\]|\\.)*\)")
"""A comment that contains no other comment (RFC 5322, section 3.2.2)."""
_AT: Final = re.compile("@|%40")
_YANDEX: Final = "yandex.ru"
"""A provider that treats a hyphen in a name like a dot."""
_SAME_MAILBOXES: Final = {
    alias: domain
    for domain, aliases in {
        "gmail.com": ("googlemail.com",),
        "icloud.com": ("me.com", "mac.com"),
        "proton.me": ("protonmail.com", "protonmail.ch", "pm.me"),
        _YANDEX: ("ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua", "yandex.com.tr"),
    }.items()
    for alias in aliases
}
"""Domains of a provider under which a name leads to the same mailbox, and the domain that stands for all of them."""


def counted_as(channel: Channel, to: str) -> frozenset[str]:
    """Return the one to three spellings under which a recipient is counted.

    A receiver may end a telephone number at the mark of an extension or at the last @, or ignore the mark and read all
    digits. A number is counted under all readings, so a mark at another position does not change all of them.
    """
    text = _plain(unquote(to))
    if channel is Channel.EMAIL:
        return frozenset({_mailbox(text)})
    scheme = _SCHEMES.match(text)
    text = _without_scheme(text)
    is_international = _PLUS.match(text) is not None
    if "@" in text:
        spelling = _mailbox(text)
        is_number = "@" not in spelling
    else:
        number = _number(_folded(text), is_certain=bool(scheme))
        is_number = number is not None
        spelling = number or _without_punctuation(_folded(text))
    parts = [re.sub("[^0-9]", "", part) for part in _AT.split(_plain(to))]
    readings = {"".join(parts), "".join(parts[:-1])}
    return frozenset({spelling}) | {
        _significant(digits, is_international=is_international)
        for digits in readings
        if len(digits) in _LENGTHS or (is_number and digits)
    }


def _plain(text: str) -> str:
    """Return the text without invisible characters, and with ASCII digits in place of those of other scripts."""
    visible = (character for character in unicodedata.normalize("NFKC", text) if not is_invisible(character))
    return "".join(_digit(character) for character in visible).strip()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text.casefold())


def _digit(character: str) -> str:
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def _mailbox(text: str) -> str:
    """Return a mailbox without the dots of the local part and without a subaddress, which begins with + (RFC 5233).

    If the local part is a telephone number, as at a gateway from mail to telephones and in a SIP URI, return only the
    number, reduced like other numbers. Many hosts can lead to the same telephone.
    """
    local, _, rest = _without_comments(text).rpartition("@")
    local = _without_scheme(_folded(local.rpartition("<")[2].strip()))
    unmarked = local.lstrip("+").partition("+")[0]
    number = None if unmarked[:1].isalpha() else _number("+" * local.startswith("+") + unmarked, is_certain=False)
    if number is not None:
        return number
    name = re.sub(r'["\\.\s]', "", unmarked)
    found = _DOMAIN.match(re.sub(r"\s*\.\s*", ".", rest).strip())
    domain = found[0] if found else ""
    try:
        # Case folding would turn a sharp s into the "ss" of another domain.
        domain = ascii_name(domain).lower().rstrip(".")
    except ValueError:
        domain = _folded(domain).rstrip(".")
    domain = _SAME_MAILBOXES.get(domain, domain)
    if domain == _YANDEX:
        name = name.replace("-", "")
    return f"{name}@{domain}"


def _without_scheme(text: str) -> str:
    scheme = _SCHEMES.match(text)
    return text[scheme.end() :] if scheme else text


def _without_comments(text: str) -> str:
    """Return the text without comments in parentheses, which may be nested."""
    shorter = _COMMENT.sub("", text)
    while shorter != text:
        text, shorter = shorter, _COMMENT.sub("", shorter)
    return text


def _number(text: str, *, is_certain: bool) -> str | None:
    """Return the last significant digits of a telephone number; None if the text is not a number.

    Args:
        text: a text with perhaps a label before the number, an extension after it, and punctuation anywhere.
        is_certain: whether the scheme of a URI shows that the text is a number.
    """
    has_plus = _PLUS.match(text) is not None
    digits = _digits(text, is_certain=is_certain or has_plus)
    if digits is None or len(digits) < _FEWEST_DIGITS:
        return None
    return _significant(digits, is_international=has_plus)


def _significant(digits: str, *, is_international: bool) -> str:
    """Return the last digits of a number without the zeros of national calls, as in `+49 (0)170`."""
    significant = digits.lstrip("0")
    if is_international or digits.startswith("00"):
        country = _COUNTRY.match(significant)
        at = country.end() if country else 0
        significant = significant[:at] + significant[at:].lstrip("0")
    return significant[-SUFFIX:]


def _digits(text: str, *, is_certain: bool) -> str | None:
    """Return the digits before the first mark of an extension or a pause; None if letters show that it is no number.

    If it is certain that the text is a number, letters among the first digits stand for digits, and a later letter is
    such a mark.
    """
    digits = ""
    for at, character in enumerate(text):
        if character in "0123456789":
            digits += character
        elif len(digits) >= _FEWEST_DIGITS and (character in _MARKS or _EXTENSION.match(text, at)):
            break
        elif digits and character.isalpha():
            if not is_certain:
                return None
            if len(digits) >= _FEWEST_DIGITS:
                break
            digits += character.translate(_KEYPAD) if character in string.ascii_lowercase else ""
    return digits


def _without_punctuation(text: str) -> str:
    return "".join(character for character in text if unicodedata.category(character)[0] not in "PZ")
