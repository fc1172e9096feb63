"""Anchors: statements that a chain has reached a line, which are kept outside of the log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infrastructure.observability.audit_chain import construction

_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_FORM: Final = re.compile(
    rf'\{{"anchor":1,"chain":"(?P<chain>[0-9a-f]{{32}})","seq":(?P<seq>0|[1-9][0-9]{{0,6}}),"started":"(?P<started>{_TIME})"'
    rf',"last":"(?P<last>{_TIME})","time":"(?P<time>{_TIME})","source":"(?P<source>[A-Za-z0-9._@-]{{1,64}})"'
    r',"key":"(?P<key>[0-9a-f]{16})","sealed":(?:null|"(?P<sealed>[A-Za-z0-9+/]{107}=)"),"mac":"(?P<mac>[0-9a-f]{64})"\}'
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A statement that all lines of a chain up to one were written.

    Attributes:
        chain: the id of the chain.
        seq: the number of the last line.
        started: the time of line 0.
        last: the time of the last line.
        time: the time of the statement.
        source: the kind of the process and its host.
        key_id: the id of the audit key.
        sealed: the secret of the chain, encrypted for the auditor; None for a plain chain.
        text: the statement with its code.
        check: the check of the head; empty for an anchor that was read from a text.
    """

    chain: str
    seq: int
    started: str
    last: str
    time: str
    source: str
    key_id: str
    sealed: str | None
    text: str = field(repr=False)
    check: str = ""

    @property
    def head(self) -> tuple[int, str, str]:
        """The head: the number of the last line, its check and its time."""
        return self.seq, self.check, self.last

    def is_under(self, key: bytes) -> bool:
        """Return whether the code is right, under the key of the line after the last one."""
        start, end = self.text[: -construction.MAC_MEMBER], self.text[-construction.MAC_MEMBER :]
        return end == f',"mac":"{construction.anchor_mac(key, start.encode("ascii"))}"}}'


def make_anchor(chain: str, seq: int, key: bytes, times: tuple[str, str, str], members: Mapping[str, Any]) -> Anchor:
    """Return an anchor.

    Args:
        chain: the id of the chain.
        seq: the number of the last line.
        key: the key of the line after it.
        times: the times of line 0, of the last line, and of the statement.
        members: `source`, `key` and `sealed` of line 0.
    """
    started, last, time = times
    source, key_id, sealed = members["source"], members["key"], members.get("sealed")
    start = (
        f'{{"anchor":{construction.FORMAT},"chain":"{chain}","seq":{seq},"started":"{started}","last":"{last}"'
        f',"time":"{time}","source":"{source}","key":"{key_id}","sealed":'
    ) + ("null" if sealed is None else f'"{sealed}"')
    mac = construction.anchor_mac(key, start.encode("ascii"))
    text = f'{start},"mac":"{mac}"}}'
    return Anchor(chain, seq, started, last, time, source, key_id, sealed, text, construction.key_check(key))


def read_anchor(text: str) -> Anchor:
    """Return the anchor of a text. Its code is not checked. Raise `ValueError` if the text is no anchor."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("is not an anchor")
    parts = found.groupdict()
    return Anchor(
        chain=parts["chain"],
        seq=int(parts["seq"]),
        started=parts["started"],
        last=parts["last"],
        time=parts["time"],
        source=parts["source"],
        key_id=parts["key"],
        sealed=parts["sealed"],
        text=text,
    )
