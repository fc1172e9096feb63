"""The outcome of judging a code: a verdict, and the state that follows from it.

The verdict holds only after this state was committed against the very state that the code was judged on.
"""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from domain.verdict import Accepted, Refusal

State_co = TypeVar("State_co", covariant=True)
_ACCEPTED: Final = Accepted()


@dataclass(frozen=True, slots=True)
class AcceptedOutcome(Generic[State_co]):
    """The code was accepted. In `state`, it is spent."""

    state: State_co

    @property
    def verdict(self) -> Accepted:
        """Return the verdict."""
        return _ACCEPTED


@dataclass(frozen=True, slots=True)
class RefusedOutcome(Generic[State_co]):
    """The code was refused. In `state`, a wrong code is counted."""

    verdict: Refusal
    state: State_co
