"""The text of the mail with a code. It is a file, so that operators can change it. `mail_texts` has the languages.

    Subject: Your $issuer code

    Your one-time code for $issuer is:

    $code

    Minutes until it expires: $minutes

The first line is the subject, the second line is empty, the rest is the text. `$$` stands for a dollar sign.
"""

import string
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from infrastructure.regular_file import UnusableFile, read_text

_MARK: Final = "\ufeff"
"""The byte order mark that some editors put before the text."""
_SUBJECT: Final = "Subject:"
_ALONE: Final = ("$code", "${code}")
_IN_SUBJECT: Final = {"issuer", "minutes"}
_IN_BODY: Final = {*_IN_SUBJECT, "code"}
_BREAKS: Final = {"Cc", "Zl", "Zp"}
"""Unicode's categories of control characters, line separators and paragraph separators."""


class Text(NamedTuple):
    """The subject and the body of one mail."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders for the values that differ from mail to mail."""

    subject: string.Template
    body: string.Template

    @classmethod
    def load(cls, path: str | Path) -> "Template":
        """Read a file in UTF-8.

        Raises:
            ValueError: the reason. The message does not repeat the path.
        """
        try:
            text = read_text(str(path))
        except UnusableFile as error:
            raise ValueError(f"the file {error}") from None
        return cls.parse(text.removeprefix(_MARK).replace("\r\n", "\n"))

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a text. Raise `ValueError` with the reason if it is not a template."""
        first, _, rest = text.partition("\n")
        empty, _, body = rest.partition("\n")
        if not first.startswith(_SUBJECT) or not first.removeprefix(_SUBJECT).strip():
            raise ValueError(f"the first line must begin with '{_SUBJECT}' and contain the subject")
        if empty.strip():
            raise ValueError("the second line must be empty")
        if not any(line.strip() in _ALONE for line in body.split("\n")):
            raise ValueError("one line must contain only $code")
        subject = first.removeprefix(_SUBJECT).strip()
        if any(unicodedata.category(c) in _BREAKS for c in subject):
            raise ValueError("the subject must have no control characters")
        if any(unicodedata.category(c) == "Cc" for c in body if c not in "\n\t"):
            raise ValueError("the text must have no control characters except line breaks and tabs")
        return cls(_template(subject, "the subject", _IN_SUBJECT), _template(body, "the text", _IN_BODY))

    def render(self, code: str, issuer: str, minutes: int) -> Text:
        """Return the mail for one code. `minutes` is the time until the code expires."""
        known = {"issuer": issuer, "minutes": str(minutes)}
        return Text(self.subject.substitute(known), self.body.substitute(known, code=code))


def _template(text: str, what: str, known: set[str]) -> string.Template:
    template = string.Template(text)
    allowed = ", ".join(f"${name}" for name in sorted(known))
    if not template.is_valid():
        raise ValueError(f"every $ in {what} must begin one of {allowed}; write $$ for a dollar sign")
    if set(template.get_identifiers()) - known:
        raise ValueError(f"{what} can contain only the placeholders {allowed}")
    return template
