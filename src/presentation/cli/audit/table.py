"""Audit lines as rows of a table that fits the width of the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import zip_longest
from typing import Any, Final

from presentation.cli.audit.cells import ADDRESS, EVENT, FACTOR, HEADINGS, KEY, OWNER, PURPOSE, REQUEST, cells_of
from presentation.cli.audit.times import time_of
from presentation.cli.audit.wrapping import padded, wrapped

_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_COLOURS: Final = {"accepted": "\x1b[32m", "refused": "\x1b[33m", "locked": "\x1b[31m"}
"""Green, yellow and red."""
_GAP: Final = "  "
_TIME: Final = 8
"""The width of a time of day."""
_MOMENT: Final = 29
"""The width of a time with date, milliseconds and offset."""
_WIDTHS: Final = {EVENT: 16, OWNER: 16, FACTOR: 10, ADDRESS: 15, PURPOSE: 13, KEY: 10, REQUEST: 32}
"""The least widths of the columns. The owner gets the rest of the width."""
_WIDE: Final = 100
"""The narrowest terminal on which ids of authenticators and owners do not need to be folded."""
_WIDE_WIDTHS: Final = {FACTOR: 15, OWNER: 24}
_SHOWN_FROM: Final = {PURPOSE: _WIDE, KEY: 116, REQUEST: 150}
"""The widths of terminals from which on these columns are shown."""
_NARROWEST: Final = 76
"""The narrowest terminal for a table. On a narrower one, the texts of a row are folded below each other."""


class Table:
    """The rows of a table. On a terminal, a line with the date and the zone precedes the rows of each day.

    Args:
        width: the number of columns of the terminal; None if the rows do not go to a terminal. Then each row is one
            line of any length, which begins with the date and the time.
        zone: the zone of the times; None for the zone of the machine.
        colours: whether the rows contain colours.
        has_tenants: whether the rows show the tenant of an account.
    """

    def __init__(self, width: int | None, zone: tzinfo | None, *, colours: bool, has_tenants: bool = True) -> None:
        self._has_tenants = has_tenants
        self._width = width
        self._zone = zone
        self._colours = colours
        self._day = ""
        indices = [each for each in range(len(HEADINGS)) if width is None or _SHOWN_FROM.get(each, 0) <= width]
        widths = _WIDTHS if width is not None and width < _WIDE else _WIDTHS | _WIDE_WIDTHS
        self._columns = {each: widths[each] for each in indices}
        if width is not None:
            fixed = _TIME + sum(self._columns.values()) + len(_GAP) * len(self._columns)
            self._columns[OWNER] += max(0, width - fixed)

    def heading(self) -> Iterator[str]:
        """Yield the line above the first row, if there is one."""
        if self._width is None or self._width >= _NARROWEST:
            yield from (self._painted(line, _DIM) for line in self._lines("TIME", HEADINGS))

    def rows(self, members: Mapping[str, Any]) -> Iterator[str]:
        """Yield the lines for an audit line."""
        moment = time_of(members.get("time"))
        local = None if moment is None else moment.astimezone(self._zone)
        cells = cells_of(members if self._has_tenants else {**members, "tenant": None}, self._zone)
        if self._width is None:
            time = "" if local is None else local.isoformat(timespec="milliseconds")
            yield from self._lines(time, cells)
            return
        if local is not None and (day := f"{local:%A %Y-%m-%d}, {_offset(local)}") != self._day:
            self._day = day
            yield self._painted(day, _DIM)
        yield from self._lines("" if local is None else f"{local:%H:%M:%S}", cells, self._colour(members))

    def _lines(self, time: str, cells: Sequence[str], colour: str = "") -> Iterator[str]:
        if self._width is None:
            texts = [padded(time, _MOMENT), *(padded(cells[each], width) for each, width in self._columns.items())]
            return iter([_GAP.join(texts).rstrip()])
        if self._width < _NARROWEST:
            return self._folded(time, cells, colour)
        return self._beside(time, cells, colour)

    def _beside(self, time: str, cells: Sequence[str], colour: str) -> Iterator[str]:
        """Yield the lines of a row whose texts are beside each other, each folded in its column."""
        columns = [wrapped(cells[each], width) for each, width in self._columns.items()]
        for parts in zip_longest(*columns, fillvalue=""):
            texts = [padded(part, width) for part, width in zip(parts, self._columns.values(), strict=True)]
            line = _GAP.join(texts[EVENT + 1 :])
            event = self._painted(texts[EVENT], colour if parts[EVENT] else "")
            yield f"{padded(time, _TIME)}{_GAP}{event}{_GAP}{line}".rstrip()
            time = ""

    def _folded(self, time: str, cells: Sequence[str], colour: str) -> Iterator[str]:
        """Yield the lines of a row whose texts are below each other, because the terminal is narrow."""
        room = max(1, (self._width or 0) - _TIME - 1)
        rest = " ".join(cells[each] for each in self._columns if each != EVENT and cells[each])
        for line in (*(self._painted(each, colour) for each in wrapped(cells[EVENT], room)), *wrapped(rest, room)):
            yield f"{padded(time, _TIME)} {line}".rstrip()
            time = ""

    def _colour(self, members: Mapping[str, Any]) -> str:
        state = members.get("outcome", members.get("message"))
        return _COLOURS.get(state, "") if isinstance(state, str) else ""

    def _painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours and colour else text


def _offset(moment: datetime) -> str:
    """Return the offset of a local time from UTC."""
    offset = moment.isoformat()[-6:]
    return "UTC" if offset == "+00:00" else f"UTC{offset}"
