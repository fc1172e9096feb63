"""The state of a chain: the key of the next line, and its number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor, make_anchor

_TIME: Final = slice(len('{"time":"'), len('{"time":"2026-11-28T03:40:30.010Z'))
"""The place of the time in each line."""


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """The keys of chains.

    Attributes:
        audit_key: the audit key.
        public_key: the auditor's public key; None for plain chains.
        source: the kind of the process and its host.
    """

    audit_key: bytes = field(repr=False)
    public_key: bytes | None
    source: str


@dataclass(slots=True)
class Run:
    """The state of a chain. The caller ensures that one thread at a time uses it.

    Attributes:
        chain: the id.
        key: the key of the next line. No former key is kept.
        members: the members of the first line that a verifier needs.
        until: the time after which the chain ends, Unix time in seconds.
        seq: the number of the next line.
        started: the time of the first line, as the line has it.
        last: the time of the last line, as the line has it.
    """

    chain: str
    key: bytes = field(repr=False)
    members: Mapping[str, Any]
    until: float
    seq: int = 0
    started: str = ""
    last: str = ""

    def complete(self, line: str) -> bytes:
        """Return a line, given as a JSON object, with its code and its end. Raise an error if the chain is too long."""
        if self.seq >= construction.LIMIT:
            raise OverflowError("the chain has too many lines")
        start = f'{line[:-1]},"chain":"{self.chain}","seq":{self.seq}'.encode("ascii")
        data = b'%b,"mac":"%b"}\n' % (start, construction.line_mac(self.key, start).encode("ascii"))
        self.key = construction.next_key(self.key)
        self.seq += 1
        self.last = line[_TIME]
        self.started = self.started or self.last
        return data

    def anchor(self, now: str) -> Anchor:
        """Return a statement about the last line."""
        return make_anchor(self.chain, self.seq - 1, self.key, (self.started, self.last, now), self.members)
