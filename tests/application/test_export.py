"""The export: which states it writes, and what the audit trail says about it."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

import pytest

from application.errors import AuditUnavailable, StoreUnavailable
from application.export import Export, ExportRequest, ExportTally
from application.ports.stores import AccountsPart, OwnerCredentials, Snapshot
from domain.credential import Lifecycle
from domain.failures import NO_FAILURES, Failures
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from tests.application.rig import RecordedEvents
from tests.domain.examples import ALICE, BOB, hotp, one_time_code, recovery_codes, totp
from tests.support.fakes import NOON, FakeClock
from tests.support.memory_repository import MemoryRevision

WRONG = Failures(3)


class Directory:
    """Has these parts of accounts; after them, the store fails if `down`."""

    def __init__(self, *parts: dict[Owner, OwnerCredentials], down: bool = False) -> None:
        self.parts = parts
        self.down = down
        self.tenants: list[str] = []

    def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
        self.tenants.append(tenant)
        number = int(cursor or 0)
        if number == len(self.parts):
            raise StoreUnavailable("down")
        last = number + 1 == len(self.parts) and not self.down
        return AccountsPart(self.parts[number], None if last else str(number + 1))


class Writer:
    """Keeps the states that it gets, except for recovery codes, and fails after `room` states."""

    def __init__(self, room: int = 100) -> None:
        self.states: list[StoredState] = []
        self.room = room

    def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
        stream.write(b"start")
        for state in states:
            if len(self.states) == self.room:
                raise OSError(28, "No space left on device")
            if state.id.factor is not Factor.RECOVERY_CODES:
                self.states.append(state)
        return len(self.states)


def holding(*states: StoredState, unreadable: Iterable[CredentialId] = ()) -> OwnerCredentials:
    snapshots = {state.id: Snapshot(state, MemoryRevision(1)) for state in states}
    return OwnerCredentials(snapshots, MemoryRevision(0), frozenset(unreadable))


class Run:
    """One export of the tenant shop."""

    def __init__(self, directory: Directory, writer: Writer | None = None) -> None:
        self.writer = writer or Writer()
        self.events = RecordedEvents()
        self.directory = directory
        self.progress: list[int] = []

    def execute(self, stream: BinaryIO | None = None) -> ExportTally:
        request = ExportRequest(
            "shop", "jsonl", self.writer, stream or io.BytesIO(), lambda tally: self.progress.append(tally.accounts)
        )
        return Export(self.directory, FakeClock(), self.events).execute(request)


def test_all_states_of_all_parts_are_written_as_they_are() -> None:
    states = [replace(hotp(7), failures=WRONG), totp(), replace(totp(), id=CredentialId(BOB, Factor.TOTP))]
    run = Run(Directory({ALICE: holding(*states[:2])}, {}, {BOB: holding(states[2])}))

    assert run.execute() == ExportTally(accounts=2, read=3, written=3)
    assert run.writer.states == states
    assert run.directory.tenants == ["shop"] * 3
    assert run.progress == [1, 2]


def test_the_audit_trail_has_one_line_with_the_number_of_written_states() -> None:
    run = Run(Directory({ALICE: holding(hotp(), recovery_codes())}))

    assert run.execute() == ExportTally(accounts=1, read=2, written=1)
    assert run.events.all == [("exported", "shop", "jsonl", 1, True)]


def test_an_issued_code_is_not_exported_but_its_wrong_codes_are() -> None:
    run = Run(Directory({ALICE: holding(one_time_code())}, {BOB: holding(replace(one_time_code(), failures=WRONG))}))

    run.execute()

    (state,) = run.writer.states
    assert isinstance(state, Tombstone)
    assert (state.failures, state.id.factor, state.expires_at) == (WRONG, Factor.OTP, NOON + 3600)


def test_expired_states_and_failures_that_no_longer_count_are_left_out() -> None:
    expired = replace(totp(), lifecycle=Lifecycle(created_at=0, expires_at=NOON))
    former = Tombstone(
        id=hotp().id, failures=WRONG, expires_at=None, failures_until=NOON, former=hotp(9).remembered(NOON)
    )
    run = Run(Directory({ALICE: holding(expired, former)}))

    run.execute()

    assert run.writer.states == [replace(former, failures=NO_FAILURES)]


def test_unreadable_records_are_counted() -> None:
    run = Run(Directory({ALICE: holding(totp(), unreadable=[hotp().id, one_time_code().id])}))

    assert run.execute() == ExportTally(accounts=1, read=1, written=1, unreadable=2)


@pytest.mark.parametrize(
    ("directory", "writer", "error"),
    [
        (Directory({ALICE: holding(hotp(), totp())}, down=True), Writer(), StoreUnavailable),
        (Directory({ALICE: holding(hotp(), totp())}), Writer(room=1), OSError),
    ],
    ids=["store", "disk"],
)
def test_an_incomplete_export_is_audited_with_the_states_that_it_reveals(
    directory: Directory, writer: Writer, error: type[Exception]
) -> None:
    run = Run(directory, writer)

    with pytest.raises(error):
        run.execute()
    assert run.events.all == [("exported", "shop", "jsonl", 2, False)]


def test_an_interrupted_export_is_audited() -> None:
    class Interrupting(Directory):
        def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
            raise KeyboardInterrupt

    run = Run(Interrupting())

    with pytest.raises(KeyboardInterrupt):
        run.execute()
    assert run.events.all == [("exported", "shop", "jsonl", 0, False)]


def test_an_error_of_the_last_flush_is_an_incomplete_export() -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    run = Run(Directory({ALICE: holding(hotp())}))

    with pytest.raises(OSError, match="No space"):
        run.execute(Full())
    assert run.events.all == [("exported", "shop", "jsonl", 1, False)]


def test_nothing_is_exported_without_room_in_the_audit_trail() -> None:
    run = Run(Directory({ALICE: holding(hotp())}))
    run.events.full = True

    with pytest.raises(AuditUnavailable):
        run.execute()
    assert run.writer.states == []
    assert run.directory.tenants == []


def test_states_are_read_only_as_fast_as_they_are_written() -> None:
    class Slow(Writer):
        def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
            iterator: Iterator[StoredState] = iter(states)
            next(iterator)
            assert run.directory.tenants == ["shop"]
            return 1 + sum(1 for _ in iterator)

    run = Run(
        Directory({ALICE: holding(hotp())}, {BOB: holding(replace(totp(), id=CredentialId(BOB, Factor.TOTP)))}), Slow()
    )

    assert run.execute().written == 2
