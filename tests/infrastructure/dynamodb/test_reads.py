"""Reads of the table."""

import json

from application.ports.delivery import Channel
from domain.owner import Owner, OwnerKind
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import new_owner
from tests.support.dynamodb import patience
from tests.support.dynamodb_faults import Answer, FaultyDynamo, Forward

READS = {"GetItem", "BatchGetItem", "Scan"}


def test_every_read_is_strongly_consistent(behind: Instance, faulty: FaultyDynamo) -> None:
    """Other reads may return a state in which a spent code is not spent yet."""
    owner = new_owner()
    with patience():
        behind.verify(behind.enrol(owner), 0)
        behind.repository.load_all(owner)
        gate = behind.store.gate_sessions("gate", 60)
        gate.end([gate.begin("alice")])
        behind.store.send_limit.admit(Owner(OwnerKind.SESSION, "s"), Channel.EMAIL, "a@example.org", "192.0.2.1")
        behind.store.rate_limits.window_left("key")
        behind.store.log_levels.read()
        behind.store.check_ready()
        behind.store.describe()
        list(behind.repository.ids())
        behind.store.accounts.accounts("shop", None, 10)
        behind.repository.forget(owner)
    bodies = [(name, json.loads(body)) for name, body in faulty.requests if name in READS]
    assert {name for name, _ in bodies} == READS
    for name, body in bodies:
        (table,) = body["RequestItems"].values() if name == "BatchGetItem" else [body]
        assert table["ConsistentRead"] is True, name


def test_items_that_a_batch_has_not_read_are_read_again(behind: Instance, faulty: FaultyDynamo) -> None:
    gate = behind.store.gate_sessions("gate", 60)
    left = [0, 1]

    def partly(operation: str, forward: Forward) -> Answer:
        if operation != "BatchGetItem" or not left:
            return forward()
        left.pop()
        _, body = faulty.requests[-1]
        content = {"Responses": {}, "UnprocessedKeys": json.loads(body)["RequestItems"]}
        return Answer(200, json.dumps(content).encode())

    with patience():
        token = gate.begin("alice")
        faulty.fault = partly
        assert gate.user_of([token]) == "alice"
    assert left == []
