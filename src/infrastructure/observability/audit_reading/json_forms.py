"""JSON documents of log systems: Docker, the journal and CloudWatch Logs. A string in them contains the line."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_DECODER: Final = json.JSONDecoder()
_STRING: Final = rb'"(?:[^"\\]|\\.)*+"'
_INDENTED: Final = re.compile(rb'\s*"(?:MESSAGE|message)"\s*:\s*(' + _STRING + rb"),?\s*", re.DOTALL)
"""The line of a message in an indented document."""
_EVENT: Final = re.compile(rb'"(?:eventId|ingestionTime|logStreamName)"\s*:')
"""A member of an event of CloudWatch Logs."""
_MESSAGE: Final = re.compile(rb'"message"\s*:\s*(' + _STRING + rb")", re.DOTALL)
_CUT_MESSAGE: Final = re.compile(rb'"(?:MESSAGE|message|log)"\s*:\s*"\{\\"time\\":\\"')
"""The beginning of a message with a line of the service."""


def decoded(text: bytes) -> tuple[Any, int]:
    """Return the JSON value at the beginning of a text, and the number of its bytes.

    Raises:
        UnicodeDecodeError: the text is not valid UTF-8.
        ValueError: it is not valid JSON, or too deeply nested.
    """
    characters = text.decode()
    value, end = decoded_text(characters)
    return value, end if len(characters) == len(text) else len(characters[:end].encode())


def decoded_text(text: str, begin: int = 0) -> tuple[Any, int]:
    """Return the JSON value at a position of a text, and the position of its end. Raise `ValueError` as `decoded`."""
    try:
        return _DECODER.raw_decode(text, begin)
    except RecursionError:
        raise ValueError("the value is too deeply nested") from None


def docker_entry(line: bytes) -> tuple[str, bytes] | None:
    """Return the stream and the content of an entry of Docker's json-file driver; None for another form."""
    if not line.startswith(b'{"log":"'):
        return None
    try:
        entry, _ = decoded(line)
    except ValueError:
        return None
    content = entry["log"]
    if not isinstance(content, str):
        return None
    return "stdout" if entry.get("stream") == "stdout" else "stderr", _bytes(content)


def messages(document: bytes) -> list[bytes] | None:
    """Return the messages in a document of the journal, of CloudWatch Logs or of Fluent Bit; None for other documents.

    Only the members that these programs write are read. Any other one may contain an object that a client has sent.
    The journal writes a message as an array of bytes if it contains control characters or is not valid UTF-8.
    """
    if (indented := _INDENTED.fullmatch(document)) is not None:
        return [_string(indented[1])]
    try:
        value, _ = decoded(document)
    except ValueError:
        return None
    if isinstance(value, dict):
        content = value.get("MESSAGE", value.get("log"))
        if isinstance(content, str | list):
            return [_bytes(content) if isinstance(content, str) else _array(content)]
        value = value.get("events")
    if not isinstance(value, list):
        return None
    events = [event["message"] for event in value if isinstance(event, dict) and {"message", "timestamp"} <= {*event}]
    return [_bytes(message) for message in events if isinstance(message, str)]


def messages_in_part(part: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each message in a part of a long document of CloudWatch Logs on one line, and where it ends."""
    if _EVENT.search(part) is not None:
        for found in _MESSAGE.finditer(part):
            yield _string(found[1]), found.end()


def begins_a_message(document: bytes) -> bool:
    """Return whether a document that is cut off contains the beginning of a message with a line of the service."""
    return _CUT_MESSAGE.search(document) is not None


def _string(literal: bytes) -> bytes:
    try:
        return _bytes(json.loads(literal.decode(errors="surrogateescape"), strict=False))
    except ValueError:
        return literal


def _array(numbers: list[Any]) -> bytes:
    try:
        return bytes(numbers)
    except (TypeError, ValueError):
        return b""


def _bytes(text: str) -> bytes:
    """Return text as UTF-8. A surrogate becomes invalid UTF-8, so the line that contains it counts as damaged."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
