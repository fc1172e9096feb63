"""Mutations of good files: every one is read, refused in part or refused as a whole, without a secret in a message."""

import io
import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from pskc import PSKC

from application.ports.migration import ImportedAuthenticator, Refusal, UnreadableFile
from infrastructure.migration.formats.pskc import PskcReader
from tests.infrastructure.migration.pskc.documents import PLAIN_SECRET, SECRET, container, package
from tests.infrastructure.migration.pskc.oracle import hotp_file
from tests.infrastructure.migration.pskc.test_rfc_figures import FIGURE_6, FIGURE_7_HEAD, FIGURE_7_SECRET, KEY
from tests.support.fakes import FakeClock

POLICY = '<Policy><KeyUsage>OTP</KeyUsage><PINPolicy PINUsageMode="Local"/></Policy>'
PLAIN = container(
    package(parameters='<Suite>HMAC-SHA1</Suite><ResponseFormat Length="6" Encoding="DECIMAL"/>', rest=POLICY),
    package(algorithm="totp", data="<TimeInterval><PlainValue>60</PlainValue></TimeInterval>"),
)


def wrap(pskc: PSKC) -> None:
    pskc.encryption.setup_preshared_key(key=KEY, algorithm="kw-aes128", fields=["secret"])


GOOD = [
    (PLAIN.encode(), None, None),
    (FIGURE_6.encode(), KEY, None),
    (container(package(secret=FIGURE_7_SECRET), head=FIGURE_7_HEAD).encode(), None, b"qwerty"),
    (hotp_file(SECRET + b"1234", wrap), KEY, None),
]
SHOWN = (SECRET.decode(), PLAIN_SECRET.split(">")[2].split("<")[0], SECRET.hex(), KEY.hex(), "qwerty", "AAECAwQF")
"""Texts that no message may contain: the secret, the keys, and the start of a ciphertext."""
PIECES = re.compile(rb"<[^>]*>|[^<>]+")
TOKENS = (
    b"<",
    b">",
    b"&",
    b"<!--",
    b"]]>",
    b"<![CDATA[",
    b"\0",
    b"\xff",
    b"<Key>",
    b"</Key>",
    b'Algorithm="',
    b"9" * 400,
)


def outcome(data: bytes, key: bytes | None, passphrase: bytes | None) -> list[str]:
    """Read a file, and return the messages about it."""
    try:
        records = list(PskcReader(key, passphrase, FakeClock()).read(io.BytesIO(data)))
    except UnreadableFile as error:
        return [str(error)]
    for record in records:
        assert isinstance(record, ImportedAuthenticator | Refusal)
        if isinstance(record, ImportedAuthenticator) and (key or passphrase):
            # A value opens only if it is genuine. python-pskc wraps the key itself as the MAC key, which a mutation can
            # move into the place of the secret.
            assert record.secret in {SECRET, SECRET + b"1234", KEY}
    return [text for record in records if isinstance(record, Refusal) for text in (record.place, record.reason)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the data with a few changes to its bytes or to its tags and texts."""
    for _ in range(chance.randint(1, 4)):
        position = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data = data[:position] + bytes([chance.randrange(256)]) + data[position + 1 :]
            case 1:
                data = data[:position] + data[position + chance.randint(1, 40) :]
            case 2:
                data = data[:position] + chance.choice(TOKENS) + data[position:]
            case _:
                data = shuffled(data, chance)
    return data


def shuffled(data: bytes, chance: random.Random) -> bytes:
    """Return the data with one of its tags or texts repeated, removed, moved, or in the place of another one."""
    pieces = PIECES.findall(data) or [data]
    one, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    match chance.randrange(5):
        case 0:
            pieces.insert(other, pieces[one])
        case 1:
            del pieces[one]
        case 2:
            pieces[one], pieces[other] = pieces[other], pieces[one]
        case 3:
            pieces[one] = pieces[other]
        case _:
            texts = [index for index, piece in enumerate(pieces) if not piece.startswith(b"<") and piece.strip()]
            if texts:
                pieces[chance.choice(texts)] = pieces[chance.choice(texts)]
    return b"".join(pieces)


@settings(max_examples=500)
@given(st.sampled_from(GOOD), st.randoms(use_true_random=False))
def test_no_mutation_of_a_good_file_breaks_the_reader(
    good: tuple[bytes, bytes | None, bytes | None], chance: random.Random
) -> None:
    data, key, passphrase = good

    for message in outcome(mutated(data, chance), key, passphrase):
        assert not any(secret in message for secret in SHOWN), message


@settings(max_examples=300)
@given(st.binary(max_size=400) | st.text("<>/&;!-[]\"'= abKeyContainer", max_size=400).map(str.encode))
def test_no_input_breaks_the_reader(data: bytes) -> None:
    outcome(data, None, None)


@settings(max_examples=200)
@given(st.sampled_from(["Secret", "Counter", "Suite", "UserId", "Issuer", "Length", "SerialNo", "Policy"]), st.text())
def test_no_text_of_an_element_breaks_the_reader(name: str, text: str) -> None:
    document = re.sub(f"<{name}>.*?</{name}>", lambda _: f"<{name}>{text}</{name}>", PLAIN)

    outcome(document.encode("utf-8", "surrogatepass"), None, None)


def test_the_unchanged_files_are_read_completely() -> None:
    assert [outcome(*good) for good in GOOD] == [[]] * len(GOOD)
