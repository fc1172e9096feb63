"""Mail addresses and headers. A library judges addresses; headers and domains are ASCII, which all servers accept."""

import re
from dataclasses import dataclass
from email.header import Header
from typing import Final

from domain.characters import is_blank, is_line

LONGEST_LOCAL_PART: Final = 64
"""Bytes of UTF-8, RFC 5321 section 4.5.3.1.1. The library counts characters."""
ENCODED_WORD: Final = "=?"
"""The beginning of an encoded word (RFC 2047). Some programs decode such words in places where they should not."""
_LONGEST_QUOTED: Final = 70
"""Characters of a text that stays on one line. RFC 5322 section 2.1.1 recommends lines of at most 78 characters."""
_NAMED: Final = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^()<>\[\]:;@\\,"]*)) *<(?P<address>[^<>]*)>')
"""A name and an address. The name is a quoted string (RFC 5322 section 3.2.4) or has no specials except dots."""
_UNQUOTED: Final = re.compile(r'[^<>"]+<[^<>]*>')
"""A name without quotes and an address. If `_NAMED` does not match it, the name needs quotes."""
_ESCAPE: Final = re.compile(r"\\(.)")
_EXAMPLE: Final = '"Acme, Inc." <mfa@example.com>'
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS: Final = re.compile(rf"{_ATOM}(?: {_ATOM})*")
"""A name that needs no quotes (RFC 5322 section 3.2.5)."""


class NotAnAddress(ValueError):
    """Raised if a text is not one mail address. The message does not repeat the text."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of mail: an address in ASCII, and the name that mail programs show, which may be empty."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> "Sender":
        """Read an address, alone or with a name: `mfa@example.com`, `Shop <mfa@example.com>`, `"A, B" <mfa@…>`.

        The domain may be internationalized. The local part must be ASCII: any other one needs servers with SMTPUTF8.

        Raises:
            ValueError: the text is not such an address. The message does not repeat it.
        """
        if not is_line(text) or ENCODED_WORD in text:
            raise ValueError(
                "must have no line break, control character, mark that changes the direction of the text or "
                + ENCODED_WORD
            )
        named = _NAMED.fullmatch(text.strip(" "))
        if named is None and _UNQUOTED.fullmatch(text.strip(" ")):
            raise ValueError(f"must have the name in quotes, because it has punctuation: {_EXAMPLE}")
        name, address = "", text
        if named is not None:
            quoted, address = named["quoted"], named["address"]
            name = named["plain"].strip(" ") if quoted is None else _ESCAPE.sub(r"\1", quoted)
        if name and is_blank(name):
            raise ValueError("must have a visible name, or none")
        try:
            address = wire_address(address)
        except NotAnAddress:
            raise ValueError(f"must be one mail address, with or without a name: {_EXAMPLE}") from None
        if not address.isascii():
            raise ValueError("must have an address with only ASCII before the @")
        return cls(name, address)

    @property
    def header(self) -> str:
        """The value of a From header, folded into lines of at most 78 characters where possible."""
        if not self.name:
            return self.address
        name = header_text(self.name)
        if name == self.name and not _ATOMS.fullmatch(name):
            name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
        separator = " " if len(name) + len(self.address) < _LONGEST_QUOTED else "\n "
        return f"{name}{separator}<{self.address}>"


def header_text(text: str) -> str:
    """Return the text for a header: unchanged, or as folded encoded words (RFC 2047).

    Python's folding of structured headers drops the quotes of long names, so that one address becomes several. It also
    drops spaces between encoded words (seen in 3.11).
    """
    if text.isascii() and len(text) <= _LONGEST_QUOTED:
        return text
    return Header(text, "utf-8").encode()


def check_recipient(text: str) -> str:
    """Return a mail address as it is: nothing but the address, without a name or comments.

    Local parts in quotes are refused: RFC 5321 section 4.1.2 tells hosts to avoid them, and programs disagree on them.

    Raises:
        ValueError: the text is not such an address. The message does not repeat it.
    """
    wire_address(text)
    return text


def wire_address(text: str) -> str:
    """Return an address as SMTP carries it. An internationalized domain becomes A-labels, which every server accepts.

    The result is ASCII if the local part is.

    Raises:
        NotAnAddress: the text is not one mail address.
        ValueError: the local part is too long or has an encoded word.
    """
    # Loading the library takes about 10 ms, and a service without mail does not need it.
    import email_validator  # noqa: PLC0415 - loaded only when it is needed

    # The library refuses names such as localhost, mail.local and test, which companies use in their own networks. It
    # has no option for that; its documentation says to change this list.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        parts = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False, allow_quoted_local=False, strict=True
        )
    except ValueError:
        # The library's own message repeats characters of the address.
        raise NotAnAddress("must be one mail address and nothing else, such as alice@example.com") from None
    local = text.rpartition("@")[0]
    if len(local.encode()) > LONGEST_LOCAL_PART:
        raise ValueError(f"must have at most {LONGEST_LOCAL_PART} bytes before the @")
    if ENCODED_WORD in local:
        raise ValueError(f"must have no {ENCODED_WORD}")
    return text if text.isascii() else f"{local}@{parts.ascii_domain}"
