"""The trace that a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

import re
from dataclasses import dataclass
from typing import Final

TRACEPARENT: Final = "traceparent"
_FORMAT: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_SAMPLED: Final = 0x01


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The fields of a `traceparent`: the trace, the caller's span and the flags."""

    trace_id: str
    span_id: str
    flags: str

    @property
    def header(self) -> str:
        """The fields as a `traceparent` of version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def read_traceparent(sent: str | None) -> TraceContext | None:
    """Return the fields of the header; None if it is missing or malformed, as the standard demands.

    From a later version, only the four fields of version 00 are read, and only the flag that it defines (section 4.3).
    """
    found = _FORMAT.fullmatch(sent) if sent else None
    if found is None or found["version"] == "ff" or not found["trace"].strip("0") or not found["parent"].strip("0"):
        return None
    flags = found["flags"]
    if found["version"] != "00":
        flags = f"{int(flags, 16) & _SAMPLED:02x}"
    elif found["rest"] is not None:
        return None
    return TraceContext(found["trace"], found["parent"], flags)
