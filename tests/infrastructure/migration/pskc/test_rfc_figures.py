"""The examples of RFC 6030, with their values and our own XML."""

import pytest

from application.ports.migration import ImportedAuthenticator, Refusal, UnreadableFile
from domain.parameters import HashAlgorithm, HotpParameters
from tests.infrastructure.migration.pskc.documents import (
    EIGHT_DIGITS,
    FIRST_COUNTER,
    SECRET,
    container,
    package,
    read,
    read_one,
    refusal,
)

KEY = bytes.fromhex("12345678901234567890123456789012")
AES128_CBC = '<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
PRE_SHARED_KEY = "<EncryptionKey><ds:KeyName>Pre-shared-key</ds:KeyName></EncryptionKey>"
NOVEMBER_2006 = 1_162_339_200


def cipher(value: str) -> str:
    return f"{AES128_CBC}<xenc:CipherData><xenc:CipherValue>\n {value}\n</xenc:CipherValue></xenc:CipherData>"


def mac_method(key: str, algorithm: str = "http://www.w3.org/2000/09/xmldsig#hmac-sha1") -> str:
    return f'<MACMethod Algorithm="{algorithm}"><MACKey>{cipher(key)}</MACKey></MACMethod>'


def encrypted(value: str, mac: str) -> str:
    return f"<Secret><EncryptedValue>{cipher(value)}</EncryptedValue><ValueMAC>{mac}\n</ValueMAC></Secret>"


FIGURE_6_MAC_KEY = mac_method("ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX")
FIGURE_6_SECRET = encrypted(
    "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv", "Su+NvtQfmvfJzF6bmQiJqoLRExc="
)
FIGURE_6 = container(package(secret=FIGURE_6_SECRET), head=PRE_SHARED_KEY + FIGURE_6_MAC_KEY)
FIGURE_7_HEAD = """
<EncryptionKey><xenc11:DerivedKey>
 <xenc11:KeyDerivationMethod Algorithm="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2">
  <pkcs5:PBKDF2-params><Salt><Specified>Ej7/PEpyEpw=</Specified></Salt><IterationCount>1000</IterationCount>
   <KeyLength>16</KeyLength><PRF/></pkcs5:PBKDF2-params></xenc11:KeyDerivationMethod>
 <xenc:ReferenceList><xenc:DataReference URI="#ED"/></xenc:ReferenceList>
 <xenc11:MasterKeyName>My Password 1</xenc11:MasterKeyName>
</xenc11:DerivedKey></EncryptionKey>
""" + mac_method("2GTTnLwM3I4e5IO5FkufoOEiOhNj91fhKRQBtBJYluUDsPOLTfUvoU2dStyOwYZx")
FIGURE_7_SECRET = encrypted(
    "oTvo+S22nsmS2Z/RtcoF8Hfh+jzMe0RkiafpoDpnoZTjPYZu6V+A4aEn032yCr4f", "LP6xMvjtypbfT9PdkJhBZ+D6O4w="
)


def test_figure_2_lacks_the_number_of_digits_that_section_10_1_requires() -> None:
    bare = (
        '<KeyPackage><Key Id="12345678" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp"><Issuer>Issuer-A</Issuer>'
    )
    document = container(f"{bare}<Data><Secret><PlainValue>MTIzNA==</PlainValue></Secret></Data></Key></KeyPackage>")

    assert refusal(document) == "AlgorithmParameters is missing"


def test_figure_3_is_a_plain_hotp_key_with_the_data_of_its_device_and_user() -> None:
    device = "<Manufacturer>Manufacturer</Manufacturer><SerialNo>987654321</SerialNo>"
    device += "<UserId>DC=example-bank,DC=net</UserId>"
    user = "<UserId>UID=jsmith,DC=example-bank,DC=net</UserId>"

    assert read(container(package(device=device, rest=user))) == [
        ImportedAuthenticator(
            place="key package 1",
            parameters=HotpParameters(HashAlgorithm.SHA1, 8),
            secret=SECRET,
            account="UID=jsmith,DC=example-bank,DC=net",
            serial="987654321",
            counter=0,
        )
    ]


def test_figure_4_has_no_secret_but_refers_to_a_key_elsewhere() -> None:
    reference = "<KeyProfileId>keyProfile1</KeyProfileId><KeyReference>MasterKeyLabel</KeyReference>"

    assert "not in the file" in refusal(container(package(secret="", rest=reference)))


def test_figure_5_has_a_pin_that_only_the_device_checks_and_the_key_of_that_pin() -> None:
    local = '<PINPolicy MinLength="4" MaxLength="4" PINKeyId="1" PINEncoding="DECIMAL" PINUsageMode="Local"/>'
    policy = f"<Policy>{local}<KeyUsage>OTP</KeyUsage></Policy>"

    first, second = read(container(package(rest=policy), package(algorithm="pin", data="")))

    assert isinstance(first, ImportedAuthenticator)
    assert second == Refusal("key package 2", "the key is for a PIN, not for HOTP or TOTP")


def test_figure_6_is_encrypted_with_a_pre_shared_key_and_has_a_mac_key_of_its_own() -> None:
    found = read_one(FIGURE_6, KEY)

    assert (found.secret, found.counter) == (SECRET, 0)


def test_figure_7_is_encrypted_with_a_passphrase() -> None:
    document = container(package(secret=FIGURE_7_SECRET), head=FIGURE_7_HEAD)

    assert read_one(document, passphrase=b"qwerty").secret == SECRET


def test_figure_7_itself_has_no_counter() -> None:
    document = container(package(secret=FIGURE_7_SECRET, data=""), head=FIGURE_7_HEAD)

    assert refusal(document, passphrase=b"qwerty").startswith("Counter is missing")


def test_figure_8_is_encrypted_under_a_public_key() -> None:
    head = "<EncryptionKey><ds:X509Data><ds:X509Certificate>MIIB</ds:X509Certificate></ds:X509Data></EncryptionKey>"

    with pytest.raises(UnreadableFile, match="public key"):
        read(container(package(), head=head))


def test_figure_9_has_a_signature_that_is_not_checked() -> None:
    signature = "<ds:Signature><ds:SignedInfo/><ds:SignatureValue>j6lw</ds:SignatureValue></ds:Signature>"

    assert read_one(container(package(), tail=signature)).secret == SECRET


def test_figure_10_has_several_key_packages_with_periods() -> None:
    def period(start: str, end: str) -> str:
        return f"<Policy><StartDate>{start}T00:00:00Z</StartDate><ExpiryDate>{end}T00:00:00Z</ExpiryDate></Policy>"

    packages = [
        package(device=f"<SerialNo>{serial}</SerialNo>", rest=period(*dates))
        for serial, dates in (("654321", ("2006-05-01", "2006-05-31")), ("123456", ("2006-10-01", "2006-12-01")))
    ]
    first, second = read(container(*packages), now=NOVEMBER_2006)

    assert first == Refusal("key package 1", "the key must no longer be used: ExpiryDate has passed")
    assert isinstance(second, ImportedAuthenticator)
    assert second.serial == "123456"


def test_the_figures_have_the_parts_that_the_others_vary() -> None:
    assert EIGHT_DIGITS in FIGURE_6
    assert FIRST_COUNTER in FIGURE_6
