"""`open-mfa code` prints the same codes as the RFCs, oathtool and NaviServer."""

import base64
import hashlib
import hmac
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.reference import hotp_value
from tests.domain.test_rfc_vectors import RFC_4226, RFC_4226_SEED, RFC_6238, SEEDS
from tests.presentation.api import PASTED
from tests.support.command_line import called, printed

KEYS = st.binary(min_size=1, max_size=200)
DIGESTS = st.sampled_from(["sha1", "sha256", "sha512"])
TEXT = RFC_4226_SEED.decode()


def base32(key: bytes) -> str:
    return base64.b32encode(key).decode()


def oathtool_says(key: bytes, *options: str) -> str:
    return subprocess.run(
        ["oathtool", *options, "-"], input=key.hex(), capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(("counter", "value"), list(enumerate(RFC_4226)))
def test_hotp_prints_the_values_of_rfc_4226(counter: int, value: str) -> None:
    assert printed("code", "hotp", "--key", TEXT, "--counter", str(counter)) == value


@pytest.mark.parametrize(("time", "algorithm", "value"), RFC_6238)
def test_totp_prints_the_values_of_rfc_6238(time: int, algorithm: str, value: str) -> None:
    secret, digest = base32(SEEDS[algorithm]), algorithm.lower()

    assert (
        printed("code", "totp", "--secret", secret, "--digest", digest, "--digits", "8", "--time", str(time)) == value
    )


@pytest.mark.usefixtures("oathtool")
@given(KEYS, DIGESTS, st.integers(6, 8), st.integers(1, 3600), st.integers(0, 2**40))
def test_totp_prints_the_same_codes_as_oathtool(key: bytes, digest: str, digits: int, interval: int, time: int) -> None:
    ours = printed(
        *("code", "totp", "--secret", base32(key), "--digest", digest, "--digits", str(digits)),
        *("--interval", str(interval), "--time", str(time)),
    )

    assert ours == oathtool_says(key, f"--totp={digest}", f"-d{digits}", f"-s{interval}s", f"-N@{time}")


@pytest.mark.usefixtures("oathtool")
@given(KEYS, st.integers(6, 8), st.integers(0, 2**63 - 1))
def test_hotp_prints_the_same_codes_as_oathtool(key: bytes, digits: int, counter: int) -> None:
    ours = printed("code", "hotp", "--secret", base32(key), "--digits", str(digits), "--counter", str(counter))

    assert ours == oathtool_says(key, "--hotp", f"-d{digits}", f"-c{counter}")


@given(KEYS, DIGESTS, st.integers(6, 10), st.integers(0, 2**64 - 1))
def test_a_key_and_a_code_of_any_length_follow_the_rfc(key: bytes, digest: str, digits: int, counter: int) -> None:
    ours = printed(
        *("code", "hotp", "--secret", base32(key), "--digest", digest),
        *("--digits", str(digits), "--counter", str(counter)),
    )

    assert ours == hotp_value(key, counter, digits, digest)


SPELLINGS = {
    "md5": ["md5", "MD5", "md-5"],
    "sha1": ["sha1", "SHA-1", "hmac-sha1"],
    "sha224": ["sha224", "SHA-224", "sha2-224"],
    "sha256": ["sha256", "SHA-256", "SHA2-256", "HmacSHA256"],
    "sha384": ["sha384", "SHA-384", "sha_384"],
    "sha512": ["sha512", "SHA-512", "SHA2-512"],
    "sha512-224": ["sha512-224", "sha512_224", "SHA-512/224", "sha512/224"],
    "sha512-256": ["sha512-256", "sha512_256", "SHA-512/256", "SHA2-512/256", "sha512256"],
    "sha3-224": ["sha3-224", "sha3_224"],
    "sha3-256": ["sha3-256", "SHA3_256", "sha3256"],
    "sha3-384": ["sha3-384", "SHA3-384"],
    "sha3-512": ["sha3-512", "sha3_512"],
    "blake2b512": ["blake2b512", "BLAKE2b512", "blake2b", "blake2b-512"],
    "blake2s256": ["blake2s256", "BLAKE2S-256", "blake2s"],
    "ripemd160": ["ripemd160", "RIPEMD-160", "rmd160"],
    "sm3": ["sm3", "SM3"],
    "md5-sha1": ["md5-sha1", "MD5-SHA1"],
}
"""The digests by the names that `openssl dgst` accepts."""


@pytest.mark.parametrize(("digest", "spellings"), SPELLINGS.items(), ids=str)
def test_every_spelling_of_a_digest_gives_the_code_that_openssl_computes(digest: str, spellings: list[str]) -> None:
    counter = 77
    command = ["openssl", "dgst", f"-{digest}", "-mac", "HMAC", "-macopt", f"hexkey:{RFC_4226_SEED.hex()}", "-binary"]
    mac = subprocess.run(command, input=counter.to_bytes(8, "big"), capture_output=True, check=True).stdout
    offset = mac[-1] & 15
    value = int.from_bytes(mac[offset:][:4], "big") % 2**31
    printed_values = {
        printed("code", "hotp", "--key", TEXT, "--counter", str(counter), "--digest", each, "--digits", "10")
        for each in spellings
    }

    assert printed_values == {f"{value:010d}"}


@pytest.mark.parametrize("name", ["shake128", "shake_256", "sha3-84", "sha2-24", "KECCAK-KMAC-128", "null", "sha", ""])
def test_an_unknown_digest_is_wrong_usage(name: str) -> None:
    assert called("code", "hotp", "--key", TEXT, "--counter", "0", f"--digest={name}").returncode == 2


@given(KEYS, st.sampled_from(sorted(SPELLINGS)), st.integers(1, 10), st.integers(0, 2**64 - 1))
def test_codes_have_1_to_10_digits_of_the_same_value(key: bytes, digest: str, digits: int, counter: int) -> None:
    common = ("code", "hotp", "--secret", base32(key), "--digest", digest, "--counter", str(counter), "--digits")

    assert printed(*common, str(digits)) == printed(*common, "10")[-digits:]


@pytest.mark.parametrize("digits", ["0", "11", "-1", "six"])
def test_any_other_number_of_digits_is_wrong_usage(digits: str) -> None:
    assert called("code", "hotp", "--key", TEXT, "--counter", "0", f"--digits={digits}").returncode == 2


def test_as_ns_totp_selects_sha256_and_8_digits() -> None:
    told = printed("code", "totp", "--key", TEXT, "--time", "59", "--digest", "sha256", "--digits", "8")

    assert printed("code", "totp", "--as", "ns_totp", "--key", TEXT, "--time", "59") == told
    assert printed("code", "totp", "--as=ns_totp", "--key", TEXT, "--time", "59", "--digits", "6") == told[2:]
    assert called("code", "totp", "--as", "oathtool", "--key", TEXT).returncode == 2


def test_the_default_user_of_ns_totp_is_0() -> None:
    common = ("code", "totp", "--server-secret", "s", "--time", "59")

    zero = printed(*common, "--user-id", "0", "--digest", "sha256", "--digits", "8")

    assert printed(*common, "--as", "ns_totp") == zero
    assert printed(*common, "--as", "ns_totp", "--user-id", "0") == zero
    assert printed(*common, "--as", "ns_totp", "--user-id", "1") != zero
    assert called(*common).returncode == 2
    assert called("code", "totp", "--key", TEXT, "--user-id", "1").returncode == 2


def test_the_example_of_naviservers_manual_has_the_same_code() -> None:
    """`ns_hotp -key "tweedie123" [binary format W 1]` in the manual of NaviServer 5; its default digest is sha256."""
    assert printed("code", "hotp", "--key", "tweedie123", "--digest", "sha256", "--counter", "1") == "601045"


@given(st.integers(0, 10**9), st.text(min_size=1).filter(lambda text: text[0] not in "-@\0" and text.isprintable()))
def test_the_key_of_a_user_is_derived_as_in_naviserver(user: int, server_secret: str) -> None:
    key = hashlib.sha224(f"{server_secret}-{user}".encode()).digest()
    # This computes TOTP independently, for a key of NaviServer with its defaults.
    mac = hmac.digest(key, (1_795_348_800 // 30).to_bytes(8, "big"), "sha256")
    expected = int.from_bytes(mac[mac[-1] & 15 :][:4], "big") % 2**31 % 10**8

    ours = printed(
        *("code", "totp", "--as", "ns_totp", f"--server-secret={server_secret}", "--user-id", str(user)),
        *("--time", "1795348800"),
    )

    assert ours == f"{expected:08d}"


def test_the_default_time_is_the_current_one() -> None:
    before, ours, after = (
        printed("code", "totp", "--key", TEXT, "--interval", str(2**40), *more) for more in ([], [], ["--time", "1"])
    )

    # A step has 35,000 years, so none ends between the two commands.
    assert before == ours == after


def test_with_a_time_step_of_a_second_a_past_time_has_another_code() -> None:
    ours = printed("code", "totp", "--key", TEXT, "--interval", "1", "--digits", "10")

    assert ours != printed("code", "totp", "--key", TEXT, "--interval", "1", "--digits", "10", "--time", "59")


@pytest.mark.parametrize("pasted", PASTED)
def test_pasted_base32_is_accepted(pasted: str) -> None:
    secret = base32(RFC_4226_SEED)

    typed = pasted.format(secret[:11].lower(), secret[11:])

    assert printed("code", "hotp", "--secret", typed, "--counter", "0") == RFC_4226[0]


def test_a_file_with_pasted_base32_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(
        f"\ufeff{base32(RFC_4226_SEED)[:16]}\u00a0{base32(RFC_4226_SEED)[16:]}\r\n\r\n", "utf-8"
    )

    assert printed("code", "hotp", "--secret", f"@{tmp_path}/secret", "--counter", "0") == RFC_4226[0]
    assert base32(RFC_4226_SEED) in printed("uri", "totp", "--label", "a", "--secret", f"@{tmp_path}/secret")


@pytest.mark.parametrize("command", [("code", "hotp", "--counter", "0"), ("uri", "hotp", "--label", "a")])
def test_an_impossible_length_of_base32_is_reported(command: tuple[str, ...]) -> None:
    done = called(*command, "--secret", base32(RFC_4226_SEED) + "ABC")

    assert done.returncode == 2
    assert "has 35 characters, which base32 never has" in done.stderr


@pytest.mark.parametrize(
    "uri",
    [
        "otpauth://HOTP/RFC:4226?secret={}&counter=7",
        "OTPAUTH://Hotp/RFC:4226?SECRET={}&Counter=7",
        " otpauth://hotp/RFC:4226?Secret={}&COUNTER=7\n",
        "\ufeffotpauth://hotp/RFC:4226?secret={}&counter=7\u200b",
    ],
)
def test_a_pasted_uri_is_accepted(uri: str) -> None:
    assert printed("code", "hotp", "--uri", uri.format(base32(RFC_4226_SEED))) == RFC_4226[7]


def test_a_uri_contains_all_parameters() -> None:
    uri = f"otpauth://totp/RFC:6238?secret={base32(SEEDS['SHA256'])}&algorithm=SHA256&digits=8&period=60"

    assert printed("code", "totp", "--uri", uri, "--time", "119") == "46119246"


def test_a_uri_is_accepted_in_any_case() -> None:
    uri = f"OTPAUTH://TOTP/RFC:6238?SECRET={base32(SEEDS['SHA256']).lower()}&Algorithm=sha256&DIGITS=8&Period=60"

    assert printed("code", "totp", "--uri", uri, "--time", "119") == "46119246"


def test_a_counter_option_overrides_that_of_the_uri() -> None:
    uri = f"otpauth://hotp/RFC:4226?secret={base32(RFC_4226_SEED)}&counter=7"

    assert printed("code", "hotp", "--uri", uri) == RFC_4226[7]
    assert printed("code", "hotp", "--uri", uri, "--counter", "3") == RFC_4226[3]


@pytest.mark.parametrize("counter", ["-1", "18446744073709551616", "1_0", "٣", "9" * 5000])
def test_an_invalid_counter_is_wrong_usage(counter: str) -> None:
    assert called("code", "hotp", "--key", TEXT, f"--counter={counter}").returncode == 2
