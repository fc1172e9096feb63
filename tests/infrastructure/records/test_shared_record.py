"""The record that the additional authenticators of an owner share: its entries, and what damage makes of it."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.owner import CredentialId, Factor, Owner
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.records.codec import CorruptRecord, RecordCodec
from infrastructure.records.shared_record import SharedRecord
from tests.domain.strategies import hotp_credentials, tombstones, totp_credentials
from tests.infrastructure.redis.callers import KEYS, new_owner
from tests.infrastructure.store.states import hotp
from tests.support.fakes import NOON

CODEC = RecordCodec(KEYS, HkdfDerivation("a master secret for the tests"))


def encoded(*states: StoredState, into: SharedRecord | None = None) -> SharedRecord:
    value, _ = (into or SharedRecord()).changed(CODEC, [(state.id, state, ()) for state in states], 0)
    return SharedRecord.decode(value)


def in_account(state: StoredState, number: int) -> StoredState:
    """Return the state of an additional authenticator of one account, without end."""
    credential_id = CredentialId(Owner.of_account("shop", "alice"), state.id.factor, f"{number:010d}")
    if not isinstance(state, SecretCredential):
        return replace(state, id=credential_id.removed)
    replacement = state.replacement and replace(state.replacement, id=credential_id)
    lifecycle = replace(state.lifecycle, expires_at=None)
    return replace(state, id=credential_id, lifecycle=lifecycle, replacement=replacement)


@given(st.lists(st.one_of(hotp_credentials(), totp_credentials()), max_size=10))
def test_every_entry_is_decoded_as_it_was(drawn: list[SecretCredential]) -> None:
    states = [in_account(state, number) for number, state in enumerate(drawn)]
    record = encoded(*states)
    assert [CODEC.state(record.entries[each.id.authenticator], each.id)[0] for each in states] == states
    assert record.ids(Owner.of_account("shop", "alice")) == [each.id for each in states]


def test_a_change_leaves_the_bytes_of_the_other_entries() -> None:
    owner = new_owner()
    one, other = (hotp(CredentialId(owner, Factor.HOTP, f"{number:010d}")) for number in range(2))
    before = encoded(one, other)
    after = encoded(replace(one, counter=5), into=before)
    assert bytes(after.entries[other.id.authenticator]) == bytes(before.entries[other.id.authenticator])
    assert after.revision != before.revision


def test_an_entry_does_not_open_under_another_id() -> None:
    owner = new_owner()
    one, other = (CredentialId(owner, Factor.HOTP, f"{number:010d}") for number in range(2))
    entry = encoded(hotp(one)).entries[one.authenticator]
    for credential_id in (other, CredentialId(owner, Factor.HOTP)):
        with pytest.raises(CorruptRecord):
            CODEC.state(entry, credential_id)
    with pytest.raises(CorruptRecord):
        CODEC.state(CODEC.fields(hotp(CredentialId(owner, Factor.HOTP))), one)


# Damage


@given(st.binary(max_size=200))
def test_an_arbitrary_value_is_corrupt_or_has_entries(garbage: bytes) -> None:
    for value in (garbage, CODEC.encode(None) + garbage):
        try:
            SharedRecord.decode(value).ids(new_owner())
        except CorruptRecord:
            continue


@given(st.one_of(hotp_credentials(), tombstones().filter(lambda state: state.id.suffix != "")), st.data())
def test_a_changed_byte_is_never_another_error(drawn: StoredState, data: st.DataObject) -> None:
    state = in_account(drawn, 1)
    value, _ = SharedRecord().changed(CODEC, [(state.id, state, ())], 0)
    index = data.draw(st.integers(0, len(value) - 1))
    changed = value[:index] + data.draw(st.binary(max_size=3)) + value[index + 1 :]
    try:
        record = SharedRecord.decode(changed)
        for each in record.ids(state.id.owner):
            CODEC.state(record.entries[each.authenticator], each)
        record.changed(CODEC, [(state.id, state, ())], NOON)
    except CorruptRecord:
        pass


@pytest.mark.parametrize(
    "fields",
    [
        b"\x91" * 100_000,
        msgspec.msgpack.encode([{"totp": []}]),
        msgspec.msgpack.encode([{"otp-0123456789": []}]),
        msgspec.msgpack.encode([{"totp-0123456789": []}, 1]),
        msgspec.msgpack.encode({"totp-0123456789": []}),
        b"\x91\x81\xa1\xff\x90",
    ],
    ids=["deep", "first authenticator", "factor", "more fields", "map", "not UTF-8"],
)
def test_a_malformed_record_is_corrupt(fields: bytes) -> None:
    with pytest.raises(CorruptRecord):
        SharedRecord.decode(CODEC.encode(None) + fields).ids(new_owner())
