"""The verifier: it reads the files twice, first for what is needed to check codes, then to check them."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_reading.readings import AuditLine, Damage, DamagedLine, Reading
from infrastructure.observability.audit_verification.chain_state import ChainState, Head
from infrastructure.observability.audit_verification.conclusion import Conclusion, Options
from infrastructure.observability.audit_verification.information import Information, source_in
from infrastructure.observability.audit_verification.keys import Budget, BudgetSpent, ChainKeySequence, Secrets
from infrastructure.observability.audit_verification.line_members import heads_in, message_of, store_failed_in, time_of
from infrastructure.observability.audit_verification.result import Kind, Place, Result

if TYPE_CHECKING:
    from infrastructure.observability.audit_chain.anchor import Anchor

Source = Callable[[], AbstractContextManager[Iterable[Reading]]]
"""A file that can be read twice."""
MOST_PARTS: Final = 100
"""The number of bare lines that may be the beginning of a later line. All others are findings at once."""
_DAMAGE: Final = {
    Damage.INVALID: "it is incomplete or is not JSON",
    Damage.NOT_UTF8: "it is not UTF-8",
    Damage.TOO_LONG: "it is too long",
    Damage.OTHER_LOGGER: "it names another logger",
    Damage.TEXT_FORMAT: "it is in the text format",
    Damage.UNREADABLE: "the compressed file is damaged from here on",
}

__all__ = ["Options", "Secrets", "Source", "verify"]


def verify(sources: Sequence[Source], secrets: Secrets, options: Options) -> Result:
    """Return the result for some files.

    Args:
        sources: the files.
        secrets: the keys of the auditor.
        options: the anchors, and what may be missing.
    """
    verification = _Verification(secrets, options)
    for source in sources:
        with source() as readings:
            for reading in readings:
                verification.learn(reading)
    for index, source in enumerate(sources):
        with source() as readings:
            for reading in readings:
                verification.check(reading, index)
    return verification.result()


@dataclass(frozen=True, slots=True)
class _Part:
    data: bytes
    place: Place
    text: str


class _Verification:
    def __init__(self, secrets: Secrets, options: Options) -> None:
        self._options = options
        self._budget = Budget()
        self._information = Information(secrets)
        self._has_private_key = bool(secrets.private_keys)
        self._result = Result()
        self._chains: dict[str, ChainState] = {}
        self._heads: list[Head] = []
        self._parts: list[_Part] = []
        self._anchors: dict[str, list[Anchor]] = {}
        for anchor in options.all_anchors:
            self._anchors.setdefault(anchor.chain, []).append(anchor)
            self._result.anchors += 1
        # Anchors come first, because an export is more credible than a line.
        self._information.add_anchors(options.all_anchors, self._budget)
        for text in options.unreadable:
            self._result.add(Kind.BAD_ANCHOR, f"{text} is not an anchor: it was changed or damaged")

    def learn(self, reading: Reading) -> None:
        """Look for the first line of a chain."""
        self._information.add_line(reading.data)

    def check(self, reading: Reading, file: int) -> None:
        """Check a line."""
        place = Place(reading.source, reading.number)
        data = reading.data.rstrip(b" \t\r\n")
        end = construction.SEAL_FORM.search(data)
        if end is not None:
            self._result.chained += 1
            self._check_chained(data, end[1].decode(), int(end[2]), end[3].decode(), place, file)
        elif isinstance(reading, AuditLine):
            self._bare(data, place, "it has no code")
        elif isinstance(reading, DamagedLine) and reading.damage is not Damage.UNKNOWN_FORM:
            self._bare(data, place, _DAMAGE[reading.damage])

    def result(self) -> Result:
        """Apply the rules about missing lines, and return the result."""
        for part in self._parts:
            self._result.add(Kind.BARE, part.text, None, part.place)
        for chain in self._anchors:
            self._state(chain)
        conclusion = Conclusion(self._options, self._information, self._budget, self._has_private_key)
        conclusion.add_to(self._result, self._chains, self._heads)
        return self._result

    def _bare(self, data: bytes, place: Place, reason: str) -> None:
        text = f"this audit line has no valid end ({reason}): it was inserted, cut or damaged"
        if len(self._parts) < MOST_PARTS and not data.endswith(b"}"):
            self._parts.append(_Part(data, place, text))
        else:
            self._result.add(Kind.BARE, text, None, place)

    def _state(self, chain: str) -> ChainState:
        state = self._chains.get(chain)
        if state is None:
            anchors = self._anchors.get(chain, [])
            pairs = self._information.of(chain)
            first_key = pairs[0].first_key if pairs else None
            keys = None if first_key is None else ChainKeySequence(first_key, self._budget)
            sealed = bool(pairs) and pairs[0].sealed is not None
            source = anchors[0].source if anchors else None
            state = self._chains[chain] = ChainState(chain, keys, sealed, anchors=anchors, source=source)
        return state

    def _check_chained(self, data: bytes, chain: str, seq: int, mac: str, place: Place, file: int) -> None:
        state = self._state(chain)
        if state.keys is None:
            state.changed += 1
            if state.changed == 1:
                text = (
                    "the keys of this chain are unknown: its first line and its anchor are missing, or they name"
                    " another audit key or private key than those given"
                )
                self._result.add(Kind.UNKNOWN_KEY, text, chain, place)
            return
        start = data[: -construction.MAC_MEMBER]
        try:
            is_right = seq < construction.LIMIT and construction.line_mac(state.keys.key(seq), start) == mac
        except BudgetSpent:
            text = "too many lines with wrong numbers: this line was not checked"
            self._result.add(Kind.NOT_CHECKED, text, chain, place)
            return
        if not is_right:
            state.changed += 1
            text = f"line {seq} of the chain does not have its code: it was changed, or inserted"
            self._result.add(Kind.CHANGED, text, chain, place)
            return
        state.keys.confirm()
        self._take(state, data, seq, place, file)

    def _take(self, state: ChainState, data: bytes, seq: int, place: Place, file: int) -> None:
        is_new, in_order = state.take(seq, place, file, time_of(data))
        if not in_order and not self._options.unordered:
            text = f"line {seq} of the chain comes after line {state.greatest_in_file}: lines were moved"
            self._result.add(Kind.OUT_OF_ORDER, text, state.chain, place)
        if not is_new:
            self._result.add(Kind.DUPLICATE, f"line {seq} of the chain is here a second time", state.chain, place)
            return
        self._result.lines += 1
        message = message_of(data)
        if message == construction.ENDED:
            state.ended = seq
        elif seq == 0:
            state.source = source_in(data) or state.source
            state.store_failed = store_failed_in(data)
            self._heads += heads_in(data, state.chain)
        if self._parts:
            self._parts = [part for part in self._parts if not data.startswith(part.data)]
