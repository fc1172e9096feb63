"""Files that attack the parser, and the memory that a large file needs."""

import io
import tracemalloc
from contextlib import suppress
from itertools import chain, repeat

import pytest

from application.ports.migration import ImportedAuthenticator, UnreadableFile
from infrastructure.migration.formats.pskc import PskcReader
from infrastructure.migration.formats.pskc.xml_stream import LONGEST_PART
from tests.infrastructure.migration.pskc.documents import PLAIN_SECRET, SECRET, container, package, read, read_one
from tests.support.fakes import FakeClock

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


class Endless(io.RawIOBase):
    """A stream that begins with some bytes, repeats others, and then ends with further ones."""

    def __init__(self, start: bytes, repeated: bytes, times: int, end: bytes = b"") -> None:
        self._chunks = chain([start], repeat(repeated, times), [end])
        self._rest = b""
        self.delivered = 0

    def read(self, size: int = -1) -> bytes:
        for chunk in self._chunks:
            self._rest += chunk
            if len(self._rest) >= size:
                break
        data, self._rest = self._rest[:size], self._rest[size:]
        self.delivered += len(data)
        return data


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE KeyContainer>",
        '<!DOCTYPE KeyContainer SYSTEM "http://127.0.0.1:9/evil.dtd">',
        '<!DOCTYPE KeyContainer PUBLIC "-//X//Y" "file:///etc/passwd">',
        '<!DOCTYPE KeyContainer [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE KeyContainer [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>',
        f'<!DOCTYPE KeyContainer [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE KeyContainer [<!ATTLIST Key Algorithm CDATA "urn:ietf:params:xml:ns:keyprov:pskc:hotp">]>',
    ],
)
def test_a_document_type_is_refused(doctype: str) -> None:
    with pytest.raises(UnreadableFile, match="DTD"):
        read(doctype + container(package()))


def test_an_undefined_entity_is_refused_and_not_repeated() -> None:
    with pytest.raises(UnreadableFile, match=r"not well-formed XML: line 1, column \d+$"):
        read(container(package(secret="<Secret><PlainValue>&GEZDGNBV;</PlainValue></Secret>")))


def test_an_inclusion_is_refused() -> None:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'

    with pytest.raises(UnreadableFile, match="includes another"):
        read(container(package(secret=f"<Secret><PlainValue>{include}</PlainValue></Secret>")))


def test_a_reference_to_a_ciphertext_elsewhere_is_not_followed() -> None:
    secret = (
        "<Secret><EncryptedValue><xenc:CipherData><xenc:CipherReference URI='file:///etc/passwd'/></xenc:CipherData>"
    )
    records = read(container(package(secret=f"{secret}</EncryptedValue></Secret>")))

    assert getattr(records[0], "reason", None) == "EncryptionMethod is missing"


@pytest.mark.parametrize(
    "open_tag", ["<!--", "<KeyPackage><Key><Data><Secret><PlainValue>", '<KeyPackage a="', "<a>", " "]
)
def test_an_element_without_end_is_refused_before_it_fills_the_memory(open_tag: str) -> None:
    start = container().removesuffix("</KeyContainer>") + ("" if open_tag in {"<a>", " "} else open_tag)
    repeated = (open_tag if open_tag == "<a>" else " " if open_tag == " " else "A") * 4096
    stream = Endless(start.encode(), repeated.encode(), times=100_000)

    with pytest.raises(UnreadableFile, match=r"longer than|levels"):
        list(PskcReader().read(stream))
    assert stream.delivered < 2 * LONGEST_PART


def test_a_key_package_may_be_large_but_not_larger_than_the_limit() -> None:
    def padded(size: int) -> str:
        return container(package(rest=f"<Extensions>{' ' * size}</Extensions>"))

    assert read_one(padded(LONGEST_PART // 2)).secret == SECRET
    with pytest.raises(UnreadableFile, match="longer than"):
        read(padded(2 * LONGEST_PART))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "us-ascii"])
def test_the_usual_encodings(encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'

    assert read_one((declaration + container(package())).encode(encoding)).secret == SECRET


@pytest.mark.parametrize(
    "encoding", ["utf-7", "idna", "rot13", "base64", "no-such-encoding", "utf-32", "shift_jis", "x"]
)
def test_an_odd_encoding_is_refused_or_harmless(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?>{container(package())}'

    with suppress(UnreadableFile):
        assert read_one(document).secret == SECRET


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"{}",
        b"otpauth://totp/a?secret=GEZDGNBV",
        b"<a/>",
        b"<KeyContainer/>",
        b'<KeyContainer Version="1.0"/>',
        b'<KeyContainer xmlns="urn:ietf:params:xml:ns:keyprov:container:1.0" Version="1.0"/>',
        b"<InvalidXML></Other>",
        container(package(), version="1.2").encode(),
        container(package(), version="2.0").encode(),
        container("<KeyPackages/>").encode(),
        container("<EncryptionMethod/>").encode(),
        container("<EncryptionKey/>").encode(),
        container(package(), tail="<EncryptionKey/>").encode(),
        container(head='<MACMethod Algorithm="x"/>').encode(),
        container(package())[:-5].encode(),
        container(package()).encode() + b"<a/>",
        bytes(range(256)),
    ],
)
def test_another_file_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(UnreadableFile) as error:
        read(data)
    assert "GEZDGNBV" not in str(error.value)


def test_a_missing_end_is_reported_after_the_records_before_it() -> None:
    # Longer than the chunks that the parser reads.
    document = container(*[package()] * 100)[:-400]
    records = PskcReader(clock=FakeClock()).read(io.BytesIO(document.encode()))

    assert isinstance(next(records), ImportedAuthenticator)
    with pytest.raises(UnreadableFile, match="not well-formed"):
        list(records)


def test_an_error_of_the_stream_is_passed_on() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        list(PskcReader().read(Broken()))


def peak(packages: int) -> int:
    """Return the largest number of bytes that reading so many key packages needs."""
    stream = Endless(
        container().removesuffix("</KeyContainer>").encode(), package().encode(), packages, b"</KeyContainer>"
    )
    tracemalloc.start()
    try:
        read_records = sum(1 for _ in PskcReader(clock=FakeClock()).read(stream))
        assert read_records == packages
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_key_packages() -> None:
    assert PLAIN_SECRET in package()
    assert peak(4_000) < peak(400) + 65_536
