"""The rules about lines, ends and chains that are missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise

from application.ports.audit_anchors import ANCHOR_LIFETIME
from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor
from infrastructure.observability.audit_verification.chain_state import ChainState, Head
from infrastructure.observability.audit_verification.information import Information
from infrastructure.observability.audit_verification.keys import Budget, BudgetSpent
from infrastructure.observability.audit_verification.result import ChainReport, Kind, Result
from infrastructure.observability.formats import rfc3339


@dataclass(frozen=True, slots=True)
class Options:
    """What is known outside of the files, and what may be missing in them.

    Attributes:
        anchors: the anchors from the store; None if there is no access to it.
        exported: the anchors from exports.
        baseline: the anchors from the export with which the files begin.
        unreadable: the places of texts that should be anchors but are not.
        until: the time after which lines need not be there; None for no limit.
        without: patterns of the sources whose chains may be missing.
        unordered: whether lines may be in any order.
        allow_plain: whether chains may be plain although a private key is given.
        now: the time of the verification, Unix time in seconds.
    """

    now: float
    anchors: Sequence[Anchor] | None = None
    exported: Sequence[Anchor] | None = None
    baseline: Sequence[Anchor] = ()
    unreadable: Sequence[str] = ()
    until: str | None = None
    without: Sequence[str] = ()
    unordered: bool = False
    allow_plain: bool = False

    @property
    def all_anchors(self) -> list[Anchor]:
        """All anchors, each once."""
        every = [*self.baseline, *(self.exported or ()), *(self.anchors or ())]
        return list({anchor.text: anchor for anchor in every}.values())

    @property
    def has_anchors(self) -> bool:
        """Whether anchors were given, even if there are none."""
        return self.anchors is not None or self.exported is not None

    def is_later(self, time: str) -> bool:
        """Return whether lines of this time need not be there."""
        return self.until is not None and time > self.until


class Conclusion:
    """Applies the rules after all lines are read.

    Args:
        options: the anchors, and what may be missing.
        information: the pairs of all chains.
        budget: the work that may be in vain.
        has_private_key: whether a private key was given.
    """

    def __init__(self, options: Options, information: Information, budget: Budget, has_private_key: bool) -> None:
        self._options = options
        self._information = information
        self._budget = budget
        self._has_private_key = has_private_key
        self._valid: dict[str, list[Anchor]] = {}
        self._baseline: dict[str, int] = {}
        self._exported = {anchor.text for anchor in (*(options.exported or ()), *options.baseline)}
        for anchor in options.baseline:
            self._baseline[anchor.chain] = max(anchor.seq, self._baseline.get(anchor.chain, -1))

    def add_to(self, result: Result, chains: Mapping[str, ChainState], heads: Sequence[Head]) -> None:
        """Add the findings and the reports to a result."""
        for state in chains.values():
            if state.keys is not None:
                self._check_identity(state, result)
        named = self._named_by_heads(chains, heads, result)
        for state in chains.values():
            if state.keys is None and state.anchors and not state.changed:
                text = "the keys of this chain are unknown: its anchor names another audit key or private key"
                result.add(Kind.UNKNOWN_KEY, text, state.chain)
            for anchor in self._valid.get(state.chain, ()):
                if not self._options.is_later(anchor.last):
                    named[state.chain] = max(named.get(state.chain, (-1, "")), (anchor.seq, "an anchor"))
        for chain, (seq, by) in named.items():
            self._check_end(chain, seq, by, chains.get(chain), result)
        for state in chains.values():
            if state.numbers.ranges:
                self._check_lines(state, result)
                result.chains.append(self._report(state))

    def _check_identity(self, state: ChainState, result: Result) -> None:
        """Check the pairs and the anchors of a chain."""
        assert state.keys is not None  # noqa: S101 - the caller has checked it
        pairs = self._information.of(state.chain)
        others = [pair for pair in pairs[1:] if pair.confirmed and pair.first_key != pairs[0].first_key]
        if others and pairs[0].confirmed:
            text = "there are two chains with this id and different secrets: one of them was written later"
            result.add(Kind.REPLACED, text, state.chain)
        if self._has_private_key and not state.sealed and not self._options.allow_plain:
            text = "this chain is not sealed: everybody who has the audit key can have written it"
            result.add(Kind.PLAIN, text, state.chain)
        elsewhere = {anchor.text for pair in others for anchor in pair.anchors}
        for anchor in state.anchors:
            try:
                is_right = anchor.seq < construction.LIMIT and anchor.is_under(state.keys.key(anchor.seq + 1))
            except BudgetSpent:
                result.add(Kind.NOT_CHECKED, "an anchor of this chain was not checked", state.chain)
                continue
            if is_right:
                self._valid.setdefault(state.chain, []).append(anchor)
            elif anchor.text not in elsewhere:
                text = f"the anchor from {anchor.time} does not belong to this chain: one of them was changed"
                result.add(Kind.BAD_ANCHOR, text, state.chain)

    def _named_by_heads(
        self, chains: Mapping[str, ChainState], heads: Sequence[Head], result: Result
    ) -> dict[str, tuple[int, str]]:
        """Return the greatest number that a head names, for each chain, and by whom."""
        named: dict[str, tuple[int, str]] = {}
        for head in heads:
            state = chains.get(head.chain)
            if state is not None and state.keys is not None:
                try:
                    is_right = construction.key_check(state.keys.key(head.seq + 1)) == head.check
                except BudgetSpent:
                    result.add(Kind.NOT_CHECKED, f"the head in chain {head.by} was not checked", head.chain)
                    continue
                if not is_right:
                    text = f"this is not the chain that the first line of chain {head.by} names: it was replaced"
                    result.add(Kind.REPLACED, text, head.chain)
                    if state.numbers.ranges:
                        continue
            if not self._options.is_later(head.last):
                entry = head.seq, f"the first line of chain {head.by}"
                named[head.chain] = max(named.get(head.chain, (-1, "")), entry)
        return named

    def _check_end(self, chain: str, seq: int, by: str, state: ChainState | None, result: Result) -> None:
        """Check that a chain has come as far as an anchor or a head states."""
        if seq <= self._baseline.get(chain, -1):
            return
        if state is not None and state.keys is None and state.changed:
            return  # The finding unknown-key covers its lines.
        if state is None or not state.numbers.ranges:
            sources = [anchor.source for anchor in self._valid.get(chain, ())]
            if any(fnmatchcase(source, pattern) for source in sources for pattern in self._options.without):
                return
            source = sources[0] if sources else None
            text = f"all lines of this chain are missing ({source or 'unknown source'}), but {by} names line {seq}"
            result.add(Kind.MISSING_CHAIN, text, chain)
        elif seq > state.greatest:
            text = f"the end is missing: the lines {state.greatest + 1} to {seq}, but {by} names line {seq}"
            result.add(Kind.TRUNCATED, text, chain, state.numbers.ranges[-1].last)

    def _check_lines(self, state: ChainState, result: Result) -> None:
        """Check the lines of a chain that are there."""
        ranges = state.numbers.ranges
        begin = self._baseline.get(state.chain, -1) + 1
        if ranges[0].low > begin:
            text = f"the beginning is missing: the lines {begin} to {ranges[0].low - 1}"
            result.add(Kind.MISSING_START, text, state.chain, ranges[0].first)
        for before, after in pairwise(ranges):
            low, high = before.high + 1, after.low - 1
            text = f"line {low} is missing" if low == high else f"the lines {low} to {high} are missing"
            result.add(Kind.GAP, f"{text}, after {before.last}", state.chain, after.first)
        if state.ended is not None and state.greatest > state.ended:
            text = f"there are lines after the end of the chain, line {state.ended}"
            result.add(Kind.AFTER_END, text, state.chain, ranges[-1].last)
        if self._lacks_anchor(state):
            text = "the chain has no anchor and did not end regularly: its end may be missing"
            result.add(Kind.NO_ANCHOR, text, state.chain, ranges[-1].last)

    def _lacks_anchor(self, state: ChainState) -> bool:
        if not self._options.has_anchors or self._valid.get(state.chain) or state.ended is not None:
            return False
        expired = state.last_time[1] < rfc3339(self._options.now - ANCHOR_LIFETIME)
        return not (state.store_failed or expired)

    def _report(self, state: ChainState) -> ChainReport:
        valid = self._valid.get(state.chain, [])
        return ChainReport(
            chain=state.chain,
            source=state.source,
            first=state.numbers.ranges[0].low,
            last=state.greatest,
            start=state.first_time[1],
            end=state.last_time[1],
            ended=state.ended is not None,
            anchored=max((anchor.seq for anchor in valid), default=None),
            sealed=state.sealed,
            witnessed=any(anchor.text in self._exported for anchor in valid),
        )
