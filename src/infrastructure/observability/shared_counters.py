"""Counters that the processes of an instance share, in memory without a file (ADR 21)."""

import json
import logging
import mmap
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Final

SLOT_BYTES: Final = 1 << 20
"""Memory of one process, enough for about 5,000 series. Pages that are never written to take no memory."""
_WORD: Final = 8
_HEAD: Final = struct.Struct("=II")
"""The head of a record: the length of its key in bytes, and how many numbers follow the key."""

_log = logging.getLogger("open_mfa.metrics")

Key = tuple[str, ...]


class SharedMemory:
    """Memory with a slot for each process. Children that are forked later use the same memory.

    The memory is anonymous. It needs no file system, and the kernel frees it when the last process ends for any reason.
    """

    def __init__(self, slots: int) -> None:
        memory = memoryview(mmap.mmap(-1, slots * SLOT_BYTES))
        self.slots = [memory[start : start + SLOT_BYTES] for start in range(0, len(memory), SLOT_BYTES)]


class SharedCounters:
    """The counters of one process, and the totals of all processes.

    Each process writes to its own slot, so no process waits for another. A process that takes over the slot of an ended
    process continues its numbers. So no count is lost, and the number of slots stays the same.

    If a slot has no room for a series, the series is counted for this process alone, after one warning.

    Args:
        memory: the memory that the processes share; None for a process that is alone.
        slot: the index of this process' own slot; None if all are taken.
    """

    def __init__(self, memory: SharedMemory | None = None, slot: int | None = None) -> None:
        if memory is None:
            memory, slot = SharedMemory(1), 0
        self._slots = [_Slot(each) for each in memory.slots]
        self._own = None if slot is None else self._slots[slot]
        self._series: dict[Key, memoryview[float]] = {} if self._own is None else dict(self._own.records())
        self._alone: dict[Key, memoryview[float]] = {}
        self._making = threading.Lock()

    def series(self, key: Key, width: int) -> "memoryview[float]":
        """Return the numbers of this process under a key: `width` floats, 0 at first."""
        with self._making:
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = self._make(key, width)
            return series

    def totals(self) -> dict[Key, Sequence[float]]:
        """Return the sums over all processes, including ended ones."""
        totals: dict[Key, Sequence[float]] = {}
        with self._making:
            records = [record for slot in self._slots for record in slot.records()]
            records += self._alone.items()
        for key, numbers in records:
            former = totals.get(key)
            now = numbers.tolist()
            totals[key] = now if former is None else [a + b for a, b in zip(former, now, strict=True)]
        return totals

    def in_each_slot(self, key: Key) -> dict[int, Sequence[float]]:
        """Return the numbers under a key of each slot that has them, by the index of the slot."""
        with self._making:
            return {
                index: numbers.tolist()
                for index, slot in enumerate(self._slots)
                for name, numbers in slot.records()
                if name == key
            }

    def _make(self, key: Key, width: int) -> "memoryview[float]":
        numbers = None if self._own is None else self._own.add(key, width)
        if numbers is None:
            if not self._alone:
                _log.warning("some metrics are counted for one process alone: there is no room in the shared memory")
            numbers = self._alone[key] = memoryview(bytearray(width * _WORD)).cast("d")
        return numbers


class _Slot:
    """A sequence of records. The first word contains the number of used bytes, including itself."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._used = memory[:_WORD].cast("Q")
        self._seen: list[tuple[Key, memoryview[float]]] = []
        self._read = _WORD

    def records(self) -> Sequence[tuple[Key, "memoryview[float]"]]:
        """Return all records. Only those that were added since the last call are read."""
        self._seen += self._unread()
        return self._seen

    def add(self, key: Key, width: int) -> "memoryview[float] | None":
        """Add a record and return its numbers; None if there is no room. Only the owner of the slot may call this."""
        name = json.dumps(key).encode()
        start = max(self._used[0], _WORD)
        numbers, end = _bounds(start, len(name), width)
        if end > len(self._memory):
            return None
        # A killed process may have left an incomplete record here.
        self._memory[start:end] = bytes(end - start)
        _HEAD.pack_into(self._memory, start, len(name), width)
        self._memory[start + _HEAD.size : start + _HEAD.size + len(name)] = name
        # This comes last, so that other processes never read an incomplete record.
        self._used[0] = end
        return self._memory[numbers:end].cast("d")

    def _unread(self) -> Iterator[tuple[Key, "memoryview[float]"]]:
        used = self._used[0]
        while self._read < used:
            length, width = _HEAD.unpack_from(self._memory, self._read)
            name = bytes(self._memory[self._read + _HEAD.size : self._read + _HEAD.size + length])
            numbers, end = _bounds(self._read, length, width)
            yield tuple(json.loads(name)), self._memory[numbers:end].cast("d")
            self._read = end


def _bounds(start: int, length: int, width: int) -> tuple[int, int]:
    """Return where the numbers of a record begin and end. They are aligned, so each is written in one step."""
    numbers = start + _HEAD.size + -(-length // _WORD) * _WORD
    return numbers, numbers + width * _WORD
