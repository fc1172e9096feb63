"""Which spellings count as one recipient.

A caller who can spell a recipient in many ways gets past a limit for each recipient. So these rules count two
recipients as one rather than one recipient as two: those two then share a limit, which they hardly reach together.
"""

import re
import string
import unicodedata
from typing import Final
from urllib.parse import unquote

import idna

from application.ports import Channel
from domain.characters import is_invisible

SUFFIX: Final = 8
"""Digits at the end of a telephone number that are compared. Most national numbers are at least as long, so that
neither the country's code nor zeros before a national number matter."""
_FEWEST_DIGITS: Final = 5
"""Digits of a telephone number."""
_LENGTHS: Final = range(10, 16)
"""Digits of a text with letters that may be a telephone number all the same (ITU-T E.164)."""
_SCHEMES: Final = re.compile(
    r"(?:\s*(?:tel|telephone|phone|fon|mobile|mobil|cell|call|callto|sms|smsto|mms|mmsto|fax|sips?|whatsapp|viber|signal"
    r"|skype|mailto)\s*:(?://)?)+",
    re.IGNORECASE,
)
_MARKS: Final = frozenset(";,:#*?&=~|!$%^<>{}")
"""Characters behind a telephone number: an extension, a pause or a parameter of a URI follows."""
_EXTENSION: Final = re.compile(
    r"(?:x|ext|extn|extension|dw|durchwahl|int|interno|poste|anexo|ramal|доб|добавочный|[pwt]|pause|wait)(?![^\W\d_])"
)
"""Words behind a telephone number: an extension or a pause follows."""
_PLUS: Final = re.compile(r"\D*\+\D*\d")
_COUNTRY: Final = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{1,3}")
"""The code of a country (ITU-T E.164)."""
_KEYPAD: Final = str.maketrans(string.ascii_lowercase, "22233344455566677778889999")
"""The digits that share a key with letters on telephones (ITU-T E.161); some programs read `+1 800 FLOWERS`."""
_DOMAIN: Final = re.compile(r"[^\s<>?;,/]*")
_SAME_MAILBOXES: Final = {
    alias: domain
    for domain, aliases in {
        "gmail.com": ("googlemail.com",),
        "icloud.com": ("me.com", "mac.com"),
        "proton.me": ("protonmail.com", "protonmail.ch", "pm.me"),
        "yandex.ru": ("ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua", "yandex.com.tr"),
    }.items()
    for alias in aliases
}
"""Domains of one provider under which a name leads to the same mailbox."""


def counted_as(channel: Channel, to: str) -> frozenset[str]:
    """Return the one or two spellings under which a recipient is counted.

    A receiver cuts a telephone number at the mark of an extension, or ignores whatever is no digit. Either way the same
    telephone has one spelling that stays the same, wherever a mark stands.
    """
    text = _plain(unquote(to))
    if channel is Channel.EMAIL:
        return frozenset({_mailbox(text)})
    scheme = _SCHEMES.match(text)
    text = text[scheme.end() :] if scheme else text
    digits = re.sub("[^0-9]", "", _plain(to))
    whole = _significant(digits, is_international=_PLUS.match(text) is not None)
    if "@" in text:
        spelling, is_number = _mailbox(text), False
    else:
        number = _number(_folded(text), is_certain=bool(scheme))
        is_number = number is not None
        spelling = number or _without_punctuation(_folded(text))
    return frozenset({spelling, whole} if is_number or len(digits) in _LENGTHS else {spelling})


def _plain(text: str) -> str:
    """Return the text without invisible characters, and with one form for all widths and digits."""
    visible = (character for character in unicodedata.normalize("NFKC", text) if not is_invisible(character))
    return "".join(_digit(character) for character in visible).strip()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text.casefold())


def _digit(character: str) -> str:
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def _mailbox(text: str) -> str:
    """Return a mailbox without dots in the local part and without the recipient's own mark behind a + (RFC 5233).

    Mail to telephones has numbers before the @.
    """
    local, _, rest = text.rpartition("@")
    local = _folded(local.rpartition("<")[2].strip())
    unmarked = local.lstrip("+").partition("+")[0]
    number = "+" + unmarked if local.startswith("+") else unmarked
    name = None if unmarked[:1].isalpha() else _number(number, is_certain=False)
    if name is None:
        name = re.sub(r'["\\.]', "", unmarked)
    found = _DOMAIN.match(rest)
    domain = found[0] if found else ""
    try:
        # Folded, a sharp s would be the ss of another domain.
        domain = idna.encode(domain, uts46=True).decode("ascii").rstrip(".")
    except UnicodeError:
        domain = _folded(domain).rstrip(".")
    return f"{name}@{_SAME_MAILBOXES.get(domain, domain)}"


def _number(text: str, *, is_certain: bool) -> str | None:
    """Return the last significant digits of a telephone number, None for a text that is none.

    Args:
        text: may have a label before the number, an extension behind it, and punctuation everywhere.
        is_certain: whether something says that it is a number.
    """
    has_plus = _PLUS.match(text) is not None
    digits = _digits(text, is_certain=is_certain or has_plus)
    if digits is None or len(digits) < _FEWEST_DIGITS:
        return None
    return _significant(digits, is_international=has_plus)


def _significant(digits: str, *, is_international: bool) -> str:
    """Return the last digits of a number without zeros for calls within the country: `+49 (0)170` has one."""
    significant = digits.lstrip("0")
    if is_international or digits.startswith("00"):
        country = _COUNTRY.match(significant)
        at = country.end() if country else 0
        significant = significant[:at] + significant[at:].lstrip("0")
    return significant[-SUFFIX:]


def _digits(text: str, *, is_certain: bool) -> str | None:
    """Return the digits up to the first mark of an extension or a pause.

    Where it is certain that the text is a number, every letter behind it is such a mark, and letters within it are
    digits. Otherwise such letters make the text no number: None.
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
