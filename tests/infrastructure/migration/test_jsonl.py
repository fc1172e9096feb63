"""The JSON lines of this service: every state survives, and every change of an encrypted file shows."""

import base64
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.migration import ImportedState, Refusal, UnreadableFile
from domain.credential import Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.owner import Owner
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from infrastructure.migration.formats.jsonl import JsonLinesReader, JsonLinesWriter
from infrastructure.migration.registry import READERS, WRITERS, FileSecrets
from infrastructure.records.codec import RecordCodec
from tests.domain.examples import KEYS, SECRET, hotp, one_time_code, totp
from tests.domain.strategies import hotp_credentials, recovery_codes, tombstones, totp_credentials
from tests.infrastructure.migration.files import records

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
OWNERS = st.builds(Owner.of_account, st.just("shop"), st.text("abcXYZ019._@+:-", min_size=3, max_size=40))


def owned(state: StoredState, owner: Owner) -> StoredState:
    """Return the state as a state of this owner, with names that can occur and without a replacement."""
    own = replace(state, id=replace(state.id, owner=owner))
    if not isinstance(own, SecretCredential):
        return own
    return replace(own, replacement=None, name="phone", label="alice", issuer=None)


STATES = st.builds(
    owned,
    hotp_credentials() | totp_credentials() | recovery_codes() | tombstones(),
    OWNERS,
)


def written(states: Iterable[StoredState], key: bytes | None = KEY) -> bytes:
    stream = io.BytesIO()
    states = list(states)
    assert JsonLinesWriter(key).write(states, stream) == len(states)
    return stream.getvalue()


def read(data: bytes, key: bytes | None = KEY) -> list[object]:
    return list(JsonLinesReader(key).read(io.BytesIO(data)))


def states_in(data: bytes, key: bytes | None = KEY) -> list[StoredState]:
    """Return the states that are read before the file ends or is refused."""
    states = []
    try:
        for record in JsonLinesReader(key).read(io.BytesIO(data)):
            assert isinstance(record, ImportedState)
            states.append(record.state)
    except UnreadableFile:
        return states
    raise AssertionError("the file was not refused")


THREE = [totp(drift=3, last_step=1_000), hotp(counter=7), totp()]
FILE = written(THREE)
PLAIN = written(THREE, None)


@given(st.lists(STATES, max_size=5), st.sampled_from([KEY, None]))
def test_every_state_survives(states: list[StoredState], key: bytes | None) -> None:
    found = read(written(states, key), key)

    assert found == [ImportedState(f"line {number}", state) for number, state in enumerate(states, 2)]


def test_a_pending_replacement_is_not_exported() -> None:
    confirmed = replace(hotp(), lifecycle=Lifecycle(created_at=1, expires_at=None, confirmed_at=1))
    replaced = replace(confirmed, replacement=hotp(secret=SharedSecret(b"another secret of 160")))

    assert read(written([replaced])) == [ImportedState("line 2", confirmed)]


def test_a_one_time_code_is_not_exported() -> None:
    with pytest.raises(ValueError, match="one-time code"):
        written([one_time_code()])


def test_an_encrypted_file_contains_neither_secret_nor_account() -> None:
    text = FILE + base64.b64decode(json.loads(FILE.splitlines()[1])["sealed"])

    assert b"alice" not in text
    assert SECRET.key not in text
    assert base64.b64encode(SECRET.key) not in text


def test_a_plain_file_can_be_read_by_people() -> None:
    line = json.loads(PLAIN.splitlines()[1])

    assert line["state"]["account"] == "alice"
    assert line["state"]["type"] == "totp"
    assert base64.b64decode(line["state"]["secret"]) == SECRET.key


def test_two_exports_have_different_keys() -> None:
    assert written(THREE) != FILE


def test_a_wrong_key_refuses_the_whole_file() -> None:
    for data in (FILE, written([])):
        with pytest.raises(UnreadableFile, match="the key does not open the file"):
            read(data, OTHER)


def test_an_encrypted_file_needs_its_key() -> None:
    with pytest.raises(UnreadableFile, match="needs its key"):
        read(FILE, None)


def test_a_plain_file_is_not_taken_for_one_that_the_key_has_sealed() -> None:
    with pytest.raises(UnreadableFile, match="not encrypted"):
        read(PLAIN, KEY)


@pytest.mark.parametrize(("data", "key"), [(FILE, KEY), (PLAIN, None)])
class TestChanges:
    @pytest.mark.parametrize("length", range(1, 5))
    def test_a_missing_end_shows(self, data: bytes, key: bytes | None, length: int) -> None:
        cut = b"".join(data.splitlines(keepends=True)[:length])

        assert states_in(cut, key) == THREE[: length - 1]

    def test_lines_in_another_order_show(self, data: bytes, key: bytes | None) -> None:
        header, first, second, *rest = data.splitlines(keepends=True)

        assert states_in(b"".join([header, second, first, *rest]), key) == []

    def test_a_repeated_line_shows(self, data: bytes, key: bytes | None) -> None:
        header, first, *rest = data.splitlines(keepends=True)

        assert states_in(b"".join([header, first, first, *rest]), key) == THREE[:1]

    def test_a_missing_line_shows(self, data: bytes, key: bytes | None) -> None:
        header, first, _, *rest = data.splitlines(keepends=True)

        assert states_in(b"".join([header, first, *rest]), key) == THREE[:1]

    def test_lines_after_the_end_show(self, data: bytes, key: bytes | None) -> None:
        assert states_in(data + data, key) == THREE


@given(st.data())
def test_every_changed_byte_shows(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(FILE) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != FILE[position]))
    changed = FILE[:position] + bytes([byte]) + FILE[position + 1 :]
    try:
        found = read(changed)
    except UnreadableFile:
        return
    # White space around lines, and unused bits of base64, do not belong to the content.
    assert found == read(FILE)


def test_a_line_of_another_file_with_the_same_key_shows() -> None:
    other = written(THREE).splitlines(keepends=True)
    lines = FILE.splitlines(keepends=True)
    lines[2] = other[2]

    assert states_in(b"".join(lines)) == THREE[:1]


def test_lines_that_are_moved_and_renumbered_show() -> None:
    header, first, second, *rest = FILE.splitlines(keepends=True)
    moved = [second.replace(b'"line":3', b'"line":2'), first.replace(b'"line":2', b'"line":3')]

    assert states_in(b"".join([header, *moved, *rest])) == []


def test_an_end_that_is_moved_and_renumbered_shows() -> None:
    header, first, *_, end = FILE.splitlines(keepends=True)

    assert states_in(b"".join([header, first, end.replace(b'"line":5', b'"line":3')])) == THREE[:1]


def test_a_state_that_is_out_of_range_is_refused_alone() -> None:
    impossible = totp()
    object.__setattr__(impossible.parameters, "digits", 12)
    found = read(written([impossible, hotp()]))

    assert found == [
        Refusal("line 2", "a value is out of range: digits must be 6 to 8"),
        ImportedState("line 3", hotp()),
    ]


@pytest.mark.parametrize("member", ["last", "interval"])
def test_a_number_that_no_record_can_have_is_refused(member: str) -> None:
    header, line, end = written([replace(totp(), former=(FormerSecret(bytes(8), 5, 30),))], None).splitlines(
        keepends=True
    )
    document = json.loads(line)
    document["state"]["former"][0][member] = 2**65
    (found,) = islice(JsonLinesReader(None).read(io.BytesIO(header + json.dumps(document).encode() + b"\n" + end)), 1)

    assert isinstance(found, Refusal)


def test_a_lone_member_of_a_newer_version_is_refused() -> None:
    lines = PLAIN.splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"tenant"', b'"colour":"red","tenant"')
    found = JsonLinesReader(None).read(io.BytesIO(b"".join(lines)))

    assert next(found) == Refusal(
        "line 2", "the state is not well-formed, or comes from a newer version of this service"
    )


@pytest.mark.parametrize(
    "header",
    [
        b'{"format":"open-mfa","version":2}',
        b'{"format":"open-mfa","version":1,"cipher":"ROT13"}',
        b'{"format":"open-mfa"}',
    ],
)
def test_an_unknown_version_or_cipher_refuses_the_file(header: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read(header + b"\n", None)


def test_keys_of_another_length_and_passphrases_are_refused() -> None:
    for secrets in (FileSecrets(key=bytes(16)), FileSecrets(passphrase=b"x")):
        with pytest.raises(UnreadableFile):
            READERS["jsonl"](secrets)
        with pytest.raises(UnreadableFile):
            WRITERS["jsonl"](secrets)


def test_a_file_of_the_first_version_stays_readable() -> None:
    credential = replace(
        hotp(counter=7, look_ahead=3),
        lifecycle=Lifecycle(created_at=1, expires_at=None, confirmed_at=2),
    )
    text = (
        b'{"format":"open-mfa","version":1}\n'
        b'{"line":2,"state":{"type":"hotp","tenant":"shop","account":"alice","created_at":1,"confirmed_at":2,'
        b'"secret":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=",'
        b'"codes":{"algorithm":"SHA1","digits":6,"look_ahead":3,"counter":7,"initial_counter":0}}}\n'
        b'{"line":3,"end":{"states":1,"sha256":"BQ=="}}\n'
    )
    found = JsonLinesReader(None).read(io.BytesIO(text))

    assert next(found) == ImportedState("line 2", credential)


VALUES = st.none() | st.integers(-(2**65), 2**65) | st.text(max_size=40) | st.booleans() | st.lists(st.integers())


@given(STATES, st.data())
def test_a_state_of_any_values_is_refused_or_can_be_stored(state: StoredState, data: st.DataObject) -> None:
    header, line, end = written([state], None).splitlines(keepends=True)
    document = json.loads(line)
    members = [document["state"], document["state"].get("codes")]
    for _ in range(data.draw(st.integers(1, 3))):
        changed = data.draw(st.sampled_from([each for each in members if each]))
        changed[data.draw(st.sampled_from(sorted(changed)))] = data.draw(VALUES)
    try:
        record = next(JsonLinesReader(None).read(io.BytesIO(header + json.dumps(document).encode() + b"\n" + end)))
    except UnreadableFile:
        return
    if isinstance(record, ImportedState):
        codec = RecordCodec(KEYS)
        assert codec.decode(codec.encode(record.state), record.state.id).state == record.state


@pytest.mark.parametrize("kind", ["otp", "recovery-codes"])
def test_only_removed_authenticators_have_a_common_tombstone(kind: str) -> None:
    tombstone = Tombstone(id=totp().id, failures=Failures(1), expires_at=None)
    lines = written([tombstone], None).splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"factor":"totp"', f'"factor":"{kind}","suffix":"removed"'.encode())
    found = next(JsonLinesReader(None).read(io.BytesIO(b"".join(lines))))

    assert isinstance(found, Refusal)


def test_a_credential_cannot_have_the_id_of_the_common_tombstone() -> None:
    lines = PLAIN.splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"tenant"', b'"suffix":"removed","tenant"')

    assert isinstance(next(JsonLinesReader(None).read(io.BytesIO(b"".join(lines)))), Refusal)


class TestOtpauthWriter:
    @staticmethod
    def uris(states: list[StoredState]) -> bytes:
        stream = io.BytesIO()
        count = WRITERS["otpauth"](FileSecrets()).write(states, stream)
        assert count == len(stream.getvalue().splitlines())
        return stream.getvalue()

    @given(STATES, st.sampled_from([None, "Example", "Big Corp & Sons"]))
    def test_a_confirmed_authenticator_comes_back(self, state: StoredState, issuer: str | None) -> None:
        data = self.uris([replace(state, issuer=issuer) if isinstance(state, SecretCredential) else state])
        if data:
            (record,) = records("otpauth", data)

            assert not isinstance(record, (Refusal, ImportedState))
            assert record.account == state.id.owner.account
            assert record.secret == state.secret.key  # type: ignore[union-attr] # only credentials are written
            assert record.parameters.digits == state.parameters.digits  # type: ignore[union-attr]
            assert record.parameters.algorithm == state.parameters.algorithm  # type: ignore[union-attr]
            assert record.counter == getattr(state, "counter", None)

    def test_pending_authenticators_are_not_written(self) -> None:
        pending = Lifecycle(created_at=1, expires_at=None)

        assert self.uris([replace(totp(), lifecycle=pending)]) == b""

    def test_a_key_is_refused(self) -> None:
        with pytest.raises(UnreadableFile, match="can't be encrypted"):
            WRITERS["otpauth"](FileSecrets(key=KEY))
