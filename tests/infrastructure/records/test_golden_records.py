"""Records that former versions have stored are read, and written again without a change."""

import pytest

from domain.stored_state import StoredState
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.records.codec import REVISION_BYTES, Record, RecordCodec
from infrastructure.records.shared_record import SharedRecord
from tests.infrastructure.records.golden import records
from tests.infrastructure.records.golden.states import ACCOUNT, KEYS, MASTER, SHARED, STATES, TOTP

CODEC = RecordCodec(KEYS, HkdfDerivation(MASTER))
RECORDS = records()
every_state = pytest.mark.parametrize(("name", "state"), STATES.items(), ids=STATES)


def opened(record: bytes, state: StoredState) -> bytes:
    """Return a record without its revision and with each sealed secret replaced by the secret itself."""
    for sealed in CODEC.decode(record, state.id).sealed:
        assert record.count(sealed.blob) == 1
        record = record.replace(sealed.blob, KEYS.open(sealed.blob, state.id, sealed.field))
    return record[REVISION_BYTES:]


def test_every_state_has_a_record() -> None:
    assert RECORDS.keys() == {*STATES, "removal", "authenticators"}


@every_state
def test_a_record_decodes_to_its_state(name: str, state: StoredState) -> None:
    assert CODEC.decode(RECORDS[name], state.id).state == state


@every_state
def test_a_decoded_record_is_encoded_byte_for_byte(name: str, state: StoredState) -> None:
    """The revision is the only random part: sealed secrets are not sealed again."""
    record = CODEC.decode(RECORDS[name], state.id)

    encoded = CODEC.encode(record.state, record.sealed)

    assert encoded[:1] == RECORDS[name][:1]
    assert encoded[REVISION_BYTES:] == RECORDS[name][REVISION_BYTES:]


@every_state
def test_a_new_record_differs_only_in_revision_and_sealing(name: str, state: StoredState) -> None:
    encoded = CODEC.encode(state)

    assert len(encoded) == len(RECORDS[name])
    assert opened(encoded, state) == opened(RECORDS[name], state)


def test_a_removal_is_read() -> None:
    assert CODEC.decode(RECORDS["removal"], TOTP.id) == Record(RECORDS["removal"], None, ())


def test_a_shared_record_is_read_and_written_again_byte_for_byte() -> None:
    record = SharedRecord.decode(RECORDS["authenticators"])
    assert record.ids(ACCOUNT) == [state.id for state in SHARED]
    read = [CODEC.state(record.entries[state.id.authenticator], state.id) for state in SHARED]
    assert [state for state, _ in read] == list(SHARED)

    changes = [(state.id, state, sealed) for state, sealed in read]
    for each in ([], changes[2:], changes):
        value, end = record.changed(CODEC, each, 0)
        assert value[REVISION_BYTES:] == RECORDS["authenticators"][REVISION_BYTES:]
        assert end is None
