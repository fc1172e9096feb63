"""The call that is being served, for whatever has to name it: the audit trail, the logs, the problem documents.

No use case reads it. It lies here because what writes it and what reads it are adapters that may not know each other.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

FIELDS: Final = "fields"
"""The attribute of a log record that holds a line's further members: `extra={FIELDS: {…}}`."""


@dataclass(frozen=True, slots=True)
class Call:
    """The identifiers of one request.

    Attributes:
        request_id: the request's id.
        address: the client's address, as the trusted proxies report it.
        trace_id: the trace that the caller named (W3C Trace Context); None for none.
        span_id: the caller's span in that trace; None for none.
    """

    request_id: str
    address: str
    trace_id: str | None = None
    span_id: str | None = None


current_call: ContextVar[Call | None] = ContextVar("current call", default=None)
