"""The verdicts on a code."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The reasons why a code was not accepted."""

    WRONG = "wrong"
    REPLAYED = "replayed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code was accepted and is spent."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The code was judged and refused. Only `Reason.WRONG` counts as a failure."""

    reason: Reason
    attempts_left: int


@dataclass(frozen=True, slots=True)
class Locked:
    """The code was not judged, because of too many failures. `until` is Unix time in seconds."""

    until: int


Refusal = Rejected | Locked
Verdict = Accepted | Refusal
