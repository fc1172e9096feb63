"""`open-mfa uri` and `open-mfa key`."""

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.crypto.sealing import KEY_BYTES, EncryptionKey
from tests.domain.test_parameters import NAMES, NO_NAMES
from tests.domain.test_rfc_vectors import RFC_4226, RFC_4226_SEED
from tests.support.command_line import called, printed, run

SECRET = base64.b32encode(RFC_4226_SEED).decode()


def test_a_totp_uri_contains_every_parameter() -> None:
    uri = printed(
        *("uri", "totp", "--label", "alice@example.com", "--issuer", "Example & Co", "--secret", SECRET),
        *("--digest", "sha256", "--digits", "8", "--interval", "60"),
    )

    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("otpauth", "totp", "/Example & Co:alice@example.com")
    assert parse_qs(parts.query) == {
        "secret": [SECRET],
        "issuer": ["Example & Co"],
        "algorithm": ["SHA256"],
        "digits": ["8"],
        "period": ["60"],
    }


def test_the_counter_of_a_hotp_uri_selects_the_code() -> None:
    uri = printed("uri", "hotp", "--label", "alice", "--secret", SECRET, "--counter", "5")

    assert printed("code", "hotp", "--uri", uri) == RFC_4226[5]


def test_a_uri_without_a_given_secret_has_a_new_one_of_160_bits() -> None:
    first, second = (parse_qs(urlsplit(printed("uri", "totp", "--label", "a")).query)["secret"][0] for _ in range(2))

    assert first != second
    assert len(base64.b32decode(first)) == 20


@given(st.text(min_size=16, max_size=32).filter(lambda text: text[0] not in "-@" and "\0" not in text))
def test_the_bytes_of_a_key_in_text_are_the_secret(text: str) -> None:
    uri = printed("uri", "totp", "--label", "a", f"--key={text}")

    secret = parse_qs(urlsplit(uri).query)["secret"][0]
    assert base64.b32decode(secret + "=" * (-len(secret) % 8)) == text.encode()
    assert printed("code", "totp", "--uri", uri, "--time", "59") == printed(
        "code", "totp", f"--key={text}", "--time", "59"
    )


def test_the_setup_key_of_a_text_from_standard_input_needs_no_further_option() -> None:
    text = "the shared secret of a small gate"
    done = run("uri", "totp", "--key", "-", stdin=f"{text}\n")

    parts = urlsplit(done.stdout.strip())
    setup_key = parse_qs(parts.query)["secret"][0]
    assert unquote(parts.path) == "/Open-MFA:account"
    assert base64.b32decode(setup_key + "=" * (-len(setup_key) % 8)) == text.encode()


@pytest.mark.parametrize(
    "wrong", [["--key", "fifteen letters"], ["--key", "x" * 129], ["--key", "x" * 16, "--secret", SECRET]]
)
def test_a_key_of_another_length_or_with_a_secret_is_wrong_usage(wrong: list[str]) -> None:
    done = called("uri", "totp", "--label", "a", *wrong)

    assert (done.returncode, wrong[1] in done.stderr) == (2, False)


@pytest.mark.parametrize("name", NAMES)
def test_a_label_or_an_issuer_can_have_any_name(name: str) -> None:
    uri = printed("uri", "totp", f"--label={name}", f"--issuer={name}", "--secret", SECRET)

    assert unquote(urlsplit(uri).path) == f"/{name}:{name}"
    assert parse_qs(urlsplit(uri).query)["issuer"] == [name]
    assert len(printed("code", "totp", "--uri", uri)) == 6


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_an_authenticator_would_not_show_is_wrong_usage(name: str) -> None:
    assert called("uri", "totp", f"--label={name}").returncode == 2
    assert called("uri", "totp", "--label=a", f"--issuer={name}").returncode == 2


@pytest.mark.parametrize("wrong", [["--digits", "9"], ["--interval", "14"], ["--issuer", ""], ["--digest", "md5"]])
def test_a_parameter_that_the_service_would_refuse_is_wrong_usage(wrong: list[str]) -> None:
    assert called("uri", "totp", "--label", "alice", *wrong).returncode == 2


def test_a_key_has_the_format_of_the_setting() -> None:
    first, second = (EncryptionKey.parse(printed("key", "--id", "next")) for _ in range(2))

    assert first.id == "next"
    assert len(first.material) == KEY_BYTES
    assert first.material != second.material


def test_the_default_name_of_a_key_is_the_date() -> None:
    before = datetime.now(UTC)
    key = EncryptionKey.parse(printed("key"))
    after = datetime.now(UTC)

    assert key.id in {f"k{before:%Y%m%d}", f"k{after:%Y%m%d}"}
