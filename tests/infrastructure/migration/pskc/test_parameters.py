"""The parameters, the data and the policy of a key."""

import base64

import pytest

from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from tests.infrastructure.migration.pskc.documents import (
    EIGHT_DIGITS,
    PLAIN_SECRET,
    SECRET,
    container,
    package,
    read_one,
    refusal,
)
from tests.support.fakes import NOON

TOMORROW = "2040-11-23T12:00:00Z"
YESTERDAY = "2040-11-21T12:00:00Z"


def plain(name: str, value: object) -> str:
    return f"<{name}><PlainValue>{value}</PlainValue></{name}>"


def suite(name: str) -> str:
    return f"<Suite>{name}</Suite>{EIGHT_DIGITS}"


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("HMAC-SHA1", HashAlgorithm.SHA1),
        ("HMAC-SHA256", HashAlgorithm.SHA256),
        ("HMAC-SHA512", HashAlgorithm.SHA512),
        ("HMAC-SHA-256", HashAlgorithm.SHA256),
        ("hmac-sha512", HashAlgorithm.SHA512),
        ("HmacSHA256", HashAlgorithm.SHA256),
        ("SHA-1", HashAlgorithm.SHA1),
        ("sha512", HashAlgorithm.SHA512),
    ],
)
def test_the_suite_is_the_hash_algorithm(name: str, algorithm: HashAlgorithm) -> None:
    assert read_one(container(package(parameters=suite(name)))).parameters == HotpParameters(algorithm, 8)


@pytest.mark.parametrize("name", ["HMAC-SHA224", "HMAC-MD5", "OCRA-1:HOTP-SHA1-6:QN08", "SHA2", "256", "SHA256x"])
def test_an_unknown_suite_is_refused(name: str) -> None:
    assert refusal(container(package(parameters=suite(name)))) == "the suite is not supported"


@pytest.mark.parametrize("size", [16, 20, 32, 64])
def test_without_a_suite_the_algorithm_is_sha_1_whatever_the_length_of_the_secret(size: int) -> None:
    secret = plain("Secret", base64.b64encode(bytes(range(size))).decode())

    assert read_one(container(package(secret=secret))).parameters.algorithm is HashAlgorithm.SHA1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ocra", "the key is for OCRA, not for HOTP or TOTP"),
        ("http://www.yubico.com/#yubikey-aes", "the key is for Yubico OTP, not for HOTP or TOTP"),
        ("hotp2", "the key is for another algorithm, not for HOTP or TOTP"),
        ("HOTP", "the key is for another algorithm, not for HOTP or TOTP"),
    ],
)
def test_a_key_of_another_algorithm_is_refused(name: str, reason: str) -> None:
    assert refusal(container(package(algorithm=name))) == reason


@pytest.mark.parametrize("name", ["hotp", "urn:ietf:params:xml:ns:keyprov:pskc#hotp"])
def test_both_spellings_of_the_algorithm_are_accepted(name: str) -> None:
    assert read_one(container(package(algorithm=name))).secret == SECRET


def test_the_data_of_a_totp_key() -> None:
    data = plain("Time", 12) + plain("TimeInterval", 60) + plain("TimeDrift", -4)
    found = read_one(container(package(algorithm="totp", data=data)))

    assert found.parameters == TotpParameters(HashAlgorithm.SHA1, 8, 60)
    assert (found.drift, found.counter) == (-4, None)


def test_the_time_step_of_a_totp_key_without_an_interval_is_that_of_rfc_6238() -> None:
    assert read_one(container(package(algorithm="totp", data=""))).parameters == TotpParameters(
        HashAlgorithm.SHA1, 8, 30
    )


def test_names_come_from_the_key_and_the_account_from_the_serial_number_if_there_is_no_user() -> None:
    rest = '<Issuer>Issuer</Issuer><FriendlyName xml:lang="en">My token</FriendlyName>'
    rest += '<FriendlyName xml:lang="de">Mein Token</FriendlyName>'
    found = read_one(container(package(rest=rest)))

    assert (found.issuer, found.name, found.account, found.serial) == ("Issuer", "My token", "987654321", "987654321")


def test_the_id_of_the_key_replaces_a_missing_serial_number() -> None:
    assert read_one(container(package(device=""))).serial == "12345678"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "Counter is missing, and without it former codes would be accepted again"),
        (plain("Counter", "TWELVE"), "Counter is not a whole number"),
        (plain("Counter", "NzA5Nzkx"), "Counter is not a whole number"),
        (plain("Counter", -1), "Counter must be 0 to 9223372036854775807"),
        (plain("Counter", 2**63), "Counter must be 0 to 9223372036854775807"),
        (plain("Counter", "9" * 5000), "Counter is not a whole number"),
        (plain("Counter", 0) + plain("Counter", 1), "Counter occurs more than once"),
        (plain("Counter", "1<b/>2"), "PlainValue must contain only text"),
        (plain("Counter", "") + "", "Counter is not a whole number"),
        ("<Counter/>", "EncryptedValue is missing"),
        (plain("Counter", 0) + plain("Secret", "AAAA"), "Secret occurs more than once"),
        (plain("Counter", 0) + plain("Offset", 7), "Data contains an element that is not supported"),
    ],
)
def test_invalid_data_of_a_hotp_key_is_refused(data: str, reason: str) -> None:
    assert refusal(container(package(data=data))) == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (plain("TimeInterval", 172800), "TimeInterval must be 15 to 300"),
        (plain("TimeInterval", 14), "TimeInterval must be 15 to 300"),
        (plain("TimeDrift", 21), "TimeDrift must be -20 to 20"),
        (plain("Time", -1), "Time must be 0 to 9223372036854775807"),
    ],
)
def test_invalid_data_of_a_totp_key_is_refused(data: str, reason: str) -> None:
    assert refusal(container(package(algorithm="totp", data=data))) == reason


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ("", "ResponseFormat is missing"),
        ('<ResponseFormat Length="6"/>', "the codes are not decimal digits"),
        ('<ResponseFormat Length="6" Encoding="HEXADECIMAL"/>', "the codes are not decimal digits"),
        ('<ResponseFormat Length="6" Encoding="ALPHANUMERIC"/>', "the codes are not decimal digits"),
        ('<ResponseFormat Encoding="DECIMAL"/>', "Length is not a whole number"),
        ('<ResponseFormat Length="six" Encoding="DECIMAL"/>', "Length is not a whole number"),
        ('<ResponseFormat Length="9" Encoding="DECIMAL"/>', "digits must be 6 to 8"),
        ('<ResponseFormat Length="8" Encoding="DECIMAL" CheckDigits="1"/>', "the codes have a check digit"),
        ('<ResponseFormat Length="8" Encoding="DECIMAL" CheckDigit="TRUE"/>', "the codes have a check digit"),
        (
            '<ResponseFormat Length="8" Encoding="DECIMAL" CheckDigits="not really"/>',
            "CheckDigits is not true or false",
        ),
        (
            '<ResponseFormat Length="8" Encoding="DECIMAL" Offset="3"/>',
            "ResponseFormat has an attribute that is not supported",
        ),
        (
            f'<ChallengeFormat Encoding="DECIMAL" Min="1" Max="2"/>{EIGHT_DIGITS}',
            "AlgorithmParameters contains an element that is not supported",
        ),
    ],
)
def test_a_format_of_codes_that_this_service_does_not_compute_is_refused(parameters: str, reason: str) -> None:
    assert refusal(container(package(parameters=parameters))) == reason


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "Secret is missing"),
        (plain("Secret", "not base64!"), "PlainValue is not base64"),
        (plain("Secret", "MTIzN"), "PlainValue is not base64"),
        ("<Secret><PlainValue>AAAA</PlainValue><ValueMAC>AAAA</ValueMAC></Secret>", "a value must be either plain or"),
        ("<Secret><EncryptedValue/></Secret>", "EncryptionMethod is missing"),
    ],
)
def test_an_invalid_secret_is_refused(secret: str, reason: str) -> None:
    assert refusal(container(package(secret=secret))).startswith(reason)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("<Foo>bar</Foo>", "Policy contains an element that is not supported"),
        ('<KeyUsage xmlns="urn:other">OTP</KeyUsage>', "Policy contains an element that is not supported"),
        ("<KeyUsage>CR</KeyUsage>", "Policy does not permit the use for one-time passwords"),
        ("<NumberOfTransactions>4</NumberOfTransactions>", "Policy limits the number of transactions"),
        ("<NumberOfTransactions>FOUR</NumberOfTransactions>", "Policy limits the number of transactions"),
        ('<PINPolicy PINUsageMode="Append"/>', "PINPolicy requires a PIN"),
        ('<PINPolicy PINUsageMode="Algorithmic"/>', "PINPolicy requires a PIN"),
        ("<PINPolicy/>", "PINPolicy requires a PIN"),
        ('<PINPolicy PINUsageMode="Local" OnWeekDaysOnly="TRUE"/>', "PINPolicy has an attribute"),
        ('<PINPolicy PINUsageMode="Local"><Foo>Bar</Foo></PINPolicy>', "PINPolicy contains an element"),
        (f"<StartDate>{TOMORROW}</StartDate>", "the key must not be used yet"),
        (f"<ExpiryDate>{YESTERDAY}</ExpiryDate>", "the key must no longer be used"),
        ("<ExpiryDate>some day</ExpiryDate>", "ExpiryDate is not a time"),
        ("<ExpiryDate>0001-01-01T00:00:00+14:00</ExpiryDate>", "the key must no longer be used"),
    ],
)
def test_a_policy_that_does_not_permit_the_use_or_is_not_understood_refuses_the_key(policy: str, reason: str) -> None:
    assert refusal(container(package(rest=f"<Policy>{policy}</Policy>"))).startswith(reason)


def test_a_key_within_its_period_is_accepted_even_at_its_ends() -> None:
    dates = "<StartDate>2040-11-22T12:00:00Z</StartDate><ExpiryDate>2040-11-22T13:00:00+01:00</ExpiryDate>"

    assert read_one(container(package(rest=f"<Policy>{dates}<KeyUsage>OTP</KeyUsage></Policy>"))).secret == SECRET
    assert refusal(container(package(rest=f"<Policy>{dates}</Policy>")), now=NOON + 1)
    assert refusal(container(package(rest=f"<Policy>{dates}</Policy>")), now=NOON - 1)


def test_a_device_outside_of_its_period_is_refused() -> None:
    device = f"<SerialNo>1</SerialNo><ExpiryDate>{YESTERDAY}</ExpiryDate>"

    assert refusal(container(package(device=device))) == "the device must no longer be used: ExpiryDate has passed"


@pytest.mark.parametrize("where", ["<Policy/>", "<Usage/>", '<Foo xmlns="urn:other"/>'])
def test_an_unknown_element_beside_the_key_is_refused(where: str) -> None:
    assert refusal(container(package().replace("</KeyPackage>", f"{where}</KeyPackage>"))).startswith("KeyPackage")


def test_two_keys_in_one_package_are_refused() -> None:
    one = package()
    key = one[one.index("<Key ") : one.index("</KeyPackage>")]

    assert refusal(container(one.replace("</KeyPackage>", f"{key}</KeyPackage>"))) == "Key occurs more than once"


def test_a_plain_secret_is_not_shown_by_the_record_or_a_refusal() -> None:
    secret = PLAIN_SECRET.replace("<Secret>", "").replace("</Secret>", "")

    assert "1234" not in repr(read_one(container(package())))
    assert "MTIz" not in refusal(container(package(rest=secret)))
