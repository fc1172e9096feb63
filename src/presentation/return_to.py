"""Where to go after a log-in: a path of the same site, and nowhere else, whatever a browser makes of it."""

import re
from posixpath import normpath
from typing import Final
from urllib.parse import quote, unquote

HOME: Final = "/"
LONGEST_PATH: Final = 2048
"""Characters."""
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\\]")
"""Browsers drop tabs and line breaks out of a URL before they read it, and take a backslash for a slash (WHATWG)."""
_UNWRAPPED: Final = 3
"""Times that a path is percent-decoded in search of something that it hides: proxies on the way may decode it."""


def safe_return_to(text: str | None) -> str:
    """The path with its query, as it can stand in a Location header; `/` for what is none, or might be none.

    A second slash would begin a host, whatever hides it. The gate's own pages are nowhere to go back to: one of them
    logs out.
    """
    if not text or len(text) > LONGEST_PATH or not text.startswith("/"):
        return HOME
    plain = text
    for _ in range(_UNWRAPPED):
        path = re.split("[?#]", plain, maxsplit=1)[0]
        if plain.startswith("//") or _CONTROL.search(plain.partition("?")[0]) or _has_line_break(plain):
            return HOME
        if f"{normpath(path)}/".startswith("/auth/"):
            return HOME
        plain = unquote(plain)
    # What is percent-encoded stays so; what can't stand in a header is.
    return quote(text, safe="/?#[]@!$&'()*+,;=:%~-._")


def _has_line_break(text: str) -> bool:
    return any(character in text for character in "\r\n\t\0")
