"""Figures of running processes from the kernel."""

import ctypes
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_LIBC: Final = ctypes.CDLL(None)
_PSS: Final = re.compile(r"^Pss: +([0-9]+) kB", re.MULTILINE)


def children_of(pid: int) -> list[int]:
    """Return the process IDs of the children. For a gunicorn, these are its workers."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants_of(pid: int) -> list[int]:
    """Return the process IDs of the children, of their children, and so on, without those that have just ended."""
    found = []
    for child in children_of(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [child, *descendants_of(child)]
    return found


def cpu_seconds(*pids: int) -> float:
    """Return the user and system time that the processes have used, with the precision of the scheduler.

    The times in /proc/PID/stat count ticks of 10 ms, which is too coarse for a repetition of some hundred requests.
    """
    total = 0.0
    for pid in pids:
        clock = ctypes.c_int()
        if _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)):
            raise ProcessLookupError(pid)
        total += time.clock_gettime(clock.value)
    return total


def proportional_bytes(pid: int) -> int:
    """Return the proportional set size (PSS): pages that n processes share count as 1/n in each."""
    found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    if found is None:
        raise ProcessLookupError(pid)
    return int(found[1]) * 1024
