"""Records of credentials in Redis: their keys, their secrets and their revisions."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.stored_state import StoredState
from infrastructure.records.codec import REVISION_BYTES, RecordCodec
from infrastructure.records.owner_records import REMOVAL_REMEMBERED
from infrastructure.redis.client.url import Connect, connector
from infrastructure.redis.stores.credentials import COMPARE_AND_SET, key_of
from tests.infrastructure.redis.callers import KEYS, SECRET, Caller, code, new_owner
from tests.infrastructure.store.states import ENDS, confirmed, hotp, states
from tests.support.fakes import NOON, FakeClock
from tests.support.scripted_server import ScriptedServer

CODEC = RecordCodec(KEYS)


@pytest.fixture
def caller(connect: Connect) -> Iterator[Caller]:
    caller = Caller(connect, clock=FakeClock())
    yield caller
    caller.gateway.close()


@pytest.fixture
def credential_id() -> CredentialId:
    return CredentialId(new_owner(), Factor.HOTP)


def put(caller: Caller, state: StoredState) -> None:
    assert caller.repository.commit(state.id, caller.repository.load(state.id).revision, state) is None


def test_a_removal_leaves_only_its_revision_for_seconds(caller: Caller, credential_id: CredentialId) -> None:
    put(caller, hotp(credential_id))
    assert caller.repository.commit(credential_id, caller.repository.load(credential_id).revision, None) is None
    # A retry of the removal recognizes its revision.
    value = caller.gateway.get(key_of(credential_id))
    assert value is not None
    assert len(value) == REVISION_BYTES
    assert expires_at(caller, credential_id) == NOON + REMOVAL_REMEMBERED


@pytest.mark.parametrize("end", ENDS)
def test_a_retry_after_a_lost_response_keeps_the_expiry(
    caller: Caller, credential_id: CredentialId, end: int | None
) -> None:
    """After a lost response, the script runs again on the record that it has written."""
    value = CODEC.encode(confirmed(credential_id, end))
    for _ in range(2):
        result = caller.gateway.run_script(
            COMPARE_AND_SET, key_of(credential_id), b"", value, 0 if end is None else end * 1000
        )
        assert result == 1
        assert expires_at(caller, credential_id) == end


def test_a_key_names_owner_and_factor_and_all_keys_of_an_owner_share_a_slot() -> None:
    owner = Owner(OwnerKind.ACCOUNT, "app:anna@example.org")
    assert [key_of(CredentialId(owner, factor)) for factor in Factor] == [
        f"open-mfa:{{account:app:anna@example.org}}:{factor}" for factor in ("otp", "hotp", "totp", "recovery-codes")
    ]


def test_no_secret_is_stored_in_clear_text(caller: Caller, credential_id: CredentialId) -> None:
    put(caller, hotp(credential_id))
    value = caller.gateway.get(key_of(credential_id))
    assert value is not None
    assert SECRET.key not in value
    assert SECRET.base32.encode() not in value


def test_no_code_is_stored_in_clear_text(caller: Caller, credential_id: CredentialId) -> None:
    state = states(credential_id)["otp"]
    put(caller, state)
    value = caller.gateway.get(key_of(state.id))
    assert value is not None
    assert code(0).text.encode() not in value


def test_a_commit_with_the_same_secret_does_not_seal_it_again(caller: Caller, credential_id: CredentialId) -> None:
    put(caller, hotp(credential_id))
    before = caller.gateway.get(key_of(credential_id))
    loaded = caller.repository.load(credential_id)
    assert isinstance(loaded.state, HotpCredential)
    caller.repository.commit(credential_id, loaded.revision, replace(loaded.state, counter=1))
    after = caller.gateway.get(key_of(credential_id))
    assert before is not None
    assert after is not None
    assert sealed(before) == sealed(after)


def sealed(value: bytes) -> bytes:
    """Return the sealed secret: the name of the key, a nonce, the ciphertext and a tag."""
    return value[value.index(b"test") :][: 4 + 12 + len(SECRET.key) + 16]


def expires_at(caller: Caller, credential_id: CredentialId) -> int | None:
    """Return the time at which Redis removes the record, Unix time in seconds; None for never."""
    milliseconds: int = caller.gateway._read(key_of(credential_id), "PEXPIRETIME", key_of(credential_id))
    assert milliseconds != -2, "there is no record"
    return None if milliseconds == -1 else milliseconds // 1000


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_commit_is_done_only_if_the_script_returns_1(number: int, credential_id: CredentialId) -> None:
    def respond(connection: socket.socket, command: list[Any]) -> None:
        connection.sendall(b"$-1\r\n" if command[0] in {b"GET", "GET"} else b":%d\r\n" % number)

    with ScriptedServer(respond) as server:
        caller = Caller(connector(server.url), clock=FakeClock())
        snapshot = caller.repository.load(credential_id)

        winner = caller.repository.commit(credential_id, snapshot.revision, hotp(credential_id))

    assert winner is not None
    assert winner.state is None
