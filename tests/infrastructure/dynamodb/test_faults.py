"""While DynamoDB or the network fails in any way, no code is accepted, and every call ends within 5 s."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from application.errors import StoreUnavailable
from domain.hotp import HotpCredential
from domain.owner import CredentialId
from domain.verdict import Accepted, Reason, Rejected
from infrastructure.dynamodb.client.errors import DynamoError
from infrastructure.network import deadline
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import all_at_once, new_owner, timed
from tests.infrastructure.store.states import put, states
from tests.support.dynamodb import REGION, DynamoServer
from tests.support.dynamodb_faults import Answer, Fault, FaultyDynamo, Forward, error
from tests.support.tcp_proxy import TcpProxy

LIMIT = 5.0
"""Seconds."""
UNAVAILABLE = Answer(503, b"<html>no</html>", checksum=False)


def always(answer: Answer | None) -> Fault:
    """Return a fault of every request, which is not carried out."""
    return lambda _operation, _forward: answer


def instead(answer: Answer | None, operation: str = "PutItem") -> Fault:
    """Return a fault that carries out an operation and then responds with something else."""

    def fault(name: str, forward: Forward) -> Answer | None:
        done = forward()
        return answer if name == operation else done

    return fault


def once(fault: Fault, operation: str = "PutItem") -> Fault:
    """Return a fault of the first request for an operation."""
    left = [fault]

    def first(name: str, forward: Forward) -> Answer | None:
        return left.pop()(name, forward) if name == operation and left else forward()

    return first


NOT_CARRIED_OUT = {
    "throttled": always(error("ProvisionedThroughputExceededException")),
    "too many requests": always(error("ThrottlingException")),
    "conflict": always(error("TransactionConflictException")),
    "server error": always(error("InternalServerError", 500)),
    "proxy error": always(UNAVAILABLE),
    "closed connection": always(None),
    "access denied": always(error("AccessDeniedException")),
    "no table": always(error("ResourceNotFoundException")),
    "unknown error": always(error("SomethingNewException")),
    "not JSON": always(Answer(200, b"<html>welcome</html>")),
    "empty": always(Answer(200, b"")),
    "success without a checksum": always(Answer(200, b"{}", checksum=False)),
    "redirect": always(Answer(302, b"{}")),
    "another success": always(Answer(202, b"{}")),
    "error that is no JSON": always(Answer(400, b"bad")),
    "error with status 200": always(error("InternalServerError", 200)),
    "JSON without an end to its nesting": always(Answer(200, b"[" * 100_000)),
    "JSON that is no object": always(Answer(400, b"[]")),
}
CARRIED_OUT = {
    "closed connection": instead(None),
    "server error": instead(error("InternalServerError", 500)),
    "proxy error": instead(UNAVAILABLE),
    "not JSON": instead(Answer(200, b"<html>welcome</html>", checksum=False)),
    "without a checksum": instead(Answer(200, b"{}", checksum=False)),
}


@pytest.mark.parametrize("fault", NOT_CARRIED_OUT)
@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
def test_a_fault_is_reported_in_time_and_accepts_nothing(
    behind: Instance, faulty: FaultyDynamo, dynalite: DynamoServer, fault: str, operation: str
) -> None:
    credential_id = behind.enrol(new_owner())
    failing = NOT_CARRIED_OUT[fault]
    faulty.fault = lambda name, forward: failing(name, forward) if name == operation else forward()
    assert timed(lambda: behind.verify_in_time(credential_id, 0)) < LIMIT
    # The fault stays: on a busy machine, a request that has timed out may arrive later. It must not be carried out.
    with Instance(dynalite.url_of(behind.table._url.table)) as other:
        assert other.verify(credential_id, 0) == Accepted(), "the code was not judged before"


@pytest.mark.parametrize("fault", CARRIED_OUT)
def test_a_commit_whose_response_is_lost_once_is_recognized(behind: Instance, faulty: FaultyDynamo, fault: str) -> None:
    credential_id = behind.enrol(new_owner())
    for counter in range(3):
        faulty.fault = once(CARRIED_OUT[fault])
        assert behind.verify(credential_id, counter) == Accepted()
        assert behind.verify(credential_id, counter) == Rejected(Reason.REPLAYED, 5)


@pytest.mark.parametrize("fault", CARRIED_OUT)
def test_a_commit_whose_responses_are_all_lost_accepts_nothing_and_spends_the_code(
    behind: Instance, faulty: FaultyDynamo, fault: str
) -> None:
    credential_id = behind.enrol(new_owner())
    faulty.fault = CARRIED_OUT[fault]
    assert timed(lambda: behind.verify_in_time(credential_id, 0)) < LIMIT
    faulty.fault = None
    assert behind.verify(credential_id, 0) == Rejected(Reason.REPLAYED, 5)


def test_a_commit_that_another_one_has_replaced_meanwhile_is_lost(
    behind: Instance, faulty: FaultyDynamo, dynalite: DynamoServer
) -> None:
    """The response to an acceptance is lost, and a later code is accepted before the repetition."""
    credential_id = behind.enrol(new_owner())
    other = Instance(dynalite.url_of(behind.table._url.table))

    def fault(_operation: str, forward: Forward) -> None:
        forward()
        assert other.verify(credential_id, 1) == Accepted()

    with other:
        faulty.fault = once(fault)
        assert behind.verify(credential_id, 0) == Rejected(Reason.REPLAYED, 5)
        assert other.verify(credential_id, 2) == Accepted()


def test_a_commit_is_recognized_after_a_change_of_another_credential(
    behind: Instance, faulty: FaultyDynamo, dynalite: DynamoServer
) -> None:
    owner = new_owner()
    credential_id = behind.enrol(owner)
    with Instance(dynalite.url_of(behind.table._url.table)) as other:

        def fault(_operation: str, forward: Forward) -> None:
            forward()
            put(other.store, states(credential_id)["totp"])

        faulty.fault = once(fault)
        assert behind.verify(credential_id, 0) == Accepted()
        assert len(behind.repository.load_all(owner).snapshots) == 2


def test_a_request_that_is_carried_out_late_changes_nothing(behind: Instance, faulty: FaultyDynamo) -> None:
    """A first write is held back until the same commit, a removal of everything, and more have been carried out."""
    owner, late = new_owner(), []

    def hold(_operation: str, forward: Forward) -> None:
        late.append(forward)

    faulty.fault = once(hold)
    credential_id = behind.enrol(owner)
    assert behind.verify(credential_id, 0) == Accepted()
    behind.repository.forget(owner)
    assert late[0]().status == 400
    assert behind.repository.load(credential_id).state is None


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "TransactionConflictException"])
def test_a_short_throttle_delays_a_verification_only(behind: Instance, faulty: FaultyDynamo, code: str) -> None:
    credential_id = behind.enrol(new_owner())
    refusals = iter([error(code)] * 3)
    faulty.fault = lambda _operation, forward: next(refusals, None) or forward()
    assert behind.verify(credential_id, 0) == Accepted()


def test_a_throttled_item_does_not_stop_the_others(behind: Instance, faulty: FaultyDynamo) -> None:
    credential_id, other = behind.enrol(new_owner()), behind.enrol(new_owner())
    hot = threading.Event()

    def fault(operation: str, forward: Forward) -> Answer | None:
        return error("ThrottlingException") if operation == "PutItem" and hot.is_set() else forward()

    faulty.fault = fault
    hot.set()
    assert timed(lambda: behind.verify_in_time(credential_id, 0)) < LIMIT
    hot.clear()
    assert behind.verify(other, 0) == Accepted()


def test_no_code_is_judged_while_writes_are_refused(behind: Instance, faulty: FaultyDynamo) -> None:
    credential_id = behind.enrol(new_owner())
    denied = always(error("AccessDeniedException"))
    faulty.fault = lambda name, forward: denied(name, forward) if name == "PutItem" else forward()
    timed(lambda: behind.verify_in_time(credential_id, 9000))
    faulty.requests.clear()
    timed(lambda: behind.verify_in_time(credential_id, 9000))
    (_, (operation, body)) = faulty.requests
    assert (operation, b"write-trial" in body) == ("PutItem", True), "a trial comes before the judgement"
    faulty.fault = None
    assert behind.verify(credential_id, 0) == Accepted()


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("access denied", "does not allow the service this operation: check its IAM policy"),
        ("no table", "does not exist: create it, or correct OPEN_MFA_STORE_URL (ResourceNotFoundException)"),
        ("throttled", "throttles"),
        ("server error", "fails (InternalServerError)"),
        ("not JSON", "does not answer correctly: check the endpoint"),
    ],
)
def test_a_fault_is_explained(behind: Instance, faulty: FaultyDynamo, fault: str, text: str) -> None:
    faulty.fault = NOT_CARRIED_OUT[fault]
    with pytest.raises(StoreUnavailable) as raised:
        behind.store.check_ready()
    assert text in str(raised.value)
    assert f"{behind.table._url.table} in {REGION}" in str(raised.value)


@given(
    status=st.sampled_from([200, 201, 204, 301, 400, 403, 404, 413, 500, 502, 503]),
    body=st.binary(max_size=64) | st.sampled_from([b"{}", b'{"Item": {}}', b"[]", b"null", b"{", b'{"__type": 5}']),
    checksum=st.booleans(),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_response_but_that_of_dynamodb_is_an_acceptance(
    behind: Instance, faulty: FaultyDynamo, status: int, body: bytes, checksum: bool
) -> None:
    assume(not (status == 200 and checksum and body.startswith(b"{") and body.endswith(b"}")))
    faulty.fault = None
    credential_id = behind.enrol(new_owner())
    lie = Answer(status, body, checksum)
    faulty.fault = lambda name, forward: lie if name == "PutItem" else forward()
    with deadline.within(0.2):
        assert timed(lambda: behind.verify_in_time(credential_id, 0)) < LIMIT


# The network


@pytest.fixture
def proxy(dynalite: DynamoServer) -> Iterator[TcpProxy]:
    with TcpProxy(dynalite.port) as proxy:
        yield proxy


@pytest.fixture
def far(proxy: TcpProxy, dynalite: DynamoServer) -> Iterator[Instance]:
    """An instance whose connections pass a proxy."""
    table = dynalite.new_table().partition("//")[2].partition("?")[0]
    with Instance(dynalite.url_of(table, proxy.port)) as instance:
        yield instance


def commit(instance: Instance, credential_id: CredentialId) -> Callable[[], object]:
    snapshot = instance.repository.load(credential_id)
    assert isinstance(snapshot.state, HotpCredential)
    return partial(instance.repository.commit, credential_id, snapshot.revision, replace(snapshot.state, counter=7))


@pytest.mark.parametrize("operation", ["load", "commit"])
@pytest.mark.parametrize("fault", ["silence", "drip", "delay"])
def test_a_fault_of_the_network_is_reported_in_time(far: Instance, proxy: TcpProxy, fault: str, operation: str) -> None:
    credential_id = far.enrol(new_owner())
    call = partial(far.repository.load, credential_id) if operation == "load" else commit(far, credential_id)
    match fault:
        case "silence":
            proxy.delay = 3600
        case "drip":
            proxy.drip, proxy.delay = True, 0.1
        case "delay":
            proxy.delay = 2.0
    assert timed(call) < LIMIT
    proxy.delay, proxy.drip = 0.0, False


def test_a_lost_connection_after_a_commit_accepts_the_code_once(far: Instance, proxy: TcpProxy) -> None:
    credential_id = far.enrol(new_owner())
    for counter in range(5):
        proxy.lose_answer(b"PutItem")
        assert far.verify(credential_id, counter) == Accepted()
        assert far.verify(credential_id, counter) == Rejected(Reason.REPLAYED, 5)


def test_an_idle_connection_that_was_closed_is_not_used(far: Instance, proxy: TcpProxy) -> None:
    credential_id = far.enrol(new_owner())
    for counter in range(5):
        for connection in proxy._connections:
            connection.close()
        assert far.verify(credential_id, counter) == Accepted()


def test_a_host_that_does_not_exist_is_explained() -> None:
    url = f"dynamodb://a-table?region={REGION}&endpoint=http://does-not-exist.invalid"
    with Instance(url) as instance, pytest.raises(StoreUnavailable, match="its name does not resolve"):
        instance.store.check_ready()


def test_a_port_that_is_closed_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"dynamodb://a-table?region={REGION}&endpoint=http://127.0.0.1:{port}"
    with Instance(url) as instance, pytest.raises(StoreUnavailable, match="can't be reached"):
        instance.store.check_ready()


def test_callers_fail_fast_after_one_has_used_up_its_time(far: Instance, proxy: TcpProxy) -> None:
    far.store.check_ready()
    proxy.delay = 3600
    with deadline.within(0.6):
        timed(far.store.check_ready)
    assert max(all_at_once([lambda: timed(far.store.check_ready)] * 16)) < LIMIT / 2


def test_the_deadline_of_a_request_covers_all_its_operations(far: Instance, proxy: TcpProxy) -> None:
    far.store.check_ready()
    proxy.delay = 3600
    with deadline.within(1.0), contextlib.suppress(StoreUnavailable):
        far.store.check_ready()
    with deadline.within(0.0):
        assert timed(far.store.check_ready) < 1


def test_a_table_without_capacity_for_a_batch_is_reported_in_time(behind: Instance, faulty: FaultyDynamo) -> None:
    """Each response is a success that has read nothing."""

    def nothing_read(operation: str, forward: Forward) -> Answer:
        if operation != "BatchGetItem":
            return forward()
        _, body = faulty.requests[-1]
        content = {"Responses": {}, "UnprocessedKeys": json.loads(body)["RequestItems"]}
        return Answer(200, json.dumps(content).encode())

    faulty.fault = nothing_read
    gate = behind.store.gate_sessions("gate", 60)
    assert timed(lambda: gate.user_of([gate.begin("alice")])) < LIMIT
    assert len(faulty.requests) < 200, "the attempts have pauses"


@pytest.mark.parametrize("fault", ["server error", "throttled", "proxy error", "closed connection"])
def test_the_client_library_repeats_nothing(behind: Instance, faulty: FaultyDynamo, fault: str) -> None:
    """It would neither know the deadline, nor which calls may have been carried out."""
    faulty.fault = NOT_CARRIED_OUT[fault]
    with pytest.raises(DynamoError):
        behind.table._calls.call("get_item", TableName="any", Key={"id": {"S": "any"}})
    assert len(faulty.requests) == 1
