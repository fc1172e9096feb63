"""Targets of a log-in: a path of the same site or, if hosts share a log-in, a URL of one of these hosts."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

HOME: Final = "/"
LONGEST: Final = 2048
"""Characters."""
LAST_PORT: Final = 65535
_NOT_IN_PATH: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
"""Browsers remove tabs and line breaks from a URL before they parse it, and treat a backslash as a slash (WHATWG)."""
_DOT_SEGMENT: Final = re.compile(r"/\.\.?(?:[/?#]|$)")
"""A segment that readers of paths resolve differently: some merge the slashes before it, others do not.

Browsers resolve such segments before they send a request, so no target of a real request has one.
"""
_NOT_IN_URL: Final = re.compile(r"[\x00\t\n\r]")
"""Characters that are refused in a query, too."""
_DECODINGS: Final = 3
"""The number of times that a path is decoded and checked again, because proxies may decode percent-encodings."""
_HTTPS: Final = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?P<port>:[1-9][0-9]{0,4})?(?P<rest>/.*)?", re.DOTALL)
"""A form that all parsers of URLs read alike: no user, no escapes, only lower-case ASCII in the host."""


@dataclass(frozen=True, slots=True)
class ReturnTo:
    """The rules for the targets of a log-in.

    Args:
        gate: the path of the gate's own pages. One of them logs out, so none of them is a target.
        domain: the domain whose hosts are targets, by https only; None for no other hosts.
    """

    gate: str = "/auth"
    domain: str | None = None

    def safe(self, text: str | None) -> str:
        """Return the target in the form for a Location header; `/` if the text is not certainly a safe target."""
        if not text or len(text) > LONGEST:
            return HOME
        site = self._site(text)
        path = text[len(site) :] or HOME
        if not self._is_path(path):
            return HOME
        # Percent-encoded characters stay encoded. Characters that a header cannot carry become encoded.
        return site + quote(path, safe="/?#[]@!$&'()*+,;=:%~-._")

    def accepts_host(self, host: str) -> bool:
        """Return whether a host, perhaps with a port, belongs to the domain."""
        return self._site(f"https://{host}") != ""

    def _site(self, text: str) -> str:
        """Return scheme, host and port of a URL on the domain; empty for any other text."""
        found = _HTTPS.fullmatch(text) if self.domain is not None else None
        if found is None or not f".{found['host']}".endswith(f".{self.domain}") or ".." in f".{found['host']}":
            return ""
        port = found["port"] or ""
        return f"https://{found['host']}{port}" if int(port[1:] or 0) <= LAST_PORT else ""

    def _is_path(self, text: str) -> bool:
        """Return whether the text is a path, perhaps with a query, that stays a path when it is percent-decoded."""
        path = re.split("[?#]", text, maxsplit=1)[0]
        for _ in range(_DECODINGS):
            # A second slash begins a host.
            if not path.startswith("/") or path.startswith("//"):
                return False
            if _NOT_IN_PATH.search(path) or _DOT_SEGMENT.search(path) or _NOT_IN_URL.search(text):
                return False
            # A browser treats an encoded question mark as part of the path. A proxy may end the path there.
            if f"{re.sub('/+', '/', re.split('[?#]', path, maxsplit=1)[0])}/".startswith(f"{self.gate}/"):
                return False
            path, text = unquote(path), unquote(text)
        return True
