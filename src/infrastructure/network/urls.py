"""URLs in settings (RFC 3986). A URL is read exactly or refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z+]*)://(?P<rest>.*)", re.DOTALL)
_REST: Final = re.compile(r"(?P<hosts>[^/?]*)(?P<path>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)
_ENCODED: Final = {"/": "%2F", "?": "%3F", "#": "%23", "@": "%40"}
"""The characters that end a user or a password, percent-encoded."""


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL.

    Attributes:
        scheme: in lower case.
        user: decoded; None without an @ before the host.
        password: decoded; None without a user, or without a colon after it.
        hosts: the host with its port as written, or several of them, without user and password.
        path: as written, with its first slash.
        query: as written; None without a question mark.
    """

    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    hosts: str
    path: str
    query: str | None = field(repr=False)


def options_in(query: str) -> list[tuple[str, str]]:
    """Return the decoded names and values of a query. A plus sign is not a space, as in the rest of a URL.

    Raises:
        ValueError: a part is not name=value, or not UTF-8.
    """
    if not query:
        return []
    return parse_qsl(query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True, errors="strict")


def split_url(text: str, schemes: Iterable[str], *, has_user: bool = True) -> Url:
    """Split a URL into its parts.

    A parser that follows RFC 3986 ends the host at the first `/`, `?` or `#`. If a password has one of these characters
    unencoded, that parser connects to another host. So only one @ is allowed, and none of these characters before it.

    Args:
        text: the URL.
        schemes: the accepted schemes, in lower case. The URL may have them in upper case.
        has_user: whether a user and a password may stand before the host. If not, an @ may be part of the path or the
            query, unless a colon or a # stands before it.

    Raises:
        ValueError: the reason. The message does not repeat the URL, because it may contain a password.
    """
    parts = _URL.fullmatch(text)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in schemes:
        raise ValueError(f"must be a URL that begins with {' or '.join(f'{each}://' for each in schemes)}")
    login, at, rest = parts["rest"].rpartition("@")
    if at and not has_user:
        authority = _REST.fullmatch(parts["rest"])["hosts"]  # type: ignore[index] # the expression matches every text
        if any(character in login for character in ":#") or "@" in authority:
            raise ValueError("must have no user and no password before the host; write an @ after the host as %40")
        login, at, rest = "", "", parts["rest"]
    unencoded = [character for character in _ENCODED if character in login]
    if unencoded:
        codes = " and ".join(_ENCODED[character] for character in unencoded)
        elsewhere = ", or write an @ after the host as %40" if {"/", "?"} & set(unencoded) else ""
        raise ValueError(
            f"the user or the password has an unencoded {' and '.join(unencoded)}: write {codes}{elsewhere}"
        )
    if "#" in rest:
        raise ValueError("must have no fragment; write a # as %23")
    found = _REST.fullmatch(rest)
    if found is None:  # The expression matches every text.
        raise AssertionError
    user, colon, password = login.partition(":")
    try:
        text.encode()
        return Url(
            scheme=scheme,
            user=unquote(user, errors="strict") if at else None,
            password=unquote(password, errors="strict") if colon else None,
            hosts=found["hosts"],
            path=found["path"],
            query=found["query"],
        )
    except UnicodeError:
        raise ValueError("must be UTF-8, also where it is percent-encoded") from None
