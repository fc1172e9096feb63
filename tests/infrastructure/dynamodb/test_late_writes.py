"""A request whose response is lost may be carried out minutes later. It must not undo what has happened since."""

import pytest

from application.ports.stores import Snapshot
from domain.owner import CredentialId, Factor
from domain.verdict import Accepted
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import new_owner
from tests.support.dynamodb import patience
from tests.support.dynamodb_faults import Answer, FaultyDynamo, Forward


class Held:
    """The first request for an operation, held back. Its repetition is carried out."""

    def __init__(self, faulty: FaultyDynamo, operation: str = "PutItem") -> None:
        self._held: list[Forward] = []
        self._operation = operation
        faulty.fault = self._fault

    def arrive(self) -> None:
        """Carry the request out now."""
        (late,) = self._held
        late()

    def _fault(self, operation: str, forward: Forward) -> Answer | None:
        if operation == self._operation and not self._held:
            self._held.append(forward)
            return None
        return forward()


def loaded(instance: Instance, credential_id: CredentialId) -> Snapshot:
    with patience():
        return instance.repository.load(credential_id)


def test_a_late_removal_of_an_owner_does_not_remove_a_new_credential(behind: Instance, faulty: FaultyDynamo) -> None:
    owner = new_owner()
    behind.enrol(owner)
    late = Held(faulty)
    with patience():
        behind.repository.forget(owner)
    credential_id = behind.enrol(owner)
    assert behind.verify(credential_id, 0) == Accepted()
    late.arrive()
    assert loaded(behind, credential_id).state is not None, "the account has lost its factor"
    assert behind.verify(credential_id, 1) == Accepted()


def test_a_late_removal_of_a_record_does_not_remove_a_new_credential(behind: Instance, faulty: FaultyDynamo) -> None:
    owner = new_owner()
    credential_id = behind.enrol(owner)
    late = Held(faulty)
    with patience():
        behind.repository.discard(credential_id)
    behind.enrol(owner)
    late.arrive()
    assert loaded(behind, CredentialId(owner, Factor.HOTP)).state is not None


def test_a_late_beginning_does_not_continue_a_session_of_the_gate_that_has_ended(
    behind: Instance, faulty: FaultyDynamo
) -> None:
    gate = behind.store.gate_sessions("gate", 60)
    late = Held(faulty)
    with patience():
        token = gate.begin("alice")
        assert gate.user_of([token]) == "alice"
        gate.end([token])
        late.arrive()
        assert gate.user_of([token]) is None


@pytest.mark.parametrize("repetitions", [1, 2])
def test_a_session_of_the_gate_can_be_ended_again(behind: Instance, faulty: FaultyDynamo, repetitions: int) -> None:
    gate = behind.store.gate_sessions("gate", 60)
    with patience():
        token = gate.begin("alice")
        for _ in range(repetitions):
            gate.end([token])
        assert gate.user_of([token]) is None
    assert [name for name, _ in faulty.requests].count("PutItem") == 2, "one to begin, one to end"
