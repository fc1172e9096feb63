"""The comparison of two runs, and the rule that distinguishes a change from noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.cases import FLOOR

DEVIATIONS: Final = 3.0
"""Standard errors that a change must exceed."""
FEWEST_ROUNDS: Final = 6
"""Fewer rounds say nothing reliable about their spread."""
STARTS: Final = 0.05
"""The relative difference between two starts of the same code, which the rounds of one run do not show."""
RULE: Final = (
    f"A case has moved if its median ratio to (b) changed by more than {DEVIATIONS:g} standard errors, estimated from "
    f"the median absolute deviation of the ratios of all rounds in both runs (at least {FEWEST_ROUNDS} in each), and "
    f"by more than {STARTS:.0%}, because two starts of the same code can differ by that much."
)
COMPARED: Final = ("requests_per_second", "cpu_us", "p99_ms")
# For a normal distribution, 1.4826 times the median absolute deviation estimates the standard deviation, and the
# standard error of a median is sqrt(pi / 2) times that of a mean.
_ERROR_OF_MEDIAN: Final = 1.4826 * math.sqrt(math.pi / 2)

Rounds = Mapping[str, Mapping[str, Sequence[float]]]
"""The values of all repetitions, by the name of the case and the metric."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one metric of one case between two runs, relative to (b).

    Attributes:
        change: the relative change: 0.1 if the ratio to (b) is 10 % larger than before.
        noise: the relative change that is explained by noise.
    """

    case: str
    metric: str
    change: float
    noise: float

    @property
    def has_moved(self) -> bool:
        """Return whether the change exceeds the noise."""
        return abs(self.change) > self.noise

    @property
    def is_better(self) -> bool:
        """Return whether the change is an improvement, noise or not."""
        return (self.change > 0) is (self.metric == "requests_per_second")


def changes(now: Rounds, before: Rounds) -> list[Change]:
    """Return the changes of all cases that both runs measured, except the floor."""
    return [
        _change(case, metric, _log_ratios(now, case, metric), _log_ratios(before, case, metric))
        for case in now
        if case in before and case != FLOOR
        for metric in COMPARED
    ]


def _change(case: str, metric: str, now: Sequence[float], before: Sequence[float]) -> Change:
    difference = median(now) - median(before)
    error = math.hypot(_error(now), _error(before))
    noise = math.inf if math.isinf(error) else math.expm1(DEVIATIONS * error)
    return Change(case, metric, math.expm1(difference), max(STARTS, noise))


def _log_ratios(rounds: Rounds, case: str, metric: str) -> list[float]:
    """Return the logarithms of the ratios to (b) in each round, so that halving and doubling are equally far away."""
    return [math.log(ours / floor) for ours, floor in zip(rounds[case][metric], rounds[FLOOR][metric], strict=True)]


def _error(values: Sequence[float]) -> float:
    """Return the standard error of the median, which is infinite for fewer than `FEWEST_ROUNDS` rounds."""
    if len(values) < FEWEST_ROUNDS:
        return math.inf
    center = median(values)
    return _ERROR_OF_MEDIAN * median(abs(value - center) for value in values) / math.sqrt(len(values))
