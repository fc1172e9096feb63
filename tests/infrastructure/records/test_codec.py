"""Records: a written record is read, and every other value is refused."""

import dataclasses
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from domain.credential import Credential
from domain.failures import Failures
from domain.former_secret import FORMER_SECRETS, FormerSecret
from domain.owner import CredentialId, Factor
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.records.codec import FORMAT, REVISION_BYTES, CorruptRecord, Record, RecordCodec
from tests.domain.examples import ALICE, BOB, KEYS, hotp, one_time_code, recovery_codes, totp
from tests.domain.strategies import hotp_credentials, pending, stored_states, totp_credentials
from tests.support.fakes import NOON

CODEC = RecordCodec(KEYS)
TOMBSTONE = Tombstone(id=CredentialId(ALICE, Factor.OTP), failures=Failures(5, 1000), expires_at=5000)
NEW_SECRET = SharedSecret(b"a new secret of 160 bits")
REPLACING = replace(totp(100), replacement=pending(totp(secret=NEW_SECRET)))
every_kind = pytest.mark.parametrize(
    "state",
    [one_time_code(), hotp(7), totp(100, drift=-3), recovery_codes(5), REPLACING, TOMBSTONE],
    ids=["otp", "hotp", "totp", "recovery codes", "replacing", "tombstone"],
)
every_credential = pytest.mark.parametrize(
    "state",
    [one_time_code(), hotp(7), totp(100), recovery_codes(5), REPLACING],
    ids=["otp", "hotp", "totp", "recovery codes", "replacing"],
)


def read(value: bytes, credential_id: CredentialId) -> Record | None:
    """Return the record, None for a corrupt one; every other exception fails the test."""
    try:
        return CODEC.decode(value, credential_id)
    except CorruptRecord:
        return None


def rewritten(state: StoredState, change: Callable[[list[Any]], Any]) -> bytes:
    """Return the record of a state with changed fields."""
    value = CODEC.encode(state)
    fields = msgpack.decode(value[REVISION_BYTES:])
    changed = change(fields)
    return value[:REVISION_BYTES] + msgpack.encode(fields if changed is None else changed)


@given(stored_states())
def test_a_written_record_is_read(state: StoredState) -> None:
    assert CODEC.decode(CODEC.encode(state), state.id).state == state


def test_records_from_before_former_secrets_are_read() -> None:
    """Records of former versions end with the replacement or with the end of a lock."""
    blob = KEYS.seal(totp().secret.key, totp().id, "secret")
    life = [NOON, None, None]
    old_totp = ["totp", None, 0, 0, *life, blob, 0, 6, None, None, 30, 1, 100, -3, None]
    old_tombstone = ["vacant", 5000, 5, 1000]

    def packed(fields: list[Any]) -> bytes:
        value: bytes = FORMAT + bytes(REVISION_BYTES - 1) + msgpack.encode(fields)
        return value

    assert CODEC.decode(packed(old_totp), totp().id).state == totp(100, drift=-3)
    assert CODEC.decode(packed(old_tombstone), TOMBSTONE.id).state == TOMBSTONE


@pytest.mark.parametrize("state", [totp(100), hotp(7), TOMBSTONE], ids=["totp", "hotp", "tombstone"])
def test_a_record_without_former_secrets_is_written_as_before(state: SecretCredential | Tombstone) -> None:
    fields = msgpack.decode(CODEC.encode(state)[REVISION_BYTES:])

    assert len(fields) == {"totp": 17, "hotp": 16, "vacant": 4}[fields[0]]


def test_a_former_secret_takes_few_bytes() -> None:
    former = tuple(FormerSecret(bytes(8), NOON // 30, 30) for _ in range(FORMER_SECRETS))

    assert len(CODEC.encode(replace(totp(100), former=former))) - len(CODEC.encode(totp(100))) <= 20 * FORMER_SECRETS


@every_kind
def test_every_record_has_its_own_revision(state: StoredState) -> None:
    revisions = {CODEC.encode(state)[:REVISION_BYTES] for _ in range(100)}

    assert len(revisions) == 100


@every_kind
def test_the_revision_is_the_beginning_of_the_record(state: StoredState) -> None:
    value = CODEC.encode(state)

    assert CODEC.decode(value, state.id).revision == value[:REVISION_BYTES]


@given(st.one_of(hotp_credentials(), totp_credentials()))
def test_no_record_contains_the_secret(credential: SecretCredential) -> None:
    value = CODEC.encode(credential)

    assert credential.secret.key not in value
    assert credential.secret.base32.encode() not in value


@every_credential
def test_an_unchanged_secret_is_not_sealed_again(state: Credential) -> None:
    record = CODEC.decode(CODEC.encode(state), state.id)
    assert record.sealed

    again = CODEC.encode(replace(record.state, failures=Failures(1)), record.sealed)

    assert record.sealed[0].blob in again


@pytest.mark.parametrize("state", [hotp(7), totp(100)], ids=["hotp", "totp"])
def test_another_secret_is_sealed_again(state: SecretCredential) -> None:
    record = CODEC.decode(CODEC.encode(state), state.id)
    other = replace(state, secret=SharedSecret(b"another secret of 160 b."))

    assert CODEC.decode(CODEC.encode(other, record.sealed), state.id).state == other


def test_the_sealed_form_of_a_secret_is_not_reused_for_another_owner() -> None:
    alices = CODEC.decode(CODEC.encode(totp()), totp().id)
    bobs = replace(totp(), id=CredentialId(BOB, Factor.TOTP), secret=SharedSecret(totp().secret.key))

    assert CODEC.decode(CODEC.encode(bobs, alices.sealed), bobs.id).state == bobs


def test_nothing_is_sealed_without_a_secret() -> None:
    assert CODEC.decode(CODEC.encode(TOMBSTONE), TOMBSTONE.id).sealed == ()


@every_credential
@pytest.mark.parametrize("factor", list(Factor))
def test_a_record_of_another_factor_is_refused(state: Credential, factor: Factor) -> None:
    credential_id = CredentialId(ALICE, factor)

    assert (read(CODEC.encode(state), credential_id) is None) is (factor is not state.id.factor)


@pytest.mark.parametrize("factor", [Factor.OTP, Factor.HOTP, Factor.RECOVERY_CODES])
def test_a_record_of_another_factor_is_refused_before_its_secret_is_opened(factor: Factor) -> None:
    with pytest.raises(CorruptRecord, match="not a well-formed record"):
        CODEC.decode(CODEC.encode(totp()), CredentialId(ALICE, factor))


@every_credential
def test_a_record_moved_to_another_owner_is_refused(state: Credential) -> None:
    with pytest.raises(CorruptRecord):
        CODEC.decode(CODEC.encode(state), CredentialId(BOB, state.id.factor))


def test_a_sealed_secret_moved_into_another_record_is_refused() -> None:
    bobs = replace(totp(), id=CredentialId(BOB, Factor.TOTP))
    blob = msgpack.decode(CODEC.encode(bobs)[REVISION_BYTES:])[7]

    with pytest.raises(CorruptRecord):
        CODEC.decode(rewritten(totp(), lambda fields: fields.__setitem__(7, blob)), totp().id)


@every_credential
def test_the_error_names_the_missing_key_of_a_record(state: Credential) -> None:
    other = RecordCodec(KeyRing((EncryptionKey("other", bytes(32)),)))

    with pytest.raises(CorruptRecord, match="key 'test'"):
        other.decode(CODEC.encode(state), state.id)


@every_credential
def test_a_record_is_read_after_the_keys_were_rotated(state: Credential) -> None:
    rotated = RecordCodec(KeyRing((EncryptionKey("new", bytes(32)), EncryptionKey("test", bytes(range(32))))))

    assert rotated.decode(CODEC.encode(state), state.id).state == state


@given(st.sampled_from(Factor), st.binary(max_size=200))
def test_garbage_is_a_record_or_corrupt(factor: Factor, garbage: bytes) -> None:
    read(garbage, CredentialId(ALICE, factor))


@given(st.sampled_from(Factor), st.binary(max_size=200))
def test_garbage_after_a_revision_is_a_record_or_corrupt(factor: Factor, garbage: bytes) -> None:
    read(FORMAT + bytes(REVISION_BYTES - 1) + garbage, CredentialId(ALICE, factor))


@pytest.mark.parametrize("factor", list(Factor))
@pytest.mark.parametrize(
    "before", [b"", b"\xdc\xff\xff\xa4totp", b"\x92\xa6vacant"], ids=["start", "totp", "tombstone"]
)
def test_deeply_nested_arrays_are_corrupt(factor: Factor, before: bytes) -> None:
    with pytest.raises(CorruptRecord):
        CODEC.decode(FORMAT + bytes(REVISION_BYTES - 1) + before + b"\x91" * 100_000, CredentialId(ALICE, factor))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(Factor), ANYTHING)
def test_any_value_in_the_same_packing_is_a_record_or_corrupt(factor: Factor, value: object) -> None:
    read(FORMAT + bytes(REVISION_BYTES - 1) + msgpack.encode(value), CredentialId(ALICE, factor))


@given(st.data(), stored_states())
def test_a_record_with_another_value_in_any_field_is_a_record_or_corrupt(
    data: st.DataObject, state: StoredState
) -> None:
    def change(fields: list[Any]) -> None:
        fields[data.draw(st.integers(0, len(fields) - 1))] = data.draw(ANYTHING)

    read(rewritten(state, change), state.id)


@given(stored_states(), st.integers(0, 10**6))
def test_a_record_with_a_flipped_bit_is_a_record_or_corrupt(state: StoredState, bit: int) -> None:
    value = bytearray(CODEC.encode(state))
    value[bit // 8 % len(value)] ^= 1 << bit % 8

    read(bytes(value), state.id)


@given(st.one_of(hotp_credentials(), totp_credentials()), st.integers(0, 10**6))
def test_a_flipped_bit_never_makes_another_secret(state: SecretCredential, bit: int) -> None:
    value = bytearray(CODEC.encode(state))
    value[bit // 8 % len(value)] ^= 1 << bit % 8

    record = read(bytes(value), state.id)

    assert record is None or isinstance(record.state, Tombstone) or record.state.secret == state.secret


@every_kind
def test_a_truncated_record_is_corrupt(state: StoredState) -> None:
    value = CODEC.encode(state)

    for length in set(range(len(value))) - {REVISION_BYTES}:
        with pytest.raises(CorruptRecord):
            CODEC.decode(value[:length], state.id)


def test_the_record_of_a_removal_is_a_revision_only() -> None:
    removed = CODEC.encode(None)

    assert CODEC.decode(removed, TOMBSTONE.id) == Record(removed, None, ())
    assert len(removed) == REVISION_BYTES


@every_kind
def test_a_record_with_trailing_bytes_is_corrupt(state: StoredState) -> None:
    with pytest.raises(CorruptRecord):
        CODEC.decode(CODEC.encode(state) + b"\xc0", state.id)


@every_kind
@pytest.mark.parametrize("change", [lambda f: f.append(None), lambda f: f.pop()], ids=["more", "fewer"])
def test_a_record_with_more_or_fewer_fields_is_corrupt(state: StoredState, change: Callable[[list[Any]], Any]) -> None:
    with pytest.raises(CorruptRecord):
        CODEC.decode(rewritten(state, lambda fields: [change(fields), fields][1]), state.id)


@every_kind
def test_a_record_of_a_later_format_is_corrupt(state: StoredState) -> None:
    with pytest.raises(CorruptRecord, match="format"):
        CODEC.decode(b"\x02" + CODEC.encode(state)[1:], state.id)


@pytest.mark.parametrize(
    ("state", "field", "value"),
    [
        pytest.param(one_time_code(), 0, "totp", id="another factor's name"),
        pytest.param(totp(), 0, "hotp", id="another name for a secret's factor"),
        pytest.param(one_time_code(), 8, 5, id="a code of 5 digits"),
        pytest.param(one_time_code(), 9, bytes(15), id="a short digest"),
        pytest.param(one_time_code(), 10, 2**40, id="an expiry after the year 9999"),
        pytest.param(totp(), 1, 2**63, id="a lifecycle after the year 9999"),
        pytest.param(totp(), 3, 2**63, id="a lock after the year 9999"),
        pytest.param(totp(), 4, 2**63, id="a creation after the year 9999"),
        pytest.param(totp(), 14, 2**63, id="a step after the year 9999"),
        pytest.param(totp(), 15, 21, id="a drift of 21 steps"),
        pytest.param(hotp(), 13, 2**64 - 1, id="a counter without a look-ahead"),
        pytest.param(totp(), 2, -1, id="a negative number of failures"),
        pytest.param(totp(), 2, True, id="a Boolean as a number"),
        pytest.param(totp(), 3, 1.5, id="a fraction as a time"),
        pytest.param(totp(), 8, 3, id="an unknown algorithm"),
        pytest.param(totp(), 8, -1, id="a negative algorithm"),
        pytest.param(totp(), 9, 9, id="9 digits"),
        pytest.param(totp(), 10, 7, id="a number as a label"),
        pytest.param(totp(), 12, 0, id="an interval of zero"),
        pytest.param(totp(), 13, 11, id="a window of 11 steps"),
        pytest.param(hotp(), 12, 51, id="a look-ahead of 51 counters"),
        pytest.param(hotp(), 13, -1, id="a negative counter"),
        pytest.param(hotp(), 14, 2**63, id="an initial counter of 64 bits"),
    ],
)
def test_a_value_that_no_credential_can_have_is_corrupt(state: Credential, field: int, value: object) -> None:
    with pytest.raises(CorruptRecord):
        CODEC.decode(rewritten(state, lambda fields: fields.__setitem__(field, value)), state.id)


@given(st.one_of(hotp_credentials(), totp_credentials()), st.integers(0, 10**6))
def test_the_error_about_a_corrupt_record_does_not_show_its_secret(state: SecretCredential, bit: int) -> None:
    value = bytearray(CODEC.encode(state))
    value[bit // 8 % len(value)] ^= 1 << bit % 8
    try:
        CODEC.decode(bytes(value), state.id)
    except CorruptRecord as error:
        shown = "".join(traceback.format_exception(error))
        assert state.secret.base32 not in shown
        assert state.secret.key.hex() not in shown


@pytest.mark.parametrize("state", [hotp(7), totp(100)], ids=["hotp", "totp"])
def test_a_record_hides_the_secret_from_repr(state: SecretCredential) -> None:
    record = CODEC.decode(CODEC.encode(state), state.id)

    shown = f"{record!r} {record.sealed!r}"

    assert state.secret.base32 not in shown
    assert repr(state.secret.key)[2:-1] not in shown


def test_an_unknown_kind_of_credential_is_not_written() -> None:
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Novelty(Credential):
        @property
        def shape(self) -> str:
            return "anything"

        def fits(self, code: object) -> bool:
            return True

        def match(self, code: object, now: int, algorithms: object) -> Credential:
            return self

    with pytest.raises(AssertionError, match="Novelty"):
        CODEC.encode(Novelty(id=TOMBSTONE.id, lifecycle=totp().lifecycle, secret=totp().secret))


def test_a_replacement_that_does_not_open_leaves_the_rest_readable() -> None:
    other = RecordCodec(KeyRing((EncryptionKey("other", bytes(32)),)))
    foreign = msgpack.decode(other.encode(REPLACING)[REVISION_BYTES:])[-1]

    def spoil(fields: list[Any]) -> None:
        fields[-1] = foreign

    assert CODEC.decode(rewritten(REPLACING, spoil), REPLACING.id).state == replace(REPLACING, replacement=None)


def test_a_replacements_secret_does_not_open_as_the_current_one() -> None:
    def swap(fields: list[Any]) -> None:
        fields[7], fields[-1][2] = fields[-1][2], fields[7]

    with pytest.raises(CorruptRecord):
        CODEC.decode(rewritten(REPLACING, swap), REPLACING.id)


def test_a_swapped_in_replacement_is_sealed_again() -> None:
    record = CODEC.decode(CODEC.encode(REPLACING), REPLACING.id)
    assert isinstance(record.state, TotpCredential)
    assert record.state.replacement is not None
    swapped = replace(record.state, secret=record.state.replacement.secret, replacement=None)

    assert CODEC.decode(CODEC.encode(swapped, record.sealed), swapped.id).state == swapped


def test_a_totp_record_is_small() -> None:
    assert len(CODEC.encode(totp(59_844_960))) < 150
