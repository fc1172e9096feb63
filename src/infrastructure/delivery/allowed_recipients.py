"""The recipients that a tenant allows (ADR 41).

An entry is one of these:

- `@example.com`: all mail addresses of exactly this domain, without its subdomains;
- `+43`: all telephone numbers that begin with these digits, for the webhook;
- another text without an @: all recipients of the webhook that begin with exactly this text.

In case of doubt, a recipient is not allowed. The webhook's receiver decides how it reads a recipient, so a recipient of
the webhook must be written such that it has only one reading.
"""

import re
from functools import cache
from typing import Final, NamedTuple

from application.ports.delivery import Channel
from domain.characters import is_line
from infrastructure.delivery.mail_address import wire_address

MOST_DIGITS: Final = 15
"""The number of digits of the longest telephone number, with the country code (ITU-T E.164)."""
_NUMBER: Final = re.compile(r"\+?[0-9](?:[ .-]?[0-9])*")
"""A telephone number with single separators between its digits.

Parentheses are not allowed, because receivers may drop them or the digits in them, as in `+49 (0)170`.
"""
_SEPARATORS: Final = str.maketrans("", "", " .-")
_NUMERIC: Final = frozenset("+0123456789 .-")
_PLAIN_LOCAL_PART: Final = re.compile(r"[A-Za-z][A-Za-z0-9_'.+-]*")
"""The part before the @ of an address for the webhook. Others may look like a number, a URI or a route to another host:
`+19005550100`, `a?to=b`, `a%40b`."""


class _Entries(NamedTuple):
    """The entries of a list.

    Attributes:
        domains: the domains in ASCII and lower case.
        numbers: the beginnings of telephone numbers, without separators.
        texts: the other beginnings.
    """

    domains: frozenset[str]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]


def check_entry(text: str) -> str:
    """Return an entry of a list of recipients as it is. Raise `ValueError` with the reason if it is invalid."""
    if text.startswith("@"):
        if not _domain(f"a{text}"):
            raise ValueError("must be an @ and a domain, such as @example.com")
    elif "@" in text:
        raise ValueError("must begin with an @ if it contains one; a single address cannot be allowed")
    elif not text or text != text.strip() or not is_line(text):
        raise ValueError("must be a text on one line, without white space at its ends")
    elif (text.startswith("+") or _is_numeric(text)) and not _NUMBER.fullmatch(text):
        raise ValueError("must be the beginning of telephone numbers, such as +43")
    return text


def is_allowed(channel: Channel, to: str, entries: tuple[str, ...]) -> bool:
    """Return whether a list of recipients includes a recipient.

    Args:
        channel: the channel that sends the code.
        to: a recipient that is valid for the channel.
        entries: the entries of the list, each of which `check_entry` accepts.
    """
    allowed = _sorted(entries)
    if "@" in to:
        return _domain(to) in allowed.domains and (channel is Channel.EMAIL or _has_one_reading(to))
    if channel is Channel.EMAIL:
        return False
    if _NUMBER.fullmatch(to):
        number = to.translate(_SEPARATORS)
        return len(number.lstrip("+")) <= MOST_DIGITS and number.startswith(allowed.numbers)
    return to.startswith(allowed.texts)


@cache
def _sorted(entries: tuple[str, ...]) -> _Entries:
    domains = frozenset(_domain(f"a{entry}") for entry in entries if entry.startswith("@")) - {""}
    numbers = tuple(entry.translate(_SEPARATORS) for entry in entries if _is_numeric(entry))
    return _Entries(domains, numbers, tuple(entry for entry in entries if entry[:1] != "@" and not _is_numeric(entry)))


def _is_numeric(entry: str) -> bool:
    return _NUMERIC.issuperset(entry)


def _has_one_reading(address: str) -> bool:
    # Receivers may convert an internationalized domain differently (IDNA 2003 and 2008).
    return address.isascii() and _PLAIN_LOCAL_PART.fullmatch(address.rpartition("@")[0]) is not None


def _domain(address: str) -> str:
    """Return the domain that SMTP sends mail for an address to, in lower case; empty if the text is no address."""
    try:
        return wire_address(address).rpartition("@")[2].lower()
    except ValueError:
        return ""
