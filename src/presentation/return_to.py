"""Where to go after a log-in: to a path of the same site or, where hosts share a log-in, to one of these hosts."""

import re
from dataclasses import dataclass
from posixpath import normpath
from typing import Final
from urllib.parse import quote, unquote

HOME: Final = "/"
LONGEST: Final = 2048
"""Characters."""
LAST_PORT: Final = 65535
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\\]")
"""Browsers drop tabs and line breaks out of a URL before they read it, and take a backslash for a slash (WHATWG)."""
_UNWRAPPED: Final = 3
"""Times that a path is percent-decoded in search of something that it hides: proxies on the way may decode it."""
_HTTPS: Final = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?P<port>:[1-9][0-9]{0,4})?(?P<rest>/.*)?", re.DOTALL)
"""Every reader of URLs agrees on this form: no user, no escapes, no capital or international letters in the host."""


@dataclass(frozen=True, slots=True)
class ReturnTo:
    """Judges where a log-in may lead.

    Args:
        gate: the path below which the gate's own pages lie. One of them logs out, so none of them is a target.
        domain: the domain to whose hosts, by https, a log-in may lead; None for the same site alone.
    """

    gate: str = "/auth"
    domain: str | None = None

    def safe(self, text: str | None) -> str:
        """Return the target as it can stand in a Location header; `/` for what is none, or might be none."""
        if not text or len(text) > LONGEST:
            return HOME
        site = self._site(text)
        path = text[len(site) :] or HOME
        if not self._is_path(path):
            return HOME
        # What is percent-encoded stays so; what can't stand in a header is.
        return site + quote(path, safe="/?#[]@!$&'()*+,;=:%~-._")

    def accepts_host(self, host: str) -> bool:
        """Return whether a host, perhaps with a port, belongs to the domain."""
        return self._site(f"https://{host}") != ""

    def _site(self, text: str) -> str:
        """Return scheme, host and port of a URL on the domain; empty for everything else."""
        found = _HTTPS.fullmatch(text) if self.domain is not None else None
        if found is None or not f".{found['host']}".endswith(f".{self.domain}") or ".." in f".{found['host']}":
            return ""
        port = found["port"] or ""
        return f"https://{found['host']}{port}" if int(port[1:] or 0) <= LAST_PORT else ""

    def _is_path(self, text: str) -> bool:
        """Return whether the text is a path with perhaps a query: a second slash would begin a host, however hidden."""
        if not text.startswith("/"):
            return False
        for _ in range(_UNWRAPPED):
            path = re.split("[?#]", text, maxsplit=1)[0]
            if text.startswith("//") or _CONTROL.search(text.partition("?")[0]) or _has_line_break(text):
                return False
            if f"{normpath(path)}/".startswith(f"{self.gate}/"):
                return False
            text = unquote(text)
        return True


def _has_line_break(text: str) -> bool:
    return any(character in text for character in "\r\n\t\0")
