"""The rate of resealing comes from the lines of progress of one walk."""

import pytest
from bench.reseal import NotResealed, rate_of, until_reached

LINES = [
    (0.5, "a warning"),
    (1.0, "checked 1,000 credentials, sealed 1,000 secrets again\n"),
    (2.0, "checked 2,000 credentials, sealed 2,000 secrets again\n"),
    (4.0, "checked 3,000 credentials, sealed 3,000 secrets again\n"),
    (5.0, "checked 1,000 credentials, sealed 3,000 secrets again\n"),
]


def test_the_sample_ends_at_the_first_line_that_reaches_its_size() -> None:
    assert [*until_reached(LINES, 1500)] == [(1.0, 1000, 1000), (2.0, 2000, 2000)]


def test_the_second_walk_does_not_count() -> None:
    assert [seen for _, seen, _ in until_reached(LINES, 1_000_000)] == [1000, 2000, 3000]


def test_the_time_before_the_first_line_does_not_count() -> None:
    assert rate_of([*until_reached(LINES, 3000)]) == pytest.approx(2000 / 3.0)


def test_one_line_gives_no_rate() -> None:
    with pytest.raises(NotResealed):
        rate_of([(1.0, 1000, 1000)])
