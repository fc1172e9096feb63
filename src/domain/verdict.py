"""What judging a code can come to."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a code was not accepted."""

    WRONG = "wrong"
    REPLAYED = "replayed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code was good and is now spent."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The code was judged and refused; only `Reason.WRONG` counts as a failure."""

    reason: Reason
    attempts_left: int


@dataclass(frozen=True, slots=True)
class Locked:
    """The code was not judged: too many failures. `until` is Unix time in seconds."""

    until: int


Verdict = Accepted | Rejected | Locked
