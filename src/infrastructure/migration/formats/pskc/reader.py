"""The reader of PSKC containers."""

from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element

from application.ports.clock import Clock
from application.ports.migration import ImportedRecord, Refusal, UnreadableFile
from infrastructure.migration.formats.pskc.elements import Unusable
from infrastructure.migration.formats.pskc.encryption_key import encryption_key
from infrastructure.migration.formats.pskc.key_package import authenticator
from infrastructure.migration.formats.pskc.names import DS, PSKC
from infrastructure.migration.formats.pskc.protection import Protection
from infrastructure.migration.formats.pskc.xml_stream import parts
from infrastructure.system import SystemClock


class PskcReader:
    """Implements `AuthenticatorReader` for version 1.0 of PSKC. Memory is bounded, however long the file is.

    Digital signatures are not checked, because there is no certificate to check them against.

    Args:
        key: the pre-shared key.
        passphrase: the passphrase.
        clock: the time, which must be within the period of each key.

    Raises:
        UnreadableFile: there are both a key and a passphrase.
    """

    def __init__(self, key: bytes | None = None, passphrase: bytes | None = None, clock: Clock | None = None) -> None:
        if key is not None and passphrase is not None:
            raise UnreadableFile("the file is encrypted with either a key or a passphrase, never with both")
        self._key = key
        self._passphrase = passphrase
        self._clock = clock or SystemClock()

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield a record for each key package. Raise `UnreadableFile`."""
        elements = parts(stream)
        _require_container(next(elements))
        container = _Container(self._key, self._passphrase)
        number = 0
        for element in elements:
            if element.tag == f"{{{PSKC}}}KeyPackage":
                if not number:
                    container.require_use_of_secrets()
                number += 1
                yield self._record(element, f"key package {number}", container.protection)
            else:
                container.take(element, is_head=not number)

    def _record(self, package: Element, place: str, protection: Protection) -> ImportedRecord:
        try:
            return authenticator(package, place, protection, self._clock.now())
        except Unusable as reason:
            return Refusal(place, str(reason))


def _require_container(root: Element) -> None:
    if root.tag != f"{{{PSKC}}}KeyContainer":
        raise UnreadableFile("the file is not a PSKC container of RFC 6030")
    if root.get("Version") != "1.0":
        raise UnreadableFile("the version of the PSKC container is not 1.0")


class _Container:
    """The elements of a container that apply to all key packages. They precede the first one."""

    def __init__(self, key: bytes | None, passphrase: bytes | None) -> None:
        self._key = key
        self._passphrase = passphrase
        self._seen: set[str] = set()
        self.protection = Protection(None)

    def take(self, element: Element, *, is_head: bool) -> None:
        """Read an element that is not a key package. Raise `UnreadableFile` for an unknown or misplaced one."""
        if element.tag in {f"{{{DS}}}Signature", f"{{{PSKC}}}Signature", f"{{{PSKC}}}Extensions"}:
            return
        if not is_head or element.tag in self._seen:
            raise UnreadableFile("the container has an element in a place where RFC 6030 does not allow it")
        self._seen.add(element.tag)
        if element.tag == f"{{{PSKC}}}EncryptionKey":
            self.protection = Protection(encryption_key(element, self._key, self._passphrase))
        elif element.tag == f"{{{PSKC}}}MACMethod":
            self.protection.set_mac(element)
        else:
            raise UnreadableFile("the container has an element that is not supported")

    def require_use_of_secrets(self) -> None:
        """Raise `UnreadableFile` if the file does not need the given secrets: somebody may have replaced it."""
        given = self._key is not None or self._passphrase is not None
        if given and not self.protection.is_encrypted:
            raise UnreadableFile("a key or a passphrase was given, but the file is not encrypted")
