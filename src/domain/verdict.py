"""What judging a code can come to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


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


@dataclass(frozen=True, slots=True)
class Judgement(Generic[T_co]):
    """A verdict, and the state in which it leaves the credential.

    The verdict holds only once that state has been committed against the very state it was judged on.
    """

    verdict: Verdict
    credential: T_co
