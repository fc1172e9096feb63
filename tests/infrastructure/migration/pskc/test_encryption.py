"""Encrypted values: every supported algorithm as python-pskc writes it, and everything else is refused."""

import base64
import hmac
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from pskc import PSKC

from application.ports.migration import ImportedAuthenticator, Refusal, UnreadableFile
from infrastructure.migration.formats.pskc import PskcReader
from infrastructure.migration.formats.pskc.encryption_key import MOST_ITERATIONS
from tests.infrastructure.migration.pskc.documents import SECRET, container, package, read, read_one, refusal
from tests.infrastructure.migration.pskc.oracle import hotp_file
from tests.infrastructure.migration.pskc.test_rfc_figures import (
    FIGURE_6,
    FIGURE_6_MAC_KEY,
    FIGURE_6_SECRET,
    FIGURE_7_HEAD,
    FIGURE_7_SECRET,
    KEY,
    PRE_SHARED_KEY,
)

WRONG = "the key or the passphrase is wrong, or the file was changed"
MAC_KEY = bytes.fromhex("1122334455667788990011223344556677889900")
"""The MAC key of figure 6."""
CBC = {"aes128-cbc": 16, "aes192-cbc": 24, "aes256-cbc": 32}
WRAP = {"kw-aes128": 16, "kw-aes192": 24, "kw-aes256": 32}
EVERY = "secret", "counter", "time_interval", "time_drift"


def pre_shared(
    algorithm: str, key: bytes, mac: str | None = None, fields: tuple[str, ...] = ("secret",)
) -> Callable[[PSKC], None]:
    def protect(pskc: PSKC) -> None:
        if mac is not None:
            pskc.mac.setup(algorithm=mac)
        pskc.encryption.setup_preshared_key(key=key, algorithm=algorithm, fields=list(fields))

    return protect


def changed(document: str, element: str, number: int = 0) -> str:
    """Return the document with one bit of a base64 value flipped."""
    found = list(re.finditer(rf"<{element}>\s*([A-Za-z0-9+/=]+)\s*</{element}>", document))[number]
    data = bytearray(base64.b64decode(found[1]))
    data[-1] ^= 1
    return document[: found.start(1)] + base64.b64encode(data).decode() + document[found.end(1) :]


@pytest.mark.parametrize("mac", ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
@pytest.mark.parametrize(("algorithm", "size"), CBC.items())
def test_cbc_with_every_mac(algorithm: str, size: int, mac: str) -> None:
    key = bytes(range(size))
    document = hotp_file(SECRET, pre_shared(algorithm, key, mac))

    assert read_one(document, key).secret == SECRET


@pytest.mark.parametrize(("algorithm", "size"), WRAP.items())
def test_key_wrap_needs_no_mac(algorithm: str, size: int) -> None:
    key = bytes(range(size))
    document = hotp_file(SECRET + b"1234", pre_shared(algorithm, key))

    assert b"ValueMAC" not in document
    assert read_one(document, key).secret == SECRET + b"1234"
    with pytest.raises(UnreadableFile, match=WRONG):
        read(document, bytes(size))


@pytest.mark.parametrize("prf", [None, "hmac-sha1", "hmac-sha256", "hmac-sha512"])
@pytest.mark.parametrize("algorithm", [*CBC, *WRAP])
def test_passphrase(algorithm: str, prf: str | None) -> None:
    def protect(pskc: PSKC) -> None:
        pskc.encryption.setup_pbkdf2("correct horse", algorithm=algorithm, prf=prf, iterations=10)

    document = hotp_file(SECRET + b"1234", protect)

    assert read_one(document, passphrase=b"correct horse").secret == SECRET + b"1234"
    with pytest.raises(UnreadableFile, match=WRONG):
        read(document, passphrase=b"battery staple")


@pytest.mark.parametrize("counter", [0, 7, 58, 300, 65_535, 2**32, 2**62])
def test_encrypted_numbers(counter: int) -> None:
    document = hotp_file(SECRET, pre_shared("aes256-cbc", bytes(32), fields=EVERY), counter=counter)

    assert read_one(document, bytes(32)).counter == counter


@pytest.mark.parametrize("counter", [ord("1"), int.from_bytes(b"42", "big")])
def test_a_counter_that_could_be_binary_or_digits_is_refused_rather_than_read_too_low(counter: int) -> None:
    document = hotp_file(SECRET, pre_shared("aes256-cbc", bytes(32), fields=EVERY), counter=counter)

    assert refusal(document, bytes(32)) == "Counter is ambiguous: decimal digits or a binary number"


def test_encrypted_numbers_of_a_totp_key() -> None:
    protect = pre_shared("aes256-cbc", bytes(32), fields=EVERY)
    totp = "urn:ietf:params:xml:ns:keyprov:pskc:totp"
    document = hotp_file(SECRET, protect, algorithm=totp, counter=None, time_interval=60, time_drift=3)
    found = read_one(document, bytes(32))

    assert (getattr(found.parameters, "interval", None), found.drift) == (60, 3)


def test_a_wrong_key_is_reported_before_any_record() -> None:
    for wrong in (bytes(16), KEY[:-1] + b"\0"):
        with pytest.raises(UnreadableFile, match=WRONG):
            read(FIGURE_6, wrong)


def test_a_key_of_a_wrong_length_is_reported_without_the_key() -> None:
    with pytest.raises(UnreadableFile, match="the file needs a key of 128 bits, and the key has 256") as error:
        read(FIGURE_6, KEY * 2)
    assert KEY.hex() not in str(error.value)


def test_an_encrypted_file_without_a_key_says_which_option_it_needs() -> None:
    with pytest.raises(UnreadableFile, match="--key"):
        read(FIGURE_6)
    with pytest.raises(UnreadableFile, match="--key"):
        read(FIGURE_6, passphrase=b"qwerty")
    with pytest.raises(UnreadableFile, match="--passphrase"):
        read(container(package(secret=FIGURE_7_SECRET), head=FIGURE_7_HEAD))
    with pytest.raises(UnreadableFile, match="either a key or a passphrase"):
        PskcReader(KEY, b"qwerty")


def test_a_key_for_a_file_without_encryption_is_refused_because_the_file_may_have_been_replaced() -> None:
    with pytest.raises(UnreadableFile, match="not encrypted"):
        read(container(package()), KEY)


def test_a_plain_secret_in_an_encrypted_file_is_refused() -> None:
    head = PRE_SHARED_KEY + FIGURE_6_MAC_KEY
    first, second = read(container(package(), package(secret=FIGURE_6_SECRET), head=head), KEY)

    assert first == Refusal("key package 1", "the secret is not encrypted, although the file has an encryption key")
    assert isinstance(second, ImportedAuthenticator)


@pytest.mark.parametrize("element", ["ValueMAC", "xenc:CipherValue"])
def test_every_changed_value_is_noticed(element: str) -> None:
    with pytest.raises(UnreadableFile, match=WRONG):
        read(changed(FIGURE_6, element, -1), KEY)


def test_a_changed_mac_key_is_noticed() -> None:
    with pytest.raises(UnreadableFile, match=WRONG):
        read(changed(FIGURE_6, "xenc:CipherValue", 0), KEY)


def test_after_a_genuine_value_only_the_changed_record_is_refused() -> None:
    good = package(secret=FIGURE_6_SECRET)
    document = container(good, good, good, head=PRE_SHARED_KEY + FIGURE_6_MAC_KEY)
    records = read(changed(document, "ValueMAC", 1), KEY)

    assert [type(record) for record in records] == [ImportedAuthenticator, Refusal, ImportedAuthenticator]
    assert records[1] == Refusal("key package 2", WRONG)


def test_the_initialization_vector_is_authenticated_too() -> None:
    start = FIGURE_6.rindex("AAECAwQF")
    with pytest.raises(UnreadableFile, match=WRONG):
        read(f"{FIGURE_6[:start]}BAECAwQF{FIGURE_6[start + 8 :]}", KEY)


def test_cbc_without_a_mac_is_refused() -> None:
    secret = re.sub("<ValueMAC>.*</ValueMAC>", "", FIGURE_6_SECRET, flags=re.DOTALL)
    document = container(package(secret=secret), head=PRE_SHARED_KEY + FIGURE_6_MAC_KEY)

    assert refusal(document, KEY) == "an encrypted value has no ValueMAC"


def test_a_mac_without_a_mac_method_is_refused() -> None:
    document = container(package(secret=FIGURE_6_SECRET), head=PRE_SHARED_KEY)

    assert refusal(document, KEY) == "a value has a ValueMAC, but the file does not say how it is computed"


def test_a_mac_over_the_plaintext_is_refused() -> None:
    # Drafts of RFC 6030 computed it.
    mac = base64.b64encode(hmac.digest(MAC_KEY, SECRET, "sha1")).decode()
    document = FIGURE_6.replace("Su+NvtQfmvfJzF6bmQiJqoLRExc=", mac)

    assert mac in document
    with pytest.raises(UnreadableFile, match=WRONG):
        read(document, KEY)


def test_the_encryption_key_does_not_replace_a_missing_mac_key() -> None:
    head = f'{PRE_SHARED_KEY}<MACMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"/>'

    with pytest.raises(UnreadableFile, match="MACKey is missing"):
        read(container(package(secret=FIGURE_6_SECRET), head=head), KEY)


@pytest.mark.parametrize("name", ["hmac-md5", "hmac-zha9", ""])
def test_an_unknown_mac_algorithm_refuses_the_file(name: str) -> None:
    with pytest.raises(UnreadableFile, match="MACMethod is not supported"):
        read(FIGURE_6.replace("hmac-sha1", name), KEY)


@pytest.mark.parametrize(
    "name", ["xmlenc#tripledes-cbc", "xmldsig-more#camellia128-cbc", "xmlenc#rsa_1_5", "xmlenc11#aes128-gcm", "x", ""]
)
def test_an_unknown_encryption_algorithm_refuses_the_record(name: str) -> None:
    secret = FIGURE_6_SECRET.replace("http://www.w3.org/2001/04/xmlenc#aes128-cbc", f"http://www.w3.org/2001/04/{name}")
    document = container(package(secret=secret), head=PRE_SHARED_KEY + FIGURE_6_MAC_KEY)

    assert refusal(document, KEY) == "the encryption algorithm is not supported"


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # python-pskc's own imports
@pytest.mark.parametrize("algorithm", ["tripledes-cbc", "camellia128-cbc"])
def test_a_mac_key_under_another_algorithm_refuses_the_file(algorithm: str) -> None:
    document = hotp_file(SECRET, pre_shared(algorithm, bytes(range(16))))

    with pytest.raises(UnreadableFile, match="the encryption algorithm is not supported"):
        read(document, bytes(range(16)))


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("algorithm", ["kw-tripledes", "kw-camellia128"])
def test_a_secret_under_another_algorithm_refuses_the_record(algorithm: str) -> None:
    document = hotp_file(SECRET + b"1234", pre_shared(algorithm, bytes(range(16))))

    assert refusal(document, bytes(range(16))) == "the encryption algorithm is not supported"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("pkcs-5v2-0#pbkdf2", "pkcs-5v2-0#pbkdf1", "the key derivation is not supported"),
        ("<IterationCount>1000<", f"<IterationCount>{MOST_ITERATIONS + 1}<", "must be 1 to 10,000,000"),
        ("<IterationCount>1000<", "<IterationCount>0<", "must be 1 to 10,000,000"),
        ("<IterationCount>1000<", "<IterationCount>-1000<", "must be 1 to 10,000,000"),
        ("<IterationCount>1000<", f"<IterationCount>{'9' * 30}<", "IterationCount is not a whole number"),
        ("<IterationCount>1000</IterationCount>", "", "IterationCount is missing"),
        ("<KeyLength>16<", "<KeyLength>17<", "out of range"),
        ("<KeyLength>16<", "<KeyLength>1000000<", "out of range"),
        ("Ej7/PEpyEpw=", "", "out of range"),
        ("Ej7/PEpyEpw=", "A" * 4096, "out of range"),
        ("<PRF/>", '<PRF Algorithm="hmac-md5"/>', "the pseudorandom function is not supported"),
    ],
)
def test_an_unusable_key_derivation_refuses_the_file(old: str, new: str, reason: str) -> None:
    document = container(package(secret=FIGURE_7_SECRET), head=FIGURE_7_HEAD)
    assert old in document

    with pytest.raises(UnreadableFile, match=reason):
        read(document.replace(old, new), passphrase=b"qwerty")


@pytest.mark.parametrize("name", ["rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5", "w3.org/2009/xmlenc11"])
def test_the_other_names_of_pbkdf2(name: str) -> None:
    head = FIGURE_7_HEAD.replace("rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2", f"{name}#pbkdf2")

    assert read_one(container(package(secret=FIGURE_7_SECRET), head=head), passphrase=b"qwerty").secret == SECRET


def test_padding_of_xml_encryption_need_not_repeat_its_length() -> None:
    encryptor = Cipher(AES(KEY), modes.CBC(bytes(16))).encryptor()
    value = bytes(16) + encryptor.update(SECRET + b"any bytes.." + bytes([12])) + encryptor.finalize()
    mac = base64.b64encode(hmac.digest(MAC_KEY, value, "sha1")).decode()
    document = FIGURE_6.replace("Su+NvtQfmvfJzF6bmQiJqoLRExc=", mac).replace(
        "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv", base64.b64encode(value).decode()
    )

    assert read_one(document, KEY).secret == SECRET


def test_no_key_or_passphrase_is_in_a_repr() -> None:
    assert "qwerty" not in repr(PskcReader(passphrase=b"qwerty"))
