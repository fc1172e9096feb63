"""Derived secrets: HKDF (RFC 5869), a new one for each enrolment, and none is stored."""

import hmac
from dataclasses import replace

import pytest

from domain.owner import CredentialId, Factor
from domain.secret import Derivation
from infrastructure.crypto.derivation import DerivationError, HkdfDerivation
from tests.domain.examples import ALICE, BOB

MASTER = "a master secret for the tests"
CREDENTIAL_ID = CredentialId(ALICE, Factor.TOTP)


def test_a_secret_is_hkdf_sha_256_of_master_salt_and_account() -> None:
    secret = HkdfDerivation(MASTER).new(CREDENTIAL_ID)
    assert secret.derivation is not None

    # RFC 5869, sections 2.2 and 2.3, written out; one block is enough.
    extracted = hmac.digest(secret.derivation.salt, MASTER.encode(), "sha256")
    expanded = hmac.digest(extracted, b"open-mfa derived secret\0account\0shop:alice\0totp\x01", "sha256")

    assert (secret.key, secret.derivation.check) == (expanded[:20], expanded[20:28])


def test_a_secret_can_be_derived_again() -> None:
    secret = HkdfDerivation(MASTER).new(CREDENTIAL_ID)
    assert secret.derivation is not None

    assert HkdfDerivation(MASTER).again(secret.derivation, CREDENTIAL_ID) == secret


def test_every_enrolment_has_a_new_secret() -> None:
    derivation = HkdfDerivation(MASTER)

    assert len({derivation.new(CREDENTIAL_ID).key for _ in range(100)}) == 100


@pytest.mark.parametrize("credential_id", [CredentialId(BOB, Factor.TOTP), CredentialId(ALICE, Factor.HOTP)])
def test_the_salt_of_another_credential_derives_nothing(credential_id: CredentialId) -> None:
    secret = HkdfDerivation(MASTER).new(CREDENTIAL_ID)
    assert secret.derivation is not None

    with pytest.raises(DerivationError):
        HkdfDerivation(MASTER).again(secret.derivation, credential_id)


def test_a_changed_master_secret_is_detected() -> None:
    secret = HkdfDerivation(MASTER).new(CREDENTIAL_ID)
    assert secret.derivation is not None

    with pytest.raises(DerivationError, match="a different OPEN_MFA_DERIVATION_SECRET"):
        HkdfDerivation("another").again(secret.derivation, CREDENTIAL_ID)


def test_nothing_is_derived_without_a_master_secret() -> None:
    derivation = HkdfDerivation(None)

    assert not derivation.is_set_up
    with pytest.raises(DerivationError, match="not set"):
        derivation.again(Derivation(bytes(16), bytes(8)), CREDENTIAL_ID)


def test_a_derived_secret_hides_from_repr() -> None:
    secret = HkdfDerivation(MASTER).new(CREDENTIAL_ID)

    assert repr(secret) == repr(replace(secret, key=bytes(20)))
