"""The time after which DynamoDB may remove an item."""

import pytest

from infrastructure.dynamodb.client.items import number_in
from infrastructure.dynamodb.stores.counters import COUNT, Counter
from infrastructure.dynamodb.stores.owner_item import OwnerItem
from infrastructure.records.owner_records import NewRecord
from tests.infrastructure.dynamodb.instances import Instance
from tests.support.dynamodb import DynamoServer, patience

NOW = 1000


@pytest.mark.parametrize(
    ("ends", "expires"), [((1100, 1300), {"N": "1300"}), ((1300, 1100), {"N": "1300"}), ((1100, None), None)]
)
def test_an_item_expires_with_the_last_of_its_records(
    ends: tuple[int | None, int | None], expires: dict[str, str] | None
) -> None:
    records = dict(zip(("totp", "hotp"), (NewRecord(b"value", end) for end in ends), strict=True))
    assert OwnerItem().changed(records, NOW).attributes(NOW).get("expires") == expires


@pytest.mark.parametrize(("lifetime", "remembered"), [(60, 1200), (7200, 7200)])
def test_an_ended_session_of_the_gate_is_remembered_as_long_as_its_beginning_can_be_late(
    dynalite: DynamoServer, lifetime: int, remembered: int
) -> None:
    with Instance(dynalite.new_table()) as instance, patience():
        gate = instance.store.gate_sessions("gate", lifetime)
        gate.end([gate.begin("alice")])
        (item,) = instance.table.scan("gate-session:", None, 10).items
        assert int(item["expires"]["N"]) == instance.repository._clock.now() + remembered


def test_a_counter_never_exceeds_its_limit(dynalite: DynamoServer) -> None:
    with Instance(dynalite.new_table()) as instance, patience():
        counter = Counter("key", 60, 2)
        items = [counter.add(instance.table, NOW) for _ in range(4)]
        assert [item and number_in(item, COUNT) for item in items] == [1, 2, None, None]


def test_a_count_is_taken_back_only_from_its_own_window(dynalite: DynamoServer) -> None:
    with Instance(dynalite.new_table()) as instance, patience():
        counter = Counter("key", 60, 2)
        first, second = counter.add(instance.table, NOW), counter.add(instance.table, NOW)
        assert first is not None
        assert second is not None
        counter.take_back(instance.table, second)
        assert counter.add(instance.table, NOW) == second
        later = counter.add(instance.table, NOW + 60)
        counter.take_back(instance.table, first)
        assert later is not None
        assert instance.table.get("key") == {"id": {"S": "key"}} | dict(later)
