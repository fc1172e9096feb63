"""The contract of the anchors of the audit trail."""

import secrets

from application.ports.audit_anchors import ANCHOR_LIFETIME, MOST_HEADS
from infrastructure.dynamodb.store import DynamoStore
from infrastructure.redis.store import RedisStore
from infrastructure.redis.stores.audit_anchors import KEY_PREFIX
from infrastructure.store import Store
from tests.support.fakes import FakeClock


def _chain() -> str:
    return secrets.token_hex(16)


def test_the_anchors_of_all_chains_are_returned(store: Store) -> None:
    chains = {_chain(): f'{{"anchor":{number}}}' for number in range(3)}
    for chain, anchor in chains.items():
        store.audit_anchors.write(chain, anchor, f"{chain}:0")

    assert set(chains.values()) <= set(store.audit_anchors.all())


def test_a_chain_has_only_its_last_anchor(store: Store) -> None:
    chain = _chain()
    for text in ("first", "second"):
        store.audit_anchors.write(chain, f"{text} {chain}", f"{chain}:0")

    assert [each for each in store.audit_anchors.all() if chain in each] == [f"second {chain}"]


def test_the_newest_head_comes_first_and_each_chain_has_one(store: Store) -> None:
    one, other = _chain(), _chain()
    for chain, number in ((one, 1), (other, 1), (one, 2)):
        store.audit_anchors.write(chain, "anchor", f"{chain}:{number}")

    assert store.audit_anchors.heads()[:2] == [f"{one}:2", f"{other}:1"]
    assert [each for each in store.audit_anchors.heads() if each.startswith(one)] == [f"{one}:2"]


def test_the_number_of_heads_is_limited(store: Store) -> None:
    chains = [_chain() for _ in range(MOST_HEADS + 2)]
    for chain in chains:
        store.audit_anchors.write(chain, "anchor", f"{chain}:0")

    assert list(store.audit_anchors.heads()) == [f"{chain}:0" for chain in reversed(chains)][:MOST_HEADS]


def test_an_anchor_expires(store: Store, clock: FakeClock) -> None:
    chain = _chain()
    store.audit_anchors.write(chain, chain, f"{chain}:0")
    if isinstance(store, RedisStore):
        lifetime = store._gateway.seconds_to_live(f"{KEY_PREFIX}{chain}")
        assert ANCHOR_LIFETIME - 60 <= lifetime <= ANCHOR_LIFETIME
        return
    assert isinstance(store, DynamoStore)
    clock.advance(ANCHOR_LIFETIME)
    assert chain not in set(store.audit_anchors.all())
