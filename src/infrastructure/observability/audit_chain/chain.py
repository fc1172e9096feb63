"""The chain of one process: it completes the lines of the audit trail, and states how far it has come."""

import json
import os
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor
from infrastructure.observability.audit_chain.run import ChainKeys, Run
from infrastructure.observability.formats import rfc3339
from infrastructure.observability.lines import Lines

LOGGER: Final = "open_mfa.audit"
LONGEST_SECONDS: Final = 24 * 3600.0
"""The time after which a chain ends, so that log rotation cuts few chains."""
MARGIN: Final = 1024
"""More lines than threads can add while a chain ends."""
_MOST_ENDED: Final = 24
_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32

Heads = Mapping[str, tuple[int, str, str]]
"""For each chain, the number of a line that it has reached, its check, and the time of that line."""


class AuditChain:
    """Writes the lines of the audit trail with their codes. It begins a chain with the first line, or with `renew`.

    If a line cannot be completed or written, the chain ends there, and the next line begins another one.

    Args:
        keys: the keys.
        lines: the queue of lines.
        heads: returns the heads of other chains, None if they are unknown. It may take a while.
        waits_for_heads: whether `append`, too, calls `heads` to begin a chain. If not, only `renew` does.
        clock: returns Unix time in seconds.

    Attributes:
        ended: the last anchors of the chains that have ended in this process.
    """

    def __init__(
        self,
        keys: ChainKeys,
        lines: Lines,
        heads: Callable[[], Heads | None] = lambda: None,
        *,
        waits_for_heads: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._key_id = construction.key_id(keys.audit_key)
        self._lines = lines
        self._heads = heads
        self._waits_for_heads = waits_for_heads
        self._clock = clock
        self.reset()
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _reset(reference))

    def reset(self) -> None:
        """Forget the chain. A forked child must not continue the chain of its parent."""
        self._run: Run | None = None
        self._starting = threading.Lock()
        self.ended: deque[Anchor] = deque(maxlen=_MOST_ENDED)

    @property
    def id(self) -> str | None:
        """The id of the current chain; None if there is none."""
        run = self._run
        return None if run is None else run.chain

    def append(self, line: str) -> None:
        """Complete a line, given as a JSON object, and write or queue it."""
        while True:
            self.require()
            if self._queue(lambda run: run.complete(line)):
                return

    def require(self) -> None:
        """Begin a chain if there is none, or if the current one has too many lines. Raise an error if that fails."""
        run = self._run
        if run is None or run.seq >= construction.LIMIT - MARGIN:
            self._replace(run, self._heads if self._waits_for_heads else _unknown)

    def renew(self) -> None:
        """Begin a chain if there is none, and another one after 24 hours. Raise an error if that fails."""
        run = self._run
        if run is None or self._clock() >= run.until:
            self._replace(run, self._heads)

    def end(self) -> None:
        """End the chain regularly, if there is one."""

        def complete(run: Run) -> bytes:
            data = run.complete(self._own_line(construction.ENDED, {}))
            self.ended.append(run.anchor(rfc3339(self._clock())))
            self._run = None
            return data

        self._queue(complete)

    def anchor(self) -> Anchor | None:
        """Return a statement about the last line, which may still be queued; None if there is no chain."""
        with self._lines.queuing:
            return None if self._run is None else self._run.anchor(rfc3339(self._clock()))

    def _queue(self, complete: Callable[[Run], bytes]) -> bool:
        """Queue and write the line that a function returns. Return whether there is a chain."""
        with self._lines.queuing:
            run = self._run
            if run is None:
                return False
            try:
                self._lines.queue(complete(run))
            except BaseException:
                # Nobody knows how much of the line was written.
                self._run = None
                raise
        self._lines.write_queued()
        return True

    def _replace(self, run: Run | None, heads: Callable[[], Heads | None]) -> None:
        """Begin a chain instead of this one, unless another thread has done so."""
        with self._starting:
            if run is not None and self._run is run:
                self.end()
            if self._run is None:
                self._begin(heads())

    def _begin(self, heads: Heads | None) -> None:
        chain = secrets.token_hex(_ID_BYTES)
        members: dict[str, Any] = {"chain_format": construction.FORMAT, "key": self._key_id}
        secret = b""
        if self._keys.public_key is not None:
            secret = secrets.token_bytes(_SECRET_BYTES)
            members["sealed"] = construction.seal(secret, self._keys.public_key, chain)
        members["source"] = self._keys.source
        line = self._own_line(construction.STARTED, {**members, "heads": self._with_own(heads)})
        key = construction.first_key(self._keys.audit_key, chain, secret)
        run = Run(chain, key, members, until=self._clock() + LONGEST_SECONDS)
        with self._lines.queuing:
            self._lines.queue(run.complete(line))
            self._run = run
        self._lines.write_queued()

    def _with_own(self, heads: Heads | None) -> Heads | None:
        """Return the heads with the last chain of this process, which is known even if the store fails."""
        own = {each.chain: each.head for each in list(self.ended)[-1:]}
        if heads is None:
            return own or None
        others = [item for item in heads.items() if item[0] not in own]
        return {**own, **dict(others[: construction.HEADS - len(own)])}

    def _own_line(self, message: str, members: Mapping[str, Any]) -> str:
        """Return a line about the chain itself, which belongs to no request."""
        first = {"time": rfc3339(self._clock()), "level": "INFO", "logger": LOGGER, "message": message}
        return json.dumps({**first, **members}, separators=(",", ":"))


def _unknown() -> None:
    return None


def _reset(reference: "weakref.ref[AuditChain]") -> None:
    chain = reference()
    if chain is not None:
        chain.reset()
