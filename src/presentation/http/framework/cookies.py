"""The service's cookies: their names, and how they are read, set and removed.

A cookie that browsers send only over TLS has a prefix in its name (RFC 6265bis, section 4.1.3). A page over plain HTTP
cannot set such a cookie. With the prefix `__Host-`, another host of the domain cannot set it for this host either.
"""

import re
from typing import Final

from flask import Response, request

from application.ports.clock import Clock

HOST_PREFIX: Final = "__Host-"
"""The prefix of cookies that browsers accept only with `Secure`, with `Path=/` and without `Domain`."""
SECURE_PREFIX: Final = "__Secure-"
"""The prefix of cookies that browsers accept only with `Secure`."""
EVERYWHERE: Final = "/"


class Cookie:
    """One cookie.

    Args:
        plain: the name without a prefix. Former versions used it over TLS, too.
        value: the pattern of a value. It matches no semicolon, comma, space or quotation mark.
        lifetime: lifetime of the cookie in seconds. For this time after the start, the plain name is read, too.
        clock: the clock.
        secure: whether the cookie travels over TLS only.
        path: the path below which browsers send the cookie.
        domain: the domain whose hosts get the cookie; None for this host alone.
    """

    def __init__(
        self,
        plain: str,
        value: str,
        *,
        lifetime: int,
        clock: Clock,
        secure: bool,
        path: str = EVERYWHERE,
        domain: str | None = None,
    ) -> None:
        prefix = "" if not secure else HOST_PREFIX if path == EVERYWHERE and domain is None else SECURE_PREFIX
        self.name = prefix + plain
        self.lifetime = lifetime
        self._plain = plain
        self._secure = secure
        self._path = path
        self._domain = domain
        self._clock = clock
        self._plain_is_read_until = clock.now() + lifetime
        self._value = re.compile(value)
        self._patterns = {each: re.compile(f"{re.escape(each)}=(?P<value>[^;]*)") for each in (self.name, plain)}

    def values(self) -> list[str]:
        """Return the different values in the request.

        There are several if another host of the domain has set a cookie of the same name.
        """
        found = self._sent_as(self.name)
        if not found and self.name != self._plain and self._clock.now() < self._plain_is_read_until:
            found = self._sent_as(self._plain)
        return found

    def set(self, response: Response, value: str) -> None:
        """Set the cookie for its lifetime."""
        self._write(response, value, self.lifetime)
        if self.name != self._plain and self._sent_as(self._plain):
            self._remove_plain(response)

    def remove(self, response: Response) -> None:
        """Remove the cookie under every name that the service reads."""
        self._write(response, "", 0)
        if (self.name, self._path, self._domain) != (self._plain, EVERYWHERE, None):
            self._remove_plain(response)

    def _sent_as(self, name: str) -> list[str]:
        # Werkzeug would also unquote values, which ours never need. Only spaces and tabs may precede a name. Browsers
        # treat other white space as part of the name, which then has no prefix: any host of the domain could set it.
        # A header is searched for the name and never split, because a header of only separators would be slow to split.
        header: str = request.environ.get("HTTP_COOKIE", "")
        values = []
        end = 0
        for found in self._patterns[name].finditer(header):
            before = header[header.rfind(";", end, found.start()) + 1 : found.start()]
            if not before.strip(" \t"):
                values.append(found["value"].rstrip(" \t"))
            end = found.end()
        return list(dict.fromkeys(value for value in values if self._value.fullmatch(value)))

    def _write(self, response: Response, value: str, lifetime: int) -> None:
        response.set_cookie(
            self.name,
            value,
            max_age=lifetime,
            path=self._path,
            domain=self._domain,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def _remove_plain(self, response: Response) -> None:
        """Remove the cookie that a former version has set."""
        response.set_cookie(
            self._plain, "", max_age=0, path=EVERYWHERE, secure=self._secure, httponly=True, samesite="Lax"
        )
