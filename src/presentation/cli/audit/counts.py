"""The number of selected lines for each value of a member, with the times of the first and the last one."""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Final

from presentation.cli.audit.cells import printable
from presentation.cli.audit.selected_lines import TimedLine
from presentation.cli.audit.selection import member_of

COUNTED: Final = ("account", "address", "authenticator", "event", "key", "outcome", "reason", "tenant")
"""The members that can be counted, by the names of their options."""
_WITH_TIMES: Final = 72
"""The narrowest terminal on which the times are shown."""


def counts(lines: Iterable[TimedLine], name: str, zone: tzinfo | None, width: int | None) -> Iterator[str]:
    """Yield a table of the values, the most frequent one first. Lines without the member are not counted.

    Args:
        lines: the lines.
        name: one of `COUNTED`.
        zone: the zone of the times; None for the zone of the machine.
        width: the number of columns of the terminal; None if there is no terminal.
    """
    found: dict[str, tuple[int, datetime, datetime]] = {}
    for moment, line in lines:
        value = member_of(line.members, name)
        if value is not None:
            count, first, last = found.get(value, (0, moment, moment))
            found[value] = count + 1, min(first, moment), max(last, moment)
    if not found:
        return
    has_times = width is None or width >= _WITH_TIMES
    times = f"{'FIRST':<25}  {'LAST':<25}  " if has_times else ""
    yield f"{'COUNT':>7}  {times}{name.upper()}"
    for value, (count, first, last) in sorted(found.items(), key=lambda each: (-each[1][0], each[0])):
        times = f"{_shown(first, zone)}  {_shown(last, zone)}  " if has_times else ""
        yield f"{count:>7}  {times}{printable(value)}"


def _shown(moment: datetime, zone: tzinfo | None) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds")
