"""Percentiles by the nearest-rank method: each is a value that was measured."""

import math
from collections.abc import Sequence


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the ordered values that at least `percent` % of them do not exceed.

    Raises:
        ValueError: there are no values, or `percent` is not above 0 and at most 100.
    """
    if not ordered or not 0 < percent <= 100:  # noqa: PLR2004 - the definition of a percentage
        raise ValueError("a percentile needs values, and a percentage above 0 and at most 100")
    # Rounding removes the error of the multiplication: 99.9 % of 1000 is the 999th value.
    return ordered[math.ceil(round(percent * len(ordered) / 100, 9)) - 1]
