"""The result of a verification."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of findings, by the names of the page."""

    UNKNOWN_KEY = "unknown-key"
    PLAIN = "plain"
    CHANGED = "changed"
    REPLACED = "replaced"
    BAD_ANCHOR = "bad-anchor"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out-of-order"
    GAP = "gap"
    MISSING_START = "missing-start"
    AFTER_END = "after-end"
    TRUNCATED = "truncated"
    MISSING_CHAIN = "missing-chain"
    NO_ANCHOR = "no-anchor"
    BARE = "bare"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file.

    Attributes:
        source: the name of the file.
        number: the number of the line, from 1.
    """

    source: str
    number: int

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: the trail is not as it was written.

    Attributes:
        kind: the kind.
        text: the finding for people. It contains nothing from the text of a line but ids, numbers and times.
        chain: the id of the chain; None if it is unknown.
        place: the line; None if the finding is about lines that are missing.
    """

    kind: Kind
    text: str
    chain: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The state of a chain.

    Attributes:
        chain: the id.
        source: the kind of its process and its host; None if neither line 0 nor an anchor is there.
        first: the number of the first valid line.
        last: the number of the last valid line.
        start: the time of the first valid line.
        end: the time of the last valid line.
        ended: whether the chain ended regularly.
        anchored: the number of the last line that a valid anchor names; None without one.
        sealed: whether the chain is sealed.
        witnessed: whether a valid exported anchor names the chain.
    """

    chain: str
    source: str | None
    first: int
    last: int
    start: str
    end: str
    ended: bool
    anchored: int | None
    sealed: bool
    witnessed: bool


@dataclass(slots=True)
class Result:
    """The result.

    Attributes:
        findings: the findings, at most `MOST_FINDINGS`.
        count: the number of all findings.
        lines: the number of valid lines.
        chained: the number of lines that have the form of a line of a chain.
        anchors: the number of anchors.
        chains: the chains that have valid lines.
    """

    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    lines: int = 0
    chained: int = 0
    anchors: int = 0
    chains: list[ChainReport] = field(default_factory=list)

    def add(self, kind: Kind, text: str, chain: str | None = None, place: Place | None = None) -> None:
        """Add a finding."""
        self.count += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(kind, text, chain, place))

    @property
    def is_intact(self) -> bool:
        """Whether there is no finding."""
        return self.count == 0

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to verify."""
        return self.count == 0 and self.chained == 0 and self.anchors == 0


MOST_FINDINGS = 10_000
"""The number of findings that a result lists, so that its memory is bounded."""
