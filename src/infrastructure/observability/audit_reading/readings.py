"""What the reader yields: audit lines, and lines that look like one but are damaged."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An audit line.

    Attributes:
        source: the name of the file.
        number: the number of the line in the uncompressed file, from 1; of the first line if it is split into several.
        data: the bytes of the JSON object, exactly as the service wrote them, without the end of the line.
        members: the members of the object.
    """

    source: str
    number: int
    data: bytes
    members: Mapping[str, Any]


class Damage(Enum):
    """Why a line can't be read as an audit line."""

    INVALID = "it is incomplete or is not valid JSON"
    NOT_UTF8 = "it is not valid UTF-8"
    TOO_LONG = "it is too long"
    UNKNOWN_FORM = "it is in a form of log that is not supported"
    """The text of an audit line occurs in another text. Other programs log what clients send, so anybody may have
    caused such a line in a log that the service shares with other programs."""
    OTHER_LOGGER = "it has the code of an audit line, but another logger"
    TEXT_FORMAT = "it is in the text format, from OPEN_MFA_LOG_FORMAT=text"
    UNREADABLE = "the compressed file is damaged or incomplete from here on"


@dataclass(frozen=True, slots=True)
class DamagedLine:
    """A line that looks like an audit line but can't be read, or the place where a compressed file ends too early.

    Attributes:
        source: the name of the file.
        number: the number of the line, as in `AuditLine`.
        data: the bytes of the line, as far as they are known. They are not safe to print on a terminal.
        damage: the reason.
    """

    source: str
    number: int
    data: bytes
    damage: Damage


Reading = AuditLine | DamagedLine
