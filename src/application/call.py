"""The call that is being served, for whatever has to name it: the audit trail, the logs, the problem documents."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls: the request's id, and the client's address as far as the trusted proxies tell it."""

    request_id: str
    address: str


current_call: ContextVar[Call | None] = ContextVar("current call", default=None)
