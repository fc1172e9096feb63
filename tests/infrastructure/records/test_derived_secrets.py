"""Records of derived secrets, which contain no secrets."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from domain.owner import CredentialId, Factor
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.records.codec import REVISION_BYTES, CorruptRecord, RecordCodec
from tests.domain.examples import BOB, KEYS, totp

DERIVATION = HkdfDerivation("a master secret")
CODEC = RecordCodec(KEYS, DERIVATION)
CREDENTIAL = replace(totp(), secret=DERIVATION.new(totp().id))


def test_a_written_record_is_read() -> None:
    assert CODEC.decode(CODEC.encode(CREDENTIAL), CREDENTIAL.id).state == CREDENTIAL


def test_a_derived_secret_is_not_sealed() -> None:
    assert CODEC.decode(CODEC.encode(CREDENTIAL), CREDENTIAL.id).sealed == ()


@pytest.mark.parametrize("master", [None, "another master secret"])
def test_a_record_is_unreadable_without_the_same_master_secret(master: str | None) -> None:
    with pytest.raises(CorruptRecord, match="OPEN_MFA_DERIVATION_SECRET"):
        RecordCodec(KEYS, HkdfDerivation(master)).decode(CODEC.encode(CREDENTIAL), CREDENTIAL.id)


def test_a_record_that_is_moved_to_another_owner_is_unreadable() -> None:
    with pytest.raises(CorruptRecord):
        CODEC.decode(CODEC.encode(CREDENTIAL), CredentialId(BOB, Factor.TOTP))


@given(st.integers(0, 8 * 25 - 1))
def test_a_record_with_a_flipped_bit_is_unreadable(bit: int) -> None:
    value = CODEC.encode(CREDENTIAL)
    fields = msgpack.decode(value[REVISION_BYTES:])
    stored = bytearray(fields[7])
    stored[bit // 8] ^= 1 << bit % 8
    fields[7] = bytes(stored)

    with pytest.raises(CorruptRecord):
        CODEC.decode(value[:REVISION_BYTES] + msgpack.encode(fields), CREDENTIAL.id)
