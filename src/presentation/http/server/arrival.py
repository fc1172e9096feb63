"""The bytes of a request that have arrived, and whether they can be handled without waiting for more."""

import re
from typing import Final

from presentation.http.framework.request_body import LARGEST_BODY

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of the request line and all fields, including the empty line after them."""
MOST_FIELDS: Final = 200

# A line feed without a carriage return ends the head, too: the parser refuses it, so there is nothing to wait for.
_END: Final = re.compile(rb"\r\n\r\n|(?<!\r)\n")
_FRAMING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_HTML: Final = re.compile(rb"\r\naccept:[^\r\n]*\btext/html\b", re.IGNORECASE)
_LANGUAGES: Final = re.compile(rb"\r\naccept-language:[ \t]*([\x20-\x7e]*)\r\n", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"[0-9]{1,5}")


class Arrival:
    """The bytes of one request.

    This class only decides when the parser gets the request. It never decides what the request means. The parser gets a
    request with unusual framing at once, and judges it by the bytes that have arrived.

    Attributes:
        ended: whether the client has closed its sending side.
        too_large: whether the head exceeds a limit.
        wants_page: whether the client of a head that is too large accepts HTML, as far as the head has arrived.
        accept_language: the Accept-Language field of such a client; empty for none.
        awaits_continue: whether the client sends the body only after an interim response (RFC 9110, section 10.1.1).
    """

    def __init__(self, *, ended: bool = False) -> None:
        self.ended = ended
        self.too_large = False
        self.wants_page = False
        self.accept_language = ""
        self.awaits_continue = False
        self._bytes = bytearray()
        self._searched = 0
        self._head = 0
        self._wanted = 0
        self._chunked = False

    def __bool__(self) -> bool:
        """Return whether any byte has arrived."""
        return bool(self._bytes)

    @property
    def has_head(self) -> bool:
        """Whether the head has arrived, or enough of it to refuse it."""
        return self.too_large or self._head > 0

    @property
    def is_complete(self) -> bool:
        """Whether waiting is pointless: the request has arrived, will be refused, or has ended early."""
        if not self.has_head:
            return False
        size = len(self._bytes)
        if self.ended or self.too_large or size >= self._wanted:
            return True
        # A chunked body ends with an empty line. If its data has one, the request is passed on too early.
        return self._chunked and self._bytes.find(b"\r\n\r\n", self._head) >= 0

    def add(self, data: bytes) -> None:
        """Add bytes that have arrived. No bytes mean that the client has closed its sending side."""
        if not data:
            self.ended = True
            return
        self._bytes += data
        if not self.has_head:
            self._find_head()
            self.wants_page = self.too_large and _HTML.search(self._bytes) is not None
            found = _LANGUAGES.search(self._bytes) if self.wants_page else None
            self.accept_language = "" if found is None else found[1].decode("ascii")

    def take(self) -> bytes:
        """Return all bytes, and keep none."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken

    def _find_head(self) -> None:
        found = _END.search(self._bytes, self._searched)
        if found is None:
            self._searched = max(0, len(self._bytes) - 3)
            self.too_large = len(self._bytes) > LARGEST_HEAD
            return
        self._head = self._wanted = found.end()
        head = bytes(self._bytes[: self._head])
        # The parser ignores an empty line before the request (RFC 9112, section 2.2).
        fields = head.removeprefix(b"\r\n").count(b"\r\n") - 2
        self.too_large = self._head > LARGEST_HEAD or fields > MOST_FIELDS
        if not self.too_large:
            self._find_body(head)

    def _find_body(self, head: bytes) -> None:
        found = [(name.lower(), value.lower()) for name, value in _FRAMING.findall(head)]
        framing = [(name, value) for name, value in found if name != b"expect"]
        expected = [value for name, value in found if name == b"expect"]
        if len(framing) != 1 or expected not in ([], [b"100-continue"]):
            return
        ((name, value),) = framing
        if name == b"content-length" and _LENGTH.fullmatch(value) and int(value) <= LARGEST_BODY:
            self._wanted += int(value)
        elif name == b"transfer-encoding" and value == b"chunked":
            # Twice the largest body leaves room for the framing of its chunks.
            self._wanted += 2 * LARGEST_BODY
            self._chunked = True
        self.awaits_continue = bool(expected) and b" HTTP/1.0\r\n" not in head and not self.is_complete
