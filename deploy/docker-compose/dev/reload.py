#!/usr/bin/env python3
"""Runs a command, and starts it anew whenever a file below a directory changes.

reload.py DIRECTORY COMMAND…
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

PAUSE = 0.5
"""Seconds between two looks. File notifications do not cross every kind of mount; times of change do."""
GRACE = 24
"""Seconds that the command has to end, a little less than the container itself has."""


def snapshot(directory: Path) -> dict[str, int]:
    """When each file was changed last."""
    seen = {}
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.endswith(".egg-info")]
        for name in names:
            path = Path(folder, name)
            try:
                seen[str(path)] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
    return seen


def end(process: subprocess.Popen[bytes]) -> int:
    """Ends the command as Docker would."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def main() -> int:
    """Runs until SIGTERM or SIGINT; a command that ends by itself is started again after the next change."""
    directory, command = Path(sys.argv[1]), sys.argv[2:]
    asked_to_stop = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    before = snapshot(directory)
    process = subprocess.Popen(command)  # noqa: S603 - the command line's own
    while not asked_to_stop:
        time.sleep(PAUSE)
        now = snapshot(directory)
        if now == before:
            continue
        changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        print(f"changed: {', '.join(changed)}", file=sys.stderr)  # noqa: T201 - for whoever reads the log
        end(process)
        before = now
        process = subprocess.Popen(command)  # noqa: S603 - likewise
    return end(process)


if __name__ == "__main__":
    sys.exit(main())
