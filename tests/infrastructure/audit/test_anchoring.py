"""A process stores its anchors, and reads the heads of others."""

from collections.abc import Iterator, Sequence

import pytest

from application.errors import StoreUnavailable
from infrastructure.observability.audit_chain import anchoring as anchoring_module
from infrastructure.observability.audit_chain.anchor import read_anchor
from infrastructure.observability.audit_chain.anchoring import Anchoring, HeadReader
from infrastructure.records.audit_heads import heads_in, with_head
from tests.infrastructure.audit.trail import AUDIT_KEY, Process, fields, kinds, verified


class MemoryAnchors:
    """Anchors in memory, which can fail."""

    def __init__(self) -> None:
        self.anchors: dict[str, str] = {}
        self.text: str | None = None
        self.fails = False
        self.writes = 0

    def write(self, chain: str, anchor: str, head: str) -> None:
        """Replace an anchor."""
        self._fail()
        self.writes += 1
        self.anchors[chain] = anchor
        self.text = with_head(self.text, chain, head)

    def heads(self) -> Sequence[str]:
        """Return the heads."""
        self._fail()
        return heads_in(self.text)

    def all(self) -> Iterator[str]:
        """Yield the anchors."""
        yield from self.anchors.values()

    def _fail(self) -> None:
        if self.fails:
            raise StoreUnavailable("the store is away")


@pytest.fixture
def store() -> MemoryAnchors:
    return MemoryAnchors()


def anchoring_of(process: Process, store: MemoryAnchors) -> Anchoring:
    return Anchoring(AUDIT_KEY, process.chain, store, process._lines, clock=lambda: process.now)


def test_an_anchor_covers_the_last_line(store: MemoryAnchors) -> None:
    process = Process().write(4)
    anchoring_of(process, store).anchor_now()
    (anchor,) = map(read_anchor, store.all())
    assert anchor.seq == 4
    assert verified(process.lines, anchors=[anchor]).is_intact
    assert kinds(verified(process.lines[:-1], anchors=[anchor])) == {"truncated"}


def test_without_new_lines_nothing_is_stored(store: MemoryAnchors) -> None:
    anchoring = anchoring_of(Process().write(), store)
    anchoring.anchor_now()
    anchoring.anchor_now()
    assert store.writes == 1


def test_after_a_failure_of_the_store_the_next_attempt_anchors(store: MemoryAnchors) -> None:
    process = Process().write()
    anchoring = anchoring_of(process, store)
    store.fails = True
    anchoring.anchor_now()
    process.end()
    anchoring.anchor_now()
    assert store.anchors == {}
    store.fails = False
    process.write()
    anchoring.anchor_now()
    assert sorted(read_anchor(each).seq for each in store.all()) == [1, 2]


def test_a_line_that_is_not_written_is_not_anchored(store: MemoryAnchors, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process().write()
    monkeypatch.setattr(process._lines, "flush", lambda _seconds: False)
    anchoring_of(process, store).anchor_now()
    assert store.anchors == {}


def test_a_process_without_threads_anchors_a_new_chain_and_then_once_a_minute(store: MemoryAnchors) -> None:
    process = Process().write()
    anchoring = anchoring_of(process, store)
    anchoring.anchor_if_due()
    assert store.writes == 1
    process.write()
    anchoring.anchor_if_due()
    assert store.writes == 1
    process.now += anchoring_module.ANCHOR_SECONDS
    anchoring.anchor_if_due()
    assert store.writes == 2


def test_while_the_store_fails_a_process_without_threads_tries_once_a_minute(store: MemoryAnchors) -> None:
    process = Process().write()
    anchoring = anchoring_of(process, store)
    store.fails = True
    anchoring.anchor_if_due()
    store.fails = False
    anchoring.anchor_if_due()
    assert store.writes == 0
    process.now += anchoring_module.ANCHOR_SECONDS
    anchoring.anchor_if_due()
    assert store.writes == 1


def test_a_new_chain_lists_the_heads_of_others_whose_codes_are_right(store: MemoryAnchors) -> None:
    one = Process().write(3)
    anchoring_of(one, store).anchor_now()
    forged = with_head(store.text, "f" * 32, f"{'f' * 32}:9:{'0' * 32}:2026-11-28T03:40:00.000Z:{'0' * 64}")
    store.text = f"{forged} nonsense"
    two = Process(heads=HeadReader(AUDIT_KEY, store)).write()
    heads = fields(two.lines[0])["heads"]
    assert list(heads) == [one.chain.id]
    assert verified(one.lines, two.lines).is_intact
    assert kinds(verified(one.lines[:-1], two.lines)) == {"truncated"}


def test_without_the_store_there_are_no_heads(store: MemoryAnchors) -> None:
    store.fails = True
    assert fields(Process(heads=HeadReader(AUDIT_KEY, store)).write().lines[0])["heads"] is None


def test_the_last_anchor_is_stored_when_a_process_ends(store: MemoryAnchors) -> None:
    process = Process().write(2)
    anchoring_of(process, store).stop()
    (anchor,) = map(read_anchor, store.all())
    assert anchor.seq == 3
    assert fields(process.lines[-1])["message"] == "chain-ended"
