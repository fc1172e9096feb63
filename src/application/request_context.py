"""The context of the current request, for the audit trail, the logs and the problem documents.

No use case reads it. It is in this layer because it is written by one adapter and read by others, and adapters of
different layers must not import each other.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FIELDS: Final = "fields"
"""The attribute of a log record that contains the further members of a line: `extra={FIELDS: {…}}`."""


@dataclass(slots=True)
class RequestContext:
    """The identifiers of one request.

    Attributes:
        request_id: the request's id.
        address: the client's address, as the trusted proxies report it.
        trace_id: the trace that the client named (W3C Trace Context); None for none.
        span_id: the client's span in that trace; None for none.
        key: the id of the API key, once the request is authenticated with one; None for none.
    """

    request_id: str
    address: str
    trace_id: str | None = None
    span_id: str | None = None
    key: str | None = None


current_request: ContextVar[RequestContext | None] = ContextVar("current request", default=None)
current_invocation: ContextVar[Mapping[str, str]] = ContextVar("current invocation", default=MappingProxyType({}))
"""The identifiers that a platform such as AWS Lambda gives to the current invocation. Every log line contains them."""
