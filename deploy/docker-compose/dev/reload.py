#!/usr/bin/env python3
"""Run a command, and restart it when a file below a directory changes.

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
"""Seconds between two checks. Not every kind of mount forwards file notifications, but all show modification times."""
GRACE = 24
"""Seconds until the command is killed, slightly less than the grace period of the container."""


def snapshot(directory: Path) -> dict[str, int]:
    """Return the modification time of each file, in nanoseconds."""
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
    """End the command as Docker does: SIGTERM first, SIGKILL after the grace period. Return its exit status."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def main() -> int:
    """Run until SIGTERM or SIGINT. A command that ends by itself is restarted after the next change."""
    directory, command = Path(sys.argv[1]), sys.argv[2:]
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    before = snapshot(directory)
    process = subprocess.Popen(command)  # noqa: S603 - the operator's command
    # The service reads the tenants file again.
    signal.signal(signal.SIGHUP, lambda _number, _frame: process.send_signal(signal.SIGHUP))
    while not stopping:
        time.sleep(PAUSE)
        now = snapshot(directory)
        if now == before:
            continue
        changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        print(f"changed: {', '.join(changed)}", file=sys.stderr)  # noqa: T201 - the log of the container
        end(process)
        before = now
        process = subprocess.Popen(command)  # noqa: S603 - likewise
    return end(process)


if __name__ == "__main__":
    sys.exit(main())
