"""JSON documents of log systems: Docker, the journal and CloudWatch Logs. A string in them contains the line."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_DECODER: Final = json.JSONDecoder()
_MESSAGE: Final = re.compile(rb'"(?:MESSAGE|message|log)"\s*:\s*(?:("(?:[^"\\]|\\.)*+")|\[([\d,\s]*+)\])', re.DOTALL)


_CUT_MESSAGE: Final = re.compile(rb'"(?:MESSAGE|message|log)"\s*:\s*"\{\\"time\\":\\"')


def decoded(text: bytes) -> tuple[Any, int]:
    """Return the JSON value at the beginning of a text, and the number of its bytes.

    Raises:
        UnicodeDecodeError: the text is not valid UTF-8.
        ValueError: it is not valid JSON, or too deeply nested.
    """
    characters = text.decode()
    try:
        value, end = _DECODER.raw_decode(characters)
    except RecursionError:
        raise ValueError("the value is too deeply nested") from None
    return value, end if len(characters) == len(text) else len(characters[:end].encode())


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


def messages(document: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each message in a document of the journal or of CloudWatch Logs, or in a part of one, and where it ends.

    The journal writes a message as an array of bytes if it contains control characters or is not valid UTF-8.
    """
    for found in _MESSAGE.finditer(document):
        content = _string(found[1]) if found[1] is not None else _array(found[2])
        if content is not None:
            yield content, found.end()


def ends_in_a_message(document: bytes) -> bool:
    """Return whether a part of a document that contains no whole message begins one with a line of the service."""
    return _CUT_MESSAGE.search(document) is not None


def _string(literal: bytes) -> bytes | None:
    try:
        return _bytes(json.loads(literal.decode(errors="surrogateescape"), strict=False))
    except ValueError:
        return None


def _array(numbers: bytes) -> bytes | None:
    try:
        return bytes(json.loads(b"[" + numbers + b"]"))
    except ValueError:
        return None


def _bytes(text: str) -> bytes:
    """Return text as UTF-8. A surrogate becomes invalid UTF-8, so the line that contains it counts as damaged."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
