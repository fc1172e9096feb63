"""The calls of each operation, whose costs docs/how-to/use-dynamodb.md states."""

from collections.abc import Iterator

import pytest

from application.ports.delivery import Channel
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import new_owner, unique_letters
from tests.infrastructure.store.states import hotp, put
from tests.support.dynamodb import patience
from tests.support.dynamodb_faults import FaultyDynamo
from tests.support.sends import wait_of


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    with patience():
        yield


def operations(faulty: FaultyDynamo) -> list[str]:
    """Return the operations since the last call of this function."""
    names = [name for name, _ in faulty.requests]
    faulty.requests.clear()
    return names


def test_a_verification_is_one_read_and_one_write(behind: Instance, faulty: FaultyDynamo) -> None:
    credential_id = behind.enrol(new_owner())
    assert operations(faulty) == ["GetItem", "PutItem"]
    behind.verify(credential_id, 0)
    assert operations(faulty) == ["GetItem", "PutItem"]
    behind.verify(credential_id, 9000)
    assert operations(faulty) == ["GetItem", "PutItem"]


def test_all_credentials_are_one_read_and_forgotten_with_one_read_and_one_write(
    behind: Instance, faulty: FaultyDynamo
) -> None:
    owner = new_owner()
    for number in range(1, 4):
        put(behind.store, hotp(CredentialId(owner, Factor.HOTP, f"{number:010d}")))
    operations(faulty)
    assert len(behind.repository.load_all(owner).snapshots) == 3
    assert operations(faulty) == ["GetItem"]
    behind.repository.forget(owner)
    assert operations(faulty) == ["GetItem", "PutItem"]


def test_a_count_is_one_write_except_for_the_first_of_a_window(behind: Instance, faulty: FaultyDynamo) -> None:
    behind.store.rate_limits.count("key", 100)
    assert operations(faulty) == ["UpdateItem", "PutItem"]
    behind.store.rate_limits.count("key", 100)
    assert operations(faulty) == ["UpdateItem"]


def test_the_gate_reads_all_cookies_at_once_and_writes_for_none_that_is_unknown(
    behind: Instance, faulty: FaultyDynamo
) -> None:
    gate = behind.store.gate_sessions("gate", 60)
    token = gate.begin("ann")
    assert operations(faulty) == ["PutItem"]
    unknown = [f"{number:043d}" for number in range(90)]
    assert gate.user_of([token, *unknown]) == "ann"
    assert operations(faulty) == ["BatchGetItem"]
    gate.end([token, token, *unknown])
    assert operations(faulty) == ["BatchGetItem", "PutItem"]
    gate.user_of(["no token"])
    assert operations(faulty) == []


@pytest.mark.parametrize(("kind", "writes"), [(OwnerKind.ACCOUNT, 2), (OwnerKind.SESSION, 3)])
def test_a_sent_code_is_counted_by_one_write_for_each_limit(
    behind: Instance, faulty: FaultyDynamo, kind: OwnerKind, writes: int
) -> None:
    owner = Owner(kind, f"{unique_letters()}:a")
    for _ in range(2):
        operations(faulty)
        to = f"{unique_letters()}@example.org"
        assert wait_of(behind.store.send_limit, owner, Channel.EMAIL, to) == 0
    first, *others = operations(faulty)
    assert first == "BatchGetItem"
    assert sorted(others) == ["PutItem", *["UpdateItem"] * (writes - 1)]


def test_a_refused_code_counts_for_no_limit(behind: Instance, faulty: FaultyDynamo) -> None:
    owner, to = Owner(OwnerKind.ACCOUNT, f"{unique_letters()}:a"), f"{unique_letters()}@example.org"
    for _ in range(5):
        assert wait_of(behind.store.send_limit, owner, Channel.EMAIL, to) == 0
    operations(faulty)
    assert wait_of(behind.store.send_limit, owner, Channel.EMAIL, to) > 0
    assert operations(faulty) == ["BatchGetItem"]
