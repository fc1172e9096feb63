"""The provisioning URI."""

from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.provisioning import Provisioning
from domain.errors import InvalidValue
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HashAlgorithm, check_name
from domain.secret_credential import SecretCredential
from tests.domain.examples import hotp, totp
from tests.domain.strategies import hotp_credentials, totp_credentials
from tests.support.policies import DEFAULT_POLICIES

PROVISIONING = Provisioning(DEFAULT_POLICIES)
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def is_a_name(text: str) -> bool:
    try:
        check_name(text)
    except InvalidValue:
        return False
    return True


def test_a_totp_uri_contains_all_parameters() -> None:
    assert PROVISIONING.uri(totp()) == (
        f"otpauth://totp/Open-MFA:alice?secret={BASE32}&issuer=Open-MFA&algorithm=SHA1&digits=6&period=30"
    )


def test_a_hotp_uri_contains_all_parameters() -> None:
    assert PROVISIONING.uri(hotp(7, algorithm=HashAlgorithm.SHA512, digits=8)) == (
        f"otpauth://hotp/Open-MFA:alice?secret={BASE32}&issuer=Open-MFA&algorithm=SHA512&digits=8&counter=7"
    )


def test_the_uri_of_a_session_does_not_contain_its_id() -> None:
    credential_id = CredentialId(Owner(OwnerKind.SESSION, "3q2-7w"), Factor.TOTP)

    assert urlsplit(PROVISIONING.uri(replace(totp(), id=credential_id))).path == "/Open-MFA:session"


def test_label_and_issuer_of_the_enrolment_override_the_defaults() -> None:
    uri = urlsplit(PROVISIONING.uri(replace(totp(), label="alice@example.com", issuer="Example & Co")))

    assert unquote(uri.path) == "/Example & Co:alice@example.com"
    assert parse_qs(uri.query)["issuer"] == ["Example & Co"]


@pytest.mark.parametrize("interval", [15, 60, 120, 300])
def test_the_period_is_the_interval(interval: int) -> None:
    assert f"&period={interval}" in PROVISIONING.uri(totp(interval=interval))


@given(
    st.one_of(hotp_credentials(), totp_credentials()),
    st.text(min_size=1, max_size=128).filter(is_a_name),
    st.text(min_size=1, max_size=128).filter(is_a_name),
)
def test_the_uri_preserves_any_names(credential: SecretCredential, label: str, issuer: str) -> None:
    uri = urlsplit(PROVISIONING.uri(replace(credential, label=label, issuer=issuer)))

    assert unquote(uri.path) == f"/{issuer}:{label}"
    assert parse_qs(uri.query)["issuer"] == [issuer]


@given(st.one_of(hotp_credentials(), totp_credentials()))
def test_an_authenticator_reads_the_secret_and_the_parameters_from_the_uri(credential: SecretCredential) -> None:
    named = replace(credential, label="alice", issuer="Example")

    query = parse_qs(urlsplit(PROVISIONING.uri(named)).query)

    assert query["secret"] == [credential.secret.base32]
    assert query["algorithm"] == [credential.parameters.algorithm.value]
    assert query["digits"] == [str(credential.digits)]


def test_pyotp_reads_the_uri() -> None:
    parsed = pyotp.parse_uri(PROVISIONING.uri(totp(digits=8, algorithm=HashAlgorithm.SHA256, interval=60)))

    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.secret, parsed.digits, parsed.digest().name, parsed.interval) == (BASE32, 8, "sha256", 60)
