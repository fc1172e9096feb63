"""While Redis fails in any way, no code is accepted, and every call ends within 5 s. It recovers with Redis."""

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.errors import StoreUnavailable
from domain.hotp import HotpCredential
from domain.owner import CredentialId
from domain.verdict import Accepted
from infrastructure.network import deadline
from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.gateway import MAX_RETRYING_CALLERS, Gateway
from infrastructure.redis.client.url import Client, connector
from infrastructure.redis.stores.credentials import key_of
from infrastructure.redis.stores.rate_limits import COUNT
from tests.infrastructure.redis.callers import Caller, all_at_once, answers, new_owner, notice, timed
from tests.support.processes import free_port, wait_until
from tests.support.redis_server import RedisServer

LIMIT = 5.0
"""Seconds."""


class Rig:
    """A server that the test may harm, a caller, and a credential whose next valid code is known."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.caller = Caller(connector(server.url))
        self.credential_id = self.caller.enrol(new_owner())
        self._stored = self.caller.repository.load(self.credential_id)

    def load(self) -> object:
        return self.caller.repository.load(self.credential_id)

    def commit(self) -> object:
        state = self._stored.state
        assert isinstance(state, HotpCredential)
        return self.caller.repository.commit(self.credential_id, self._stored.revision, replace(state, counter=100))

    def works(self) -> bool:
        """Return whether a valid code is accepted. A code that was sent before the fault may be spent."""
        return answers(self.load) and any(self.caller.verify(self.credential_id, c) == Accepted() for c in range(5))


@pytest.fixture
def rig(own_server: RedisServer) -> Iterator[Rig]:
    rig = Rig(own_server)
    yield rig
    rig.caller.gateway.close()


def fails_in_time(operation: Callable[[], object]) -> bool:
    return timed(operation) < LIMIT


@contextlib.contextmanager
def admin(server: RedisServer) -> Iterator[redis.Redis]:
    client = server.client()
    yield client
    client.close()


# A server that does not answer


def test_the_last_attempt_does_not_hide_the_explanation() -> None:
    """On a busy machine, the last attempt may have no time left."""

    def connect(_client: object) -> None:
        attempts.append(len(attempts))
        raise redis.ConnectionError if attempts == [0] else redis.TimeoutError

    attempts: list[int] = []
    gateway = Gateway(connector("redis://127.0.0.1"))
    with deadline.within(0.2), pytest.raises(StoreUnavailable, match="can't be reached"):
        gateway.look(connect)
    assert len(attempts) > 1


def test_a_server_that_has_not_started_is_reported_in_time_and_used_after_its_start() -> None:
    server = RedisServer(port=free_port())
    caller = Caller(connector(server.url))
    assert fails_in_time(caller.gateway.ping)
    with server:
        caller.gateway.ping()
        caller.gateway.close()


@pytest.mark.parametrize("operation", ["load", "commit"])
def test_a_killed_server_is_reported_in_time(rig: Rig, operation: str) -> None:
    rig.server.kill()
    assert fails_in_time(getattr(rig, operation))


def test_a_restarted_server_is_used_at_once(rig: Rig) -> None:
    rig.server.kill()
    notice(rig.load)
    rig.server.start()
    assert rig.works()


def test_a_restart_between_two_operations_causes_no_failure(rig: Rig) -> None:
    rig.server.restart()
    assert rig.works()


@pytest.mark.parametrize("operation", ["load", "commit"])
def test_a_frozen_server_is_reported_in_time(rig: Rig, operation: str) -> None:
    rig.server.freeze()
    assert fails_in_time(getattr(rig, operation))


def test_a_thawed_server_carries_out_a_commit_once(rig: Rig) -> None:
    rig.server.freeze()
    notice(rig.load)
    notice(rig.commit)
    rig.server.thaw()
    wait_until(lambda: answers(rig.load), "the thaw")
    assert rig.caller.verify(rig.credential_id, 100) == Accepted()


def test_a_freeze_while_codes_are_verified_accepts_none_twice(rig: Rig) -> None:
    accepted: list[int] = []
    stop = threading.Event()

    def verify() -> None:
        while not stop.is_set():
            for counter in range(len(accepted), len(accepted) + 5):
                with contextlib.suppress(StoreUnavailable):
                    if rig.caller.verify(rig.credential_id, counter) == Accepted():
                        accepted.append(counter)

    traffic = threading.Thread(target=verify)
    traffic.start()
    try:
        wait_until(lambda: len(accepted) > 20, "traffic")
        rig.server.freeze()
        notice(rig.load)
        rig.server.thaw()
        after = len(accepted)
        wait_until(lambda: len(accepted) > after + 20, "traffic after the freeze")
    finally:
        rig.server.thaw()
        stop.set()
        traffic.join()
    assert len(accepted) == len(set(accepted))


def test_callers_fail_fast_after_one_has_used_up_its_time(rig: Rig) -> None:
    rig.server.freeze()
    notice(rig.load)
    times = all_at_once([lambda: timed(rig.load)] * 16)
    assert max(times) < 2 * deadline.SOCKET_TIMEOUT + 0.5


def test_the_first_success_ends_an_outage_for_all_threads(rig: Rig) -> None:
    rig.server.freeze()
    notice(rig.load)
    all_at_once([lambda: timed(rig.load)] * 16)
    rig.server.thaw()
    rig.load()
    all_at_once([rig.load] * 16)


def test_a_limited_number_of_callers_waits_for_a_suspected_server(rig: Rig) -> None:
    rig.server.freeze()
    notice(rig.load)
    refusals: list[str] = []
    enough = threading.Event()

    def call() -> None:
        while not enough.is_set():
            with pytest.raises(StoreUnavailable) as refusal:
                rig.load()
            refusals.append(str(refusal.value))

    with ThreadPoolExecutor(2 * MAX_RETRYING_CALLERS) as pool:
        callers = [pool.submit(call) for _ in range(2 * MAX_RETRYING_CALLERS)]
        wait_until(
            lambda: sum("already waiting" in text for text in refusals) > 100, "callers that are refused at once"
        )
        enough.set()
    assert [caller.result() for caller in callers] == [None] * 2 * MAX_RETRYING_CALLERS
    # Each waiting request takes half a second. In the meantime, hundreds are refused at once.
    assert sum("already waiting" not in text for text in refusals) < len(refusals) / 5


def test_failing_writes_fail_fast_although_reads_succeed(rig: Rig) -> None:
    with admin(rig.server) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", free_port())
        notice(rig.commit)
        rig.load()
        assert timed(rig.commit) < 1


def test_the_deadline_of_a_request_covers_all_its_operations(rig: Rig) -> None:
    rig.server.freeze()
    start = time.monotonic()
    with deadline.within(deadline.BUDGET):
        for _ in range(3):
            timed(rig.load)
            timed(rig.commit)
    assert time.monotonic() - start < LIMIT


# A server that refuses commands


Refusal = tuple[list[str], list[str]]
REFUSALS: dict[str, Refusal] = {
    "it is full": (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
    "it has too few replicas": (
        ["CONFIG", "SET", "min-replicas-to-write", "1"],
        ["CONFIG", "SET", "min-replicas-to-write", "0"],
    ),
    "it is a replica": (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_commit_is_reported_in_time(rig: Rig, refusal: str) -> None:
    with admin(rig.server) as client:
        client.execute_command(*REFUSALS[refusal][0])
        assert fails_in_time(rig.commit)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_verification_accepts_nothing_and_spends_nothing(rig: Rig, refusal: str) -> None:
    with admin(rig.server) as client:
        client.execute_command(*REFUSALS[refusal][0])
        notice(lambda: rig.caller.verify(rig.credential_id, 0))
        client.execute_command(*REFUSALS[refusal][1])
    assert rig.caller.verify(rig.credential_id, 0) == Accepted()


def test_a_server_that_cannot_save_is_reported_in_time(rig: Rig) -> None:
    with admin(rig.server) as client:
        client.config_set("save", "1 1")
        shutil.rmtree(rig.server.directory)
        with contextlib.suppress(redis.ResponseError):
            client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a failed save")
        assert fails_in_time(rig.commit)
        client.config_set("save", "")
    assert rig.works()


def test_a_flushed_script_is_loaded_again(rig: Rig) -> None:
    with admin(rig.server) as client:
        client.script_flush()
    assert rig.works()


def test_a_server_busy_with_a_script_is_reported_in_time(rig: Rig) -> None:
    with admin(rig.server) as client:
        client.config_set("busy-reply-threshold", 1)
        busy = threading.Thread(target=lambda: _suppressed(lambda: client.eval("while true do end", 0)))
        busy.start()
        wait_until(lambda: not answers(rig.load), "the script's start")
        assert fails_in_time(rig.load)
        assert fails_in_time(rig.commit)
        with admin(rig.server) as other:
            wait_until(lambda: _suppressed(other.script_kill), "the script's end")
        busy.join()
    assert rig.works()


def test_a_changed_password_is_reported_at_once(rig: Rig) -> None:
    with admin(rig.server) as client:
        client.config_set("requirepass", "changed")
        rig.caller.gateway.close()
        assert timed(rig.load) < 1
        client.execute_command("AUTH", "changed")
        client.config_set("requirepass", "")
    assert rig.works()


def test_a_wrong_password_is_reported_at_once(own_server: RedisServer) -> None:
    with admin(own_server) as client:
        client.config_set("requirepass", "right")
    caller = Caller(connector(own_server.url.replace("//", "//:wrong@")))
    assert timed(caller.gateway.ping) < 1
    caller.gateway.close()


def test_a_closed_connection_is_opened_again(rig: Rig) -> None:
    with admin(rig.server) as client:
        for counter in range(20):
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert rig.caller.verify(rig.credential_id, counter) == Accepted()


# Values that the service did not write


def test_a_key_of_another_type_is_reported_at_once(rig: Rig) -> None:
    with admin(rig.server) as client:
        client.delete(key_of(rig.credential_id))
        client.rpush(key_of(rig.credential_id), "a list")
        assert timed(rig.load) < 1
        assert timed(rig.commit) < 1


@pytest.fixture(scope="module")
def spoiled() -> Iterator[tuple[Caller, CredentialId, bytes]]:
    caller = Caller(embedded())
    credential_id = caller.enrol(new_owner(), 3600)
    value = caller.gateway.get(key_of(credential_id))
    assert value is not None
    yield caller, credential_id, value
    caller.gateway.close()


@given(st.binary(min_size=1))
def test_an_arbitrary_value_is_unreadable(spoiled: tuple[Caller, CredentialId, bytes], garbage: bytes) -> None:
    caller, credential_id, _ = spoiled
    _store(caller, credential_id, garbage)
    with pytest.raises(StoreUnavailable):
        caller.verify(credential_id, 0)


@given(st.binary(min_size=1, max_size=200))
def test_an_arbitrary_value_after_a_revision_is_unreadable(
    spoiled: tuple[Caller, CredentialId, bytes], garbage: bytes
) -> None:
    caller, credential_id, value = spoiled
    _store(caller, credential_id, value[:9] + garbage)
    with pytest.raises(StoreUnavailable):
        caller.verify(credential_id, 0)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_record_with_a_changed_byte_is_unreadable_or_another_state(
    spoiled: tuple[Caller, CredentialId, bytes], data: st.DataObject
) -> None:
    caller, credential_id, value = spoiled
    index = data.draw(st.integers(0, len(value) - 1))
    byte = data.draw(st.integers(0, 255))
    _store(caller, credential_id, value[:index] + bytes([byte]) + value[index + 1 :])
    answers(lambda: caller.repository.load(credential_id))


def test_the_log_does_not_repeat_an_unreadable_value(
    spoiled: tuple[Caller, CredentialId, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caller, credential_id, value = spoiled
    _store(caller, credential_id, value[:9] + b"\xa6secret")
    with caplog.at_level(logging.DEBUG):
        answers(lambda: caller.repository.load(credential_id))
    assert caplog.records
    assert "secret" not in str([vars(record) for record in caplog.records])


def test_a_record_of_another_owner_does_not_open(rig: Rig) -> None:
    other = CredentialId(new_owner(), rig.credential_id.factor)
    with admin(rig.server) as client:
        client.copy(key_of(rig.credential_id), key_of(other))
    with pytest.raises(StoreUnavailable):
        rig.caller.verify(other, 0)


def test_no_argument_of_a_command_reaches_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        rig.server.kill()
        notice(rig.commit)
    assert str(rig.credential_id.owner) not in caplog.text


def _store(caller: Caller, credential_id: CredentialId, value: bytes) -> None:
    caller.gateway.set(key_of(credential_id), value)  # type: ignore[arg-type] # no caller does this


def _suppressed(call: Callable[[], object]) -> bool:
    try:
        call()
    except redis.RedisError:
        return False
    return True


COMMANDS: dict[str, Callable[[Gateway], object]] = {
    "get": lambda gateway: gateway.get("k"),
    "get_all": lambda gateway: gateway.get_all(["k"]),
    "set": lambda gateway: gateway.set("k", "v"),
    "delete": lambda gateway: gateway.delete(["k"]),
    "seconds_to_live": lambda gateway: gateway.seconds_to_live("k"),
    "run_script": lambda gateway: gateway.run_script(COUNT, "k", 1, 1),
    "scan": lambda gateway: list(gateway.scan("*")),
    "ping": lambda gateway: gateway.ping(),
    "describe": lambda gateway: gateway.describe(),
    "look": lambda gateway: gateway.look(lambda client: client),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("error", [redis.ConnectionError, redis.exceptions.RedisClusterException, redis.TimeoutError])
def test_every_command_reports_a_failure_of_the_first_connection(command: str, error: type[Exception]) -> None:
    def connect() -> Client:
        raise error("nothing answers")

    with deadline.within(0.05), pytest.raises(StoreUnavailable):
        COMMANDS[command](Gateway(connect))
