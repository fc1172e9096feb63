"""Times on the command line, and the times of audit lines."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

TimeArgument = Callable[[datetime, datetime | None], datetime]
"""A time on the command line: a function of the current time, and of the beginning if this time is the end of a period.

If the zone of the current time is `UTC`, times without a zone are in UTC, otherwise in the zone of the machine. A time
of day is the last one before now. If that is not after the beginning of the period, it is the next one.
"""

_DURATION: Final = re.compile(r"([0-9]{1,5})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TIME_OF_DAY: Final = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ].*)?", re.DOTALL)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998


def time_argument(text: str) -> TimeArgument:
    """Return a time from the command line: a duration before now, a time of day, a date, or a time as in RFC 3339.

    Raises:
        ArgumentTypeError: the text is none of these.
    """
    if duration := _DURATION.fullmatch(text):
        before = timedelta(**{_UNITS[duration[2]]: int(duration[1])})
        return lambda now, _: now - before
    try:
        if _TIME_OF_DAY.fullmatch(text):
            time_of_day = time.fromisoformat(text.rjust(5, "0") if text.count(":") == 1 else text.rjust(8, "0"))
            return lambda now, begin: _of_day(time_of_day, now, begin)
        if _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text.upper())
            if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                return lambda now, _: _in_zone(moment, now)
    except ValueError:
        pass
    raise ArgumentTypeError(
        "must be a duration before now such as 30m, 2h or 7d, a time of day such as 22:00, a date, or a date and a time"
    )


def time_of(value: object) -> datetime | None:
    """Return the time of an audit line; None if it is invalid."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _of_day(time_of_day: time, now: datetime, begin: datetime | None) -> datetime:
    """Return the last moment before now at which clocks showed this time; the next one if that is not after `begin`."""
    found, day = now, now.date() + timedelta(days=1)
    while found >= now:
        day -= timedelta(days=1)
        found = _in_zone(datetime.combine(day, time_of_day), now)
    if begin is not None and found <= begin:
        found = _in_zone(datetime.combine(day + timedelta(days=1), time_of_day), now)
    return found


def _in_zone(moment: datetime, now: datetime) -> datetime:
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC) if now.tzinfo is UTC else moment.astimezone()
