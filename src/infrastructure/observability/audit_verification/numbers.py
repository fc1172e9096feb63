"""The numbers of the lines of a chain that were found, as ranges."""

from bisect import bisect_right
from dataclasses import dataclass

from infrastructure.observability.audit_verification.result import Place


@dataclass(slots=True)
class Range:
    """Consecutive numbers.

    Attributes:
        low: the first one.
        high: the last one.
        first: the line of the first one.
        last: the line of the last one.
    """

    low: int
    high: int
    first: Place
    last: Place


class Numbers:
    """A set of numbers, each with its place."""

    def __init__(self) -> None:
        self.ranges: list[Range] = []

    def add(self, number: int, place: Place) -> bool:
        """Add a number. Return whether it is new."""
        ranges = self.ranges
        if ranges and ranges[-1].high + 1 == number:
            ranges[-1].high, ranges[-1].last = number, place
            return True
        at = bisect_right(ranges, number, key=lambda each: each.low)
        before = ranges[at - 1] if at else None
        after = ranges[at] if at < len(ranges) else None
        if before is not None and number <= before.high:
            return False
        joins_before = before is not None and before.high + 1 == number
        joins_after = after is not None and number + 1 == after.low
        if joins_before and joins_after:
            assert before is not None  # noqa: S101 - for mypy
            assert after is not None  # noqa: S101 - for mypy
            before.high, before.last = after.high, after.last
            del ranges[at]
        elif joins_before:
            assert before is not None  # noqa: S101 - for mypy
            before.high, before.last = number, place
        elif joins_after:
            assert after is not None  # noqa: S101 - for mypy
            after.low, after.first = number, place
        else:
            ranges.insert(at, Range(number, number, place, place))
        return True
