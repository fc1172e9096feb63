"""Times on the command line: durations, times of day, dates, and RFC 3339."""

import re
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presentation.cli.audit.times import time_argument, time_of

MOMENTS = st.datetimes(datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2090-01-01"))
NOWS = MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))


@pytest.fixture(scope="module", params=["UTC", "Europe/Vienna", "America/St_Johns", "Pacific/Apia"], autouse=True)
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    patch = pytest.MonkeyPatch()
    patch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    patch.undo()
    time.tzset()


@given(st.integers(0, 99999), st.sampled_from("smhdw"), NOWS)
def test_a_duration_is_before_now(count: int, unit: str, now: datetime) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]

    if count * seconds < 40 * 365 * 86400:
        assert (now - time_argument(f"{count}{unit}")(now, None)).total_seconds() == count * seconds


@given(st.times(), NOWS, st.booleans())
def test_a_time_of_day_is_the_last_one_before_now(clock: time_of_day, now: datetime, utc: bool) -> None:
    clock = clock.replace(microsecond=0, second=0, fold=0)
    local = now if utc else now.astimezone()

    found = time_argument(f"{clock:%H:%M}")(local, None)

    assert found < local
    assert now - found < timedelta(hours=49)
    shown = found if utc else found.astimezone()
    # In the hour that a change of the clocks skips, no clock shows this time.
    assert f"{shown:%M}" == f"{clock:%M}"


@given(st.times(), st.times(), NOWS)
def test_a_period_between_two_times_of_day_is_the_last_one_that_has_begun(
    begin: time_of_day, end: time_of_day, now: datetime
) -> None:
    since = time_argument(f"{begin:%H:%M}")(now, None)
    until = time_argument(f"{end:%H:%M}")(now, since)

    assert since < now
    assert (since < until < now) or (now <= until <= since + timedelta(days=1))
    assert (f"{since:%H:%M}", f"{until:%H:%M}") == (f"{begin:%H:%M}", f"{end:%H:%M}")


@given(MOMENTS, st.booleans())
def test_a_date_and_a_time_without_a_zone_are_local(moment: datetime, utc: bool) -> None:
    moment = moment.replace(microsecond=0, fold=0)
    expected = moment.replace(tzinfo=UTC) if utc else moment.astimezone()
    now = datetime.now(UTC) if utc else datetime.now(UTC).astimezone()

    assert time_argument(moment.isoformat())(now, None) == expected
    assert time_argument(moment.isoformat(" "))(now, None) == expected
    midnight = moment.replace(hour=0, minute=0, second=0)
    assert time_argument(f"{moment:%Y-%m-%d}")(now, None) == (
        midnight.replace(tzinfo=UTC) if utc else midnight.astimezone()
    )


@pytest.mark.parametrize(
    "text", ["2026-11-28T22:00:00Z", "2026-11-28t22:00:00z", "2026-11-28T23:00:00+01:00", "2026-11-28 22:00:00.000Z"]
)
def test_a_time_with_a_zone_is_absolute(text: str) -> None:
    assert time_argument(text)(datetime.now(UTC), None) == datetime(2026, 11, 28, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "7", "7y", "-7d", "24:00", "22:60", "2026-13-01", "0001-01-01", "9999-12-31", "1e9", "999999w"]
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        time_argument(text)


@given(st.text() | st.from_regex(re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*"), fullmatch=True))
def test_no_text_makes_it_fail(text: str) -> None:
    try:
        argument = time_argument(text)
    except ArgumentTypeError:
        return
    assert argument(datetime.now(UTC), None).tzinfo is not None


@given(st.text() | st.none() | st.integers() | st.datetimes().map(datetime.isoformat))
def test_the_time_of_a_line_has_a_zone_or_is_invalid(value: object) -> None:
    moment = time_of(value)

    assert moment is None or moment.tzinfo is not None
