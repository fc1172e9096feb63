"""A stream of XML elements in bounded memory, without DTDs, entities and inclusions."""

from collections.abc import Iterator
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError  # defusedxml uses these classes

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from application.ports.migration import UnreadableFile
from infrastructure.migration.formats.pskc.names import XINCLUDE

LONGEST_PART: Final = 256 * 1024
"""Bytes of one child of the root. A key package has about 2,000."""
DEEPEST: Final = 32
"""Levels of elements. The schema of RFC 6030 section 11 has 8."""


def parts(stream: BinaryIO) -> Iterator[Element]:
    """Yield the root element as soon as it begins, and then each of its children when it is complete.

    The children are not kept, so memory does not grow with the file.

    Raises:
        UnreadableFile: the file is not well-formed, has a DTD or an inclusion, or an element that is too large.
    """
    try:
        yield from _parts(_BoundedStream(stream))
    except DefusedXmlException:
        raise UnreadableFile("the file contains a DTD, which is refused, because it can define entities") from None
    except ParseError as error:
        # The message of the error may repeat a part of the file.
        line, column = error.position
        raise UnreadableFile(f"the file is not well-formed XML: line {line}, column {column + 1}") from None
    except (ValueError, LookupError):
        raise UnreadableFile("the encoding that the file declares is unknown or wrong") from None


def _parts(stream: "_BoundedStream") -> Iterator[Element]:
    root: Element | None = None
    depth = 0
    for event, element in iterparse(stream, ("start", "end"), forbid_dtd=True):
        if event == "end":
            depth -= 1
            if depth == 1 and root is not None:
                yield element
                root.clear()
                stream.restart()
            continue
        depth += 1
        if depth > DEEPEST:
            raise UnreadableFile(f"the file has more than {DEEPEST} levels of elements")
        if element.tag.startswith(f"{{{XINCLUDE}}}"):
            raise UnreadableFile("the file includes another one, which is refused")
        if root is None:
            root = element
            yield root


class _BoundedStream:
    """A stream that refuses to deliver more than `LONGEST_PART` bytes of one part."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._delivered = 0

    def read(self, size: int = 65_536, /) -> bytes:
        """Return at most `size` bytes. Raise `UnreadableFile` if the part is too long."""
        if self._delivered > LONGEST_PART:
            raise UnreadableFile(f"an element of the file is longer than {LONGEST_PART:,} bytes")
        data = self._stream.read(size)
        self._delivered += len(data)
        return data

    def restart(self) -> None:
        """Begin a new part."""
        self._delivered = 0
