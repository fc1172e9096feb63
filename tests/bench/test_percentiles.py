"""Percentiles are measured values, and mean what their definition says."""

import pytest
from bench.percentiles import percentile
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=200).map(sorted)


@given(VALUES, st.integers(1, 1000))
def test_at_least_the_given_share_does_not_exceed_a_percentile_and_less_lies_below_it(
    values: list[float], tenths: int
) -> None:
    found = percentile(values, tenths / 10)

    assert found in values
    assert 1000 * sum(value <= found for value in values) >= tenths * len(values)
    assert 1000 * sum(value < found for value in values) < tenths * len(values)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0.1, 1), (50, 500), (99, 990), (99.9, 999), (99.91, 1000), (100, 1000)]
)
def test_percentiles_of_the_numbers_from_1_to_1000(percent: float, expected: float) -> None:
    assert percentile(range(1, 1001), percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 100.1)])
def test_what_has_no_percentile_raises_an_error(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)
