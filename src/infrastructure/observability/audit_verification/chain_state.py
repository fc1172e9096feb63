"""The state of one chain during a verification."""

from dataclasses import dataclass, field

from infrastructure.observability.audit_chain.anchor import Anchor
from infrastructure.observability.audit_verification.keys import ChainKeySequence
from infrastructure.observability.audit_verification.numbers import Numbers
from infrastructure.observability.audit_verification.result import Place


@dataclass(frozen=True, slots=True)
class Head:
    """A statement of a valid line 0 about another chain.

    Attributes:
        chain: the chain that it is about.
        seq: the number of the line that the chain has reached.
        check: the check.
        last: the time of that line.
        by: the chain that states it.
    """

    chain: str
    seq: int
    check: str
    last: str
    by: str


@dataclass(slots=True)
class ChainState:
    """The state of one chain.

    Attributes:
        chain: the id.
        keys: its keys; None if they are unknown.
        sealed: whether it is sealed.
        numbers: the numbers of its valid lines.
        first_time: the time of the valid line with the smallest number.
        last_time: the time of the valid line with the greatest number.
        ended: the number of its `chain-ended`; None without one.
        source: the source in its line 0 or in an anchor.
        store_failed: whether line 0 has no heads, because there was no store or it did not answer.
        file: the index of the file of the last valid line.
        greatest_in_file: the greatest number in that file.
        anchors: its anchors.
        changed: the number of lines whose code is wrong.
    """

    chain: str
    keys: ChainKeySequence | None
    sealed: bool
    numbers: Numbers = field(default_factory=Numbers)
    first_time: tuple[int, str] = (1 << 62, "")
    last_time: tuple[int, str] = (-1, "")
    ended: int | None = None
    source: str | None = None
    store_failed: bool = False
    file: int = -1
    greatest_in_file: int = -1
    anchors: list[Anchor] = field(default_factory=list)
    changed: int = 0

    @property
    def greatest(self) -> int:
        """The greatest number of a valid line; -1 if there is none."""
        return self.numbers.ranges[-1].high if self.numbers.ranges else -1

    def take(self, number: int, place: Place, file: int, time: str) -> tuple[bool, bool]:
        """Add a valid line. Return whether its number is new, and whether it is in order in its file."""
        if file != self.file:
            self.file, self.greatest_in_file = file, -1
        in_order = number >= self.greatest_in_file
        self.greatest_in_file = max(self.greatest_in_file, number)
        self.first_time = min(self.first_time, (number, time))
        self.last_time = max(self.last_time, (number, time))
        return self.numbers.add(number, place), in_order
