"""Numbers that the processes of an instance share, in memory without a file (ADR 21)."""

import json
import logging
import mmap
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Final

SLOT_BYTES: Final = 1 << 20
"""Memory of one process, about 5,000 series; pages that nothing is written to cost nothing."""
_WORD: Final = 8
_HEAD: Final = struct.Struct("=II")
"""Of each record: the bytes of its key, and how many numbers follow that."""

_log = logging.getLogger("open_mfa.metrics")

Key = tuple[str, ...]


class SharedMemory:
    """Slots for so many processes. Children that are forked afterwards see the same memory.

    The memory is anonymous: no file system can be full under it, and nothing is left of it when the last process ends,
    however it ends.
    """

    def __init__(self, slots: int) -> None:
        memory = memoryview(mmap.mmap(-1, slots * SLOT_BYTES))
        self.slots = [memory[start : start + SLOT_BYTES] for start in range(0, len(memory), SLOT_BYTES)]


class Numbers:
    """What one process counts, and the totals of all processes.

    Each process writes to a slot of its own, so no process waits for another. A process that takes over the slot of
    one that has ended continues its numbers: nothing that was counted is lost, and slots do not become more.

    Without room in a slot a series is counted for this process alone, after one warning.

    Args:
        memory: what the processes share; None for a process that is alone.
        slot: the index of this process' own slot; None where all are taken.
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
        """Return the numbers of this process under a key, `width` floats that begin with 0."""
        with self._making:
            found = self._series.get(key)
            if found is None:
                found = self._series[key] = self._make(key, width)
            return found

    def totals(self) -> dict[Key, Sequence[float]]:
        """Return the sums over all processes, those that have ended included."""
        totals: dict[Key, Sequence[float]] = {}
        with self._making:
            records = [record for slot in self._slots for record in slot.records()]
            records += self._alone.items()
        for key, numbers in records:
            former = totals.get(key)
            now = numbers.tolist()
            totals[key] = now if former is None else [a + b for a, b in zip(former, now, strict=True)]
        return totals

    def _make(self, key: Key, width: int) -> "memoryview[float]":
        numbers = None if self._own is None else self._own.add(key, width)
        if numbers is None:
            if not self._alone:
                _log.warning("some metrics are counted for one process alone: there is no room in the shared memory")
            numbers = self._alone[key] = memoryview(bytearray(width * _WORD)).cast("d")
        return numbers


class _Slot:
    """Records one after the other; the first word says how many bytes are used, itself included."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._used = memory[:_WORD].cast("Q")
        self._seen: list[tuple[Key, memoryview[float]]] = []
        self._read = _WORD

    def records(self) -> Sequence[tuple[Key, "memoryview[float]"]]:
        """All records so far; only those that are new since the last time are looked at."""
        self._seen += self._unread()
        return self._seen

    def add(self, key: Key, width: int) -> "memoryview[float] | None":
        """Add a record; None where there is no room for it. Only the process that owns the slot may call this."""
        name = json.dumps(key).encode()
        start = max(self._used[0], _WORD)
        numbers, end = _bounds(start, len(name), width)
        if end > len(self._memory):
            return None
        # A process that was killed may have left half of a record here.
        self._memory[start:end] = bytes(end - start)
        _HEAD.pack_into(self._memory, start, len(name), width)
        self._memory[start + _HEAD.size : start + _HEAD.size + len(name)] = name
        # Last, so that others never read half of a record.
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
    """Return where the numbers of a record begin and end; words are aligned, so that each is written at once."""
    numbers = start + _HEAD.size + -(-length // _WORD) * _WORD
    return numbers, numbers + width * _WORD
