"""The files of real systems that the source distribution of python-pskc contains in `tests`.

Its wheel lacks them, and they are not copied. `make test` downloads them and sets `PYTHON_PSKC_TESTS` to their
directory. Without it, the tests are skipped.
"""

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pskc import PSKC

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal, UnreadableFile
from tests.infrastructure.migration.pskc.documents import read

DIRECTORY: Final = "PYTHON_PSKC_TESTS"
MARCH_2016: Final = 1_458_691_200
"""Unix time, seconds. The tests of python-pskc use this day."""
AES128: Final = "12345678901234567890123456789012"
COUNTING: Final = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
UNREADABLE: Final = "the whole file is refused"


def opened(name: str, key: str | None = None, passphrase: str | None = None) -> tuple[list[ImportedRecord], list[Any]]:
    """Return our records of a file, and the keys that python-pskc reads."""
    path = Path(os.environ[DIRECTORY]) / name
    raw = None if key is None else bytes.fromhex(key)
    theirs = PSKC(str(path))
    if raw is not None:
        theirs.encryption.key = raw
    if passphrase is not None:
        theirs.encryption.derive_key(passphrase)
    ours = read(path.read_bytes(), raw, None if passphrase is None else passphrase.encode(), MARCH_2016)
    return ours, theirs.keys


pytestmark = pytest.mark.skipif(
    not os.path.isdir(os.environ.get(DIRECTORY, "")),  # noqa: PTH112 - the empty path is the current directory for Path
    reason=f"{DIRECTORY} does not name the files",
)


@pytest.mark.parametrize(
    ("name", "key", "passphrase", "accepted"),
    [
        ("rfc6030/figure2.pskcxml", None, None, 0),
        ("rfc6030/figure3.pskcxml", None, None, 1),
        ("rfc6030/figure4.pskcxml", None, None, 0),
        ("rfc6030/figure5.pskcxml", None, None, 1),
        ("rfc6030/figure6.pskcxml", AES128, None, 1),
        ("rfc6030/figure7.pskcxml", None, "qwerty", 0),
        ("rfc6030/figure9.pskcxml", None, None, 1),
        ("rfc6030/figure10.pskcxml", None, None, 0),
        ("feitian/20120919-test001-4282.xml", None, None, 2),
        ("feitian/file1.pskcxml", None, None, 6),
        ("nagraid/file1.pskcxml", "4A057F6AB6FCB57AB5408E46A9835E68", None, 0),
        ("yubico/example1.pskcxml", None, None, 0),
        ("yubico/example2.pskcxml", None, None, 0),
        ("yubico/example3.pskcxml", None, None, 0),
        ("multiotp/pskc-hotp-aes.txt", AES128, None, 2),
        ("multiotp/pskc-hotp-pbe.txt", None, "qwerty", 1),
        ("multiotp/pskc-totp-aes.txt", AES128, None, 4),
        ("multiotp/pskc-totp-pbe.txt", None, "qwerty", 1),
        ("multiotp/tokens_hotp_aes.pskc", AES128, None, 2),
        ("multiotp/tokens_hotp_pbe.pskc", None, "qwerty", 1),
        ("multiotp/tokens_ocra_aes.pskc", AES128, None, 0),
        ("multiotp/tokens_ocra_pbe.pskc", None, "qwerty", 0),
        ("multiotp/tokens_totp_aes.pskc", AES128, None, 2),
        ("multiotp/tokens_totp_pbe.pskc", None, "qwerty", 1),
        ("misc/SampleFullyQualifiedNS.xml", None, "3FCA3158035072D6", 0),
        ("misc/policy.pskcxml", None, None, 0),
        ("misc/checkdigits.pskcxml", None, None, 0),
        ("misc/partialxml.pskcxml", None, None, 0),
        ("misc/odd-namespace.pskcxml", None, None, 0),
    ],
)
def test_what_is_accepted_is_what_python_pskc_reads(
    name: str, key: str | None, passphrase: str | None, accepted: int
) -> None:
    ours, theirs = opened(name, key, passphrase)

    pairs = zip(ours, theirs, strict=True) if name != "misc/partialxml.pskcxml" else []
    for our, their in pairs:
        if isinstance(our, ImportedAuthenticator):
            assert our.secret == their.secret
            assert our.counter == (their.counter if our.counter is not None else None)
            assert our.drift == (their.time_drift or 0)
            assert our.serial == (their.serial or their.id)
            assert our.account == (their.userid or our.serial)
            assert our.parameters.digits == their.response_length
            assert f"HMAC-{our.parameters.algorithm.value}" == (their.algorithm_suite or "HMAC-SHA1")
            assert getattr(our.parameters, "interval", None) == (their.time_interval if our.counter is None else None)
            assert their.policy.may_use("OTP", datetime.fromtimestamp(MARCH_2016, UTC))
    assert sum(isinstance(our, ImportedAuthenticator) for our in ours) == accepted


@pytest.mark.parametrize(
    ("name", "key", "secret"),
    [
        ("aes128-cbc", AES128, b"12345678901234567890"),
        ("aes192-cbc", f"{AES128}3456789012345678", b"12345678901234567890"),
        ("aes256-cbc", f"{AES128[:30] * 2}1234", b"12345678901234567890"),
        ("kw-aes128", COUNTING[:32], bytes.fromhex("00112233445566778899aabbccddeeff")),
        ("kw-aes192", COUNTING[:48], bytes.fromhex("00112233445566778899aabbccddeeff")),
        ("kw-aes256", COUNTING, bytes.fromhex("00112233445566778899aabbccddeeff0001020304050607")),
        ("aes128-cbc-noiv", AES128, UNREADABLE),
        ("mac-over-plaintext", AES128, UNREADABLE),
        ("no-mac-key", AES128, UNREADABLE),
        ("tripledes-cbc", AES128, UNREADABLE),
        ("camellia128-cbc", "200497e673a6fae2256e9749468a67ac", UNREADABLE),
        ("kw-tripledes", "255e0d1c07b646dfb3134cc843ba8aa71f025b7c0838251f", None),
        ("kw-camellia128", "e35b135a09bfff8b314a5a0c32193c37", None),
    ],
)
def test_encryption(name: str, key: str, secret: bytes | str | None) -> None:
    text = (Path(os.environ[DIRECTORY]) / f"encryption/{name}.pskcxml").read_text()
    # The keys of these files have no algorithm, format and counter.
    text = text.replace(
        "<Key>",
        '<Key Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp"><AlgorithmParameters>'
        '<ResponseFormat Length="6" Encoding="DECIMAL"/></AlgorithmParameters>',
    )
    text = re.sub(r"</Data>", "<Counter><PlainValue>0</PlainValue></Counter></Data>", text)
    try:
        (record,) = read(text, bytes.fromhex(key))
    except UnreadableFile:
        record = None
    found: bytes | str | None = UNREADABLE if record is None else getattr(record, "secret", None)

    assert found == secret


@pytest.mark.parametrize("directory", ["invalid", "actividentity", "draft-*"])
def test_invalid_files_and_drafts_are_refused(directory: str) -> None:
    paths = sorted(Path(os.environ[DIRECTORY]).glob(f"{directory}/*.pskcxml"))
    assert paths
    for path in paths:
        for key in (None, bytes.fromhex(AES128)):
            try:
                assert all(isinstance(record, Refusal) for record in read(path.read_bytes(), key, now=MARCH_2016)), path
            except UnreadableFile as error:
                assert str(error)  # noqa: PT017 - both refusals are right
