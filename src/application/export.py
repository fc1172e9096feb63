"""Exporting all accounts of a tenant."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from application.ports.clock import Clock
from application.ports.events import Events
from application.ports.migration import AuthenticatorWriter
from application.ports.stores import AccountDirectory, OwnerCredentials
from domain.failures import NO_FAILURES
from domain.one_time_code import OneTimeCode
from domain.stored_state import StoredState, unexpired
from domain.tombstone import Tombstone

_PART: Final = 100
"""Accounts that are read at once."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A request to export a tenant.

    Attributes:
        tenant: the tenant.
        format: the name of the format, for the audit trail.
        writer: writes the format.
        stream: the file.
        progress: called with the current tally after each account.
    """

    tenant: str
    format: str
    writer: AuthenticatorWriter
    stream: BinaryIO
    progress: "Callable[[ExportTally], None]"


@dataclass(slots=True)
class ExportTally:
    """The numbers of an export.

    Attributes:
        accounts: the accounts that were read.
        read: the states that were passed to the writer.
        written: the states in the complete file; 0 until it is complete.
        unreadable: the records that are unreadable; the log names each of them.
    """

    accounts: int = 0
    read: int = 0
    written: int = 0
    unreadable: int = 0


class Export:
    """Export all credentials and tombstones of a tenant, account by account.

    A credential that changes during the export is written as it was when its account was read. An account can appear
    more than once, with the same credentials. One-time codes are left out, except for their wrong codes.
    """

    def __init__(self, accounts: AccountDirectory, clock: Clock, events: Events) -> None:
        self._accounts = accounts
        self._clock = clock
        self._events = events

    def execute(self, request: ExportRequest) -> ExportTally:
        """Write the file and return the tally. An incomplete export is audited, too, because it reveals secrets.

        Raises:
            StoreUnavailable: the store failed. The file is incomplete.
            OSError: the file can't be written.
        """
        self._events.require_room()
        tally = ExportTally()
        complete = False
        try:
            tally.written = request.writer.write(self._states(request, tally), request.stream)
            request.stream.flush()
            complete = True
        finally:
            count = tally.written if complete else tally.read
            self._events.exported(request.tenant, request.format, count, complete=complete)
        return tally

    def _states(self, request: ExportRequest, tally: ExportTally) -> Iterator[StoredState]:
        for credentials in self._owners(request.tenant):
            now = self._clock.now()
            tally.accounts += 1
            tally.unreadable += len(credentials.unreadable)
            for snapshot in credentials.snapshots.values():
                state = exportable(unexpired(snapshot.state, now), now)
                if state is not None:
                    tally.read += 1
                    yield state
            request.progress(tally)

    def _owners(self, tenant: str) -> Iterator[OwnerCredentials]:
        cursor: str | None = None
        while True:
            part = self._accounts.accounts(tenant, cursor, _PART)
            yield from part.credentials.values()
            cursor = part.next
            if cursor is None:
                return


def exportable(state: StoredState | None, now: int) -> StoredState | None:
    """Return the state to export at `now`, Unix time in seconds; None if there is none.

    A copy of an issued code would be accepted twice, once by each service, so only its wrong codes are exported.
    """
    if not isinstance(state, OneTimeCode):
        return state
    return None if state.failures == NO_FAILURES else Tombstone.after(state.id, state.failures, now)
