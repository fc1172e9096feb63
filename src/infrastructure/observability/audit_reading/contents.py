"""Recognizing audit lines and damaged ones, once the text of the log system around them is gone."""

import re
from collections.abc import Iterator
from typing import Any, Final

from infrastructure.observability.audit_reading.json_forms import begins_a_message, decoded, decoded_text, messages
from infrastructure.observability.audit_reading.readings import Damage
from infrastructure.observability.audit_reading.text_forms import is_text_format, without_prefix

LOGGER: Final = "open_mfa.audit"
START: Final = b'{"time":"'
"""The beginning of every JSON line of the service."""
_MEMBER: Final = f'"logger":"{LOGGER}"'.encode()
_ANY_LOGGER: Final = b'"logger":"'
_CUT_LOGGER: Final = re.compile(rb'"logger":"([\w.]*)\s*$')
_CODE: Final = re.compile(rb',"seq":\d+,"mac":"[0-9a-f]*"')
"""The last members of a line with a code. In the lines of other loggers, quotes within values are escaped."""
_ANYWHERE: Final = re.compile(rb'"logger\\*"\s*:\s*\\*"open_mfa\.audit\\*"')
"""The member in any form, also as a part of a string."""
_ESCAPED_START: Final = b'"{\\"time\\":\\"'
"""The beginning of a line of the service in a JSON document."""
_MAY_CONTAIN_ONE: Final = re.compile(
    b"|".join((_ANYWHERE.pattern, re.escape(_ESCAPED_START), rb'"MESSAGE"\s*:\s*\['))  # the journal's array of bytes
)

Content = tuple[bytes, dict[str, Any]] | tuple[bytes, Damage]
"""The exact bytes of an audit line with its members, or the bytes of a damaged one with the reason."""


def contents_of(line: bytes) -> Iterator[Content]:
    """Yield the audit lines in a text that begins with `START`: none, one, or several.

    If a process ended while it wrote a line, the next line follows without a line break.
    """
    if line.find(START, 1) < 0:
        content = _content_of(line)
        if content is not None:
            yield content
        return
    position = 0
    for position, content in _whole_ones(line):  # noqa: B007 - the end of the last one
        if content is not None:
            yield content
    if line.startswith(START, position):
        yield from _pieces(line, position)
    elif _MEMBER in line[position:]:
        yield line[position:], Damage.UNKNOWN_FORM


def _whole_ones(line: bytes) -> Iterator[tuple[int, Content | None]]:
    """Yield the content of each valid line that follows the former one at once, and where it ends.

    A valid line of another program can contain an object that a client has sent, so valid lines are not split.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return
    begin = size = 0
    while text.startswith(START.decode(), begin):
        try:
            members, end = decoded_text(text, begin)
        except ValueError:
            return
        data = text[begin:end].encode()
        size += len(data)
        yield size, (data, members) if members.get("logger") == LOGGER else None
        begin = end


def _pieces(line: bytes, begin: int) -> Iterator[Content]:
    """Yield the content of each piece that begins with `START`. Quotes in strings are escaped, so no string has it."""
    while begin >= 0:
        end = line.find(START, begin + 1)
        content = _content_of(line[begin:end] if end >= 0 else line[begin:])
        if content is not None:
            yield content
        begin = end


def contents_in(line: bytes) -> Iterator[Content]:
    """Yield the audit lines, and the damaged ones, in a line that may have a prefix, or that may be a document."""
    text = without_prefix(line)
    if text is not None and text.startswith(START):
        yield from contents_of(text)
    elif _MAY_CONTAIN_ONE.search(line) is None:
        if is_text_format(line):
            yield line, Damage.TEXT_FORMAT
    elif text is not None and (content := content_of_object(text)) is not None:
        yield content
    elif text is None or not _is_other_line(text):
        yield from _contents_of_document(line if text is None else text)


def content_of_object(text: bytes) -> Content | None:
    """Return the audit line at the beginning of a text, in any order of members; None if there is none."""
    if not text.startswith(b"{"):
        # A part of a line can be another JSON value, such as a number.
        return None
    try:
        members, end = decoded(text)
    except ValueError:
        return None
    return (text[:end], members) if members.get("logger") == LOGGER else None


def damage_of(line: bytes) -> Damage | None:
    """Return the damage of a line of unknown form; None if it does not look like an audit line."""
    if is_text_format(line):
        return Damage.TEXT_FORMAT
    if begins_a_message(line) and not _is_whole(line):
        return Damage.INVALID
    return Damage.UNKNOWN_FORM if _ANYWHERE.search(line) is not None else None


def _contents_of_document(document: bytes) -> Iterator[Content]:
    found = messages(document)
    if found is None:
        damage = damage_of(document)
        if damage is not None:
            yield document, damage
    for message in found or ():
        yield from contents_in(message)


def _is_whole(document: bytes) -> bool:
    try:
        decoded(document)
    except ValueError:
        return False
    return True


def _is_other_line(text: bytes) -> bool:
    """Return whether a text that begins with a brace is a line of another logger, which may quote an audit line."""
    try:
        logger = decoded(text)[0].get("logger", LOGGER)
    except ValueError:
        return False
    return isinstance(logger, str) and logger != LOGGER


def _content_of(piece: bytes) -> Content | None:
    has_code = _CODE.search(piece) is not None
    # An escape may stand for any character of the name of the logger.
    if not has_code and _MEMBER not in piece and _ANY_LOGGER in piece and b"\\u" not in piece:
        cut = _CUT_LOGGER.search(piece)
        if cut is None or not LOGGER.encode().startswith(cut[1]):
            return None
    try:
        members, end = decoded(piece)
    except UnicodeDecodeError:
        return piece.rstrip(), Damage.NOT_UTF8
    except ValueError:
        return piece.rstrip(), Damage.INVALID
    if members.get("logger") == LOGGER:
        return piece[:end], members
    return (piece.rstrip(), Damage.OTHER_LOGGER) if has_code else None
