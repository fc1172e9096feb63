"""URLs in settings (RFC 3986): each part is read exactly, or the URL is refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z+]*)://(?P<rest>.*)", re.DOTALL)
_REST: Final = re.compile(r"(?P<place>[^/?]*)(?P<path>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)
_ENCODED: Final = {"/": "%2F", "?": "%3F", "#": "%23", "@": "%40"}
"""The characters that end a user or a password, percent-encoded."""
_HOW: Final = "in a user, a password or a query write " + ", ".join(
    f"{raw} as {code}" for raw, code in _ENCODED.items()
)


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL.

    Attributes:
        scheme: in lower case.
        user: decoded; None where no @ stands before the host.
        password: decoded; None where there is no user, or no colon after it.
        place: host and port as they are written, or several of them; user and password are no part of it.
        path: as it is written, with its first slash.
        query: as it is written; None where there is no question mark.
    """

    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    place: str
    path: str
    query: str | None = field(repr=False)


def options_in(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query, decoded. A plus sign stands for itself, as in the rest of a URL.

    Raises:
        ValueError: it is not made of name=value, or not of UTF-8.
    """
    if not query:
        return []
    return parse_qsl(query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True, errors="strict")


def split_url(text: str, schemes: Iterable[str], *, has_user: bool = True) -> Url:
    """Take a URL apart.

    A parser that follows RFC 3986 cuts a password at its first `/`, `?` or `#`, and connects to another host. So an @
    may stand only once, and none of these characters before it.

    Args:
        text: the URL.
        schemes: the schemes that are taken, in lower case; upper case is read too.
        has_user: whether a user and a password may stand before the host. Where they may not, an @ with no colon before
            it may be a part of the path or the query.

    Raises:
        ValueError: naming the reason. The message does not repeat the URL, because it may hold a password.
    """
    parts = _URL.fullmatch(text)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in schemes:
        raise ValueError(f"must be a URL that begins with one of {', '.join(f'{each}://' for each in schemes)}")
    login, at, rest = parts["rest"].rpartition("@")
    unencoded = [character for character in _ENCODED if character in login]
    if unencoded and not has_user and ":" not in login and "#" not in login:
        login, at, rest, unencoded = "", "", parts["rest"], []
    if unencoded:
        raise ValueError(f"must have {' and '.join(unencoded)} percent-encoded before the last @: {_HOW}")
    if "#" in rest:
        raise ValueError(f"must have no fragment, and # percent-encoded: {_HOW}")
    if at and not has_user:
        raise ValueError("must have no user and no password before the host")
    found = _REST.fullmatch(rest)
    if found is None:  # The expression takes every text.
        raise AssertionError
    user, colon, password = login.partition(":")
    try:
        text.encode()
        return Url(
            scheme=scheme,
            user=unquote(user, errors="strict") if at else None,
            password=unquote(password, errors="strict") if colon else None,
            place=found["place"],
            path=found["path"],
            query=found["query"],
        )
    except UnicodeError:
        raise ValueError("must be UTF-8, also where it is percent-encoded") from None
