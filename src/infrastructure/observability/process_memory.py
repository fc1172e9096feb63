"""The resident memory of processes, from Linux' `/proc`."""

import os
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_PARENT: Final = 1
_RESIDENT_PAGES: Final = 21
"""Positions after the name of the program (proc(5): fields 4 and 24 of `/proc/PID/stat`)."""


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process with the same parent as this one; None if there is no such process.

    The kernel can give the ID of an ended worker to an unrelated process, whose parent differs.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name is in parentheses, and may contain any character.
    fields = text.rpartition(b")")[2].split()
    if int(fields[_PARENT]) != os.getppid():
        return None
    return int(fields[_RESIDENT_PAGES]) * _PAGE_BYTES or None
