"""Access to XML elements that accepts nothing ambiguous: no repeated element, and no text with elements in it."""

import base64
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

from infrastructure.migration.formats.pskc.names import PSKC

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_SPACE: Final = re.compile(r"[ \t\r\n]+")


class Unusable(Exception):
    """A part of the file can't be used. The message gives the reason and repeats nothing of the file."""


def only(parent: Element, name: str, namespace: str = PSKC) -> Element | None:
    """Return the child with this name; None if there is none. Raise `Unusable` if there are several."""
    found = parent.findall(f"{{{namespace}}}{name}")
    if len(found) > 1:
        raise Unusable(f"{name} occurs more than once")
    return found[0] if found else None


def required(parent: Element, name: str, namespace: str = PSKC) -> Element:
    """Return the child with this name. Raise `Unusable` unless there is exactly one."""
    child = only(parent, name, namespace)
    if child is None:
        raise Unusable(f"{name} is missing")
    return child


def only_local(parent: Element, name: str) -> Element | None:
    """Return the child with this name in any namespace; None if there is none. Raise `Unusable` for several."""
    found = [child for child in parent if local(child) == name]
    if len(found) > 1:
        raise Unusable(f"{name} occurs more than once")
    return found[0] if found else None


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def require_known(parent: Element, what: str, names: Collection[str], attributes: Collection[str] = ()) -> None:
    """Raise `Unusable` if the element has a child or an attribute that is not listed, or a child of another namespace.

    Attributes of a namespace, such as `xml:lang`, are ignored.
    """
    known = {f"{{{PSKC}}}{name}" for name in names}
    if any(child.tag not in known for child in parent):
        raise Unusable(f"{what} contains an element that is not supported")
    if any(name not in attributes for name in parent.attrib if not name.startswith("{")):
        raise Unusable(f"{what} has an attribute that is not supported")


def text_of(element: Element) -> str:
    """Return the text of an element without the white space around it. Raise `Unusable` if it contains elements."""
    if len(element):
        raise Unusable(f"{local(element)} must contain only text")
    return (element.text or "").strip(" \t\r\n")


def optional_text(parent: Element | None, name: str) -> str | None:
    """Return the text of a child; None if there is no such child, or it is empty."""
    child = None if parent is None else only(parent, name)
    return None if child is None else text_of(child) or None


def binary(element: Element) -> bytes:
    """Return the decoded base64 text of an element. Raise `Unusable` if it is anything else."""
    try:
        return base64.b64decode(_SPACE.sub("", text_of(element)), validate=True)
    except ValueError:
        raise Unusable(f"{local(element)} is not base64") from None


def whole(text: str, what: str) -> int:
    """Return a whole number. Raise `Unusable` for other texts, and for those with more than 20 digits."""
    if not _WHOLE.fullmatch(text):
        raise Unusable(f"{what} is not a whole number")
    return int(text)


def boolean(text: str, what: str) -> bool:
    """Return a Boolean value of XML Schema, in any case. Raise `Unusable` for other texts."""
    lower = text.strip().lower()
    if lower not in {"0", "1", "false", "true"}:
        raise Unusable(f"{what} is not true or false")
    return lower in {"1", "true"}


def timestamp(text: str, what: str) -> float:
    """Return Unix time in seconds of a dateTime of XML Schema; without a time zone, it is UTC.

    Raises:
        Unusable: the text is not a time.
    """
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Unusable(f"{what} is not a time") from None
