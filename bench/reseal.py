"""The rate of `open-mfa reseal`, from the times of its lines of progress."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import IO, Final

from bench.servers import ENCRYPTION_KEYS

_PROGRESS: Final = re.compile(r"checked ([0-9,]+) credentials, sealed ([0-9,]+) secrets again")
NEW_KEY: Final = "new:" + base64.b64encode(bytes(32)).decode()


class NotResealed(Exception):
    """The command did not do the work whose rate is measured."""


def rates(settings: Mapping[str, str], sealed: int, checked: int) -> dict[str, float]:
    """Measure the command on stored credentials. It is interrupted after a sample, because all would take too long.

    Args:
        settings: the settings of the service.
        sealed: the number of credentials to seal again under a new key.
        checked: the number of credentials to check under the key that they are sealed under.

    Returns:
        Credentials per second for both.
    """
    unchanged = _points(settings, ENCRYPTION_KEYS, checked)
    resealed = _points(settings, f"{NEW_KEY},{ENCRYPTION_KEYS}", sealed)
    if any(done for _, _, done in unchanged) or any(done != seen for _, seen, done in resealed):
        raise NotResealed("the rate of another kind of work was measured")
    return {"sealed_per_second": rate_of(resealed), "checked_per_second": rate_of(unchanged)}


def _points(settings: Mapping[str, str], keys: str, until: int) -> list[tuple[float, int, int]]:
    """Run the command until it has checked enough. Return the time and the counts of each line of progress."""
    environment = os.environ | dict(settings) | {"OPEN_MFA_ENCRYPTION_KEYS": keys}
    program = str(Path(sys.executable).with_name("open-mfa"))
    with subprocess.Popen(  # noqa: S603 - our own command
        [program, "reseal"], env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as run:
        points = [*until_reached(_timed(run.stderr), until)]
        # SIGINT may be ignored, which child processes inherit, such as of a shell's background jobs.
        run.terminate()
        run.stderr.read()  # type: ignore[union-attr] # it is a pipe
    return points


def _timed(lines: IO[bytes] | None) -> Iterator[tuple[float, str]]:
    for line in lines or ():
        yield perf_counter(), line.decode()


def until_reached(lines: Iterable[tuple[float, str]], until: int) -> Iterator[tuple[float, int, int]]:
    """Return the time and both counts of each line of progress of the first walk, at most until it reaches `until`."""
    former = 0
    for moment, line in lines:
        if found := _PROGRESS.search(line):
            seen, done = (int(count.replace(",", "")) for count in found.groups())
            if seen < former:
                return
            yield moment, seen, done
            if seen >= until:
                return
            former = seen


def rate_of(points: list[tuple[float, int, int]]) -> float:
    """Return credentials per second. The time before the first line of progress, with the start, does not count."""
    if len(points) < 2:  # noqa: PLR2004 - a duration needs two points
        raise NotResealed("open-mfa reseal printed less than two lines of progress")
    (begun, first, _), *_, (ended, last, _) = points
    return (last - first) / (ended - begun)
