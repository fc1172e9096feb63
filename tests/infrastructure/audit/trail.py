"""Chains that the service has written, for the tests of the verification."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor, read_anchor
from infrastructure.observability.audit_chain.chain import AuditChain, Heads
from infrastructure.observability.audit_chain.run import ChainKeys
from infrastructure.observability.audit_reading import audit_lines
from infrastructure.observability.audit_reading.readings import Reading
from infrastructure.observability.audit_verification import Options, Result, Secrets, verify
from infrastructure.observability.formats import json_line
from infrastructure.observability.lines import Lines

AUDIT_KEY = bytes(range(32))
PRIVATE_KEY = bytes(range(64, 96))
START = 1_795_836_000.0
SECRETS = Secrets([AUDIT_KEY], [PRIVATE_KEY])
PLAIN_SECRETS = Secrets([AUDIT_KEY])


class Process:
    """A process of the service that writes one chain after another.

    Args:
        sealed: whether its chains are sealed.
        heads: returns the heads of other chains.
        audit_key: the audit key.
    """

    def __init__(
        self,
        *,
        sealed: bool = True,
        heads: Callable[[], Heads | None] = dict,
        audit_key: bytes = AUDIT_KEY,
        source: str = "serve@host",
    ) -> None:
        self.now = START
        self._stream = io.StringIO()
        self._lines = Lines(self._stream)
        public_key = construction.public_key(PRIVATE_KEY) if sealed else None
        self.chain = AuditChain(
            ChainKeys(audit_key, public_key, source), self._lines, heads, waits_for_heads=True, clock=self.tick
        )

    def tick(self) -> float:
        """Return the time, which moves on by a quarter of a second."""
        self.now += 0.25
        return self.now

    def write(self, number: int = 1, **members: Any) -> "Process":
        """Write lines of events."""
        for index in range(number):
            fields = {"tenant": "shop", "account": f"ann-{index}", "factor": "totp", **members}
            self.chain.append(json_line(self.tick(), "INFO", "open_mfa.audit", "judged", fields))
        return self

    def end(self) -> Anchor:
        """End the chain, and return its last anchor."""
        self.chain.end()
        return read_anchor(self.chain.ended[-1].text)

    def anchor(self) -> Anchor:
        """Return an anchor of the current chain, as the store has it."""
        anchor = self.chain.anchor()
        assert anchor is not None
        return read_anchor(anchor.text)

    def head(self) -> Heads:
        """Return the head of the current chain, as another chain lists it."""
        anchor = self.chain.anchor() or self.chain.ended[-1]
        return {anchor.chain: anchor.head}

    @property
    def lines(self) -> list[bytes]:
        """All lines so far, each with its end."""
        assert self._lines.flush()
        return self._stream.getvalue().encode().splitlines(keepends=True)


def verified(
    *files: Sequence[bytes] | bytes, secrets: Secrets = SECRETS, now: float = START + 3600, **options: Any
) -> Result:
    """Return the result for files, each given as its lines or as its content."""
    contents = [each if isinstance(each, bytes) else b"".join(each) for each in files]
    sources = [_source(f"file-{index}", content) for index, content in enumerate(contents)]
    return verify(sources, secrets, Options(now=now, **options))


def kinds(result: Result) -> set[str]:
    """Return the kinds of all findings."""
    return {finding.kind.value for finding in result.findings}


def fields(line: bytes) -> Any:
    """Return the members of a line."""
    return json.loads(line)


def _source(name: str, content: bytes) -> "Callable[[], Any]":
    @contextmanager
    def opened() -> Iterator[Iterator[Reading]]:
        yield audit_lines(io.BytesIO(content), name)

    return opened
