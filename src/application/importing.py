"""Importing authenticators of other systems, and stored states of this one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from application.imported_states import ImportRequest, after, candidate_of, has_content_of, taken_over
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.clock import Clock
from application.ports.events import Action, Events
from application.ports.migration import ImportedAuthenticator, ImportedRecord, ImportedState, Refusal
from application.ports.stores import CredentialRepository
from domain.credential import Credential
from domain.errors import AlreadyEnrolled, DomainError
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState, unexpired

_ANOTHER: Final = "the account has another credential of this kind"


class ImportOutcome(StrEnum):
    """The outcomes of importing one record."""

    IMPORTED = "imported"
    PRESENT = "present"
    """The account has this credential already, or the record has expired. Nothing was changed."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The result of importing one record.

    Attributes:
        outcome: what happened.
        place: where the record is in the file, for people.
        reason: why it was refused, for people; empty otherwise. It contains no secret.
    """

    outcome: ImportOutcome
    place: str
    reason: str = ""


class ImportAuthenticators:
    """Import records of all formats, each by one compare-and-set.

    An existing credential is never overwritten. The same secret again is present already. So an interrupted run can be
    repeated, and several runs at once have the same result as one. Secrets are confirmed, and every code that the other
    system can have accepted is spent. Former failures still count, and spent codes stay spent.
    """

    def __init__(
        self, changes: OptimisticUpdate, repository: CredentialRepository, clock: Clock, events: Events
    ) -> None:
        self._changes = changes
        self._repository = repository
        self._clock = clock
        self._events = events

    def execute(self, request: ImportRequest, records: Iterable[ImportedRecord]) -> Iterator[ImportResult]:
        """Import records one by one, and yield the result of each.

        Raises:
            UnreadableFile: the reader refuses the file. Records with a result stay imported.
            StoreUnavailable: the store failed. Records with a result stay imported.
        """
        for record in records:
            if isinstance(record, Refusal):
                yield ImportResult(ImportOutcome.REFUSED, record.place, record.reason)
                continue
            try:
                yield ImportResult(self._import(request, record), record.place)
            except AlreadyEnrolled:
                yield ImportResult(ImportOutcome.REFUSED, record.place, _ANOTHER)
            except DomainError as error:
                yield ImportResult(ImportOutcome.REFUSED, record.place, str(error))

    def _import(self, request: ImportRequest, record: ImportedAuthenticator | ImportedState) -> ImportOutcome:
        candidate = candidate_of(request, record)

        def decide(state: StoredState | None, now: int) -> Change[ImportOutcome]:
            new = unexpired(taken_over(candidate, now), now)
            if new is None or has_content_of(state, new):
                return Change(ImportOutcome.PRESENT, state)
            if isinstance(state, Credential):
                raise AlreadyEnrolled
            return Change(ImportOutcome.IMPORTED, new if state is None else after(new, state, now))

        if request.dry_run:
            now = self._clock.now()
            return decide(unexpired(self._repository.load(candidate.id).state, now), now).answer
        self._events.require_room()
        outcome = self._changes.apply(candidate.id, decide)
        if outcome is ImportOutcome.IMPORTED:
            self._announce(candidate)
        return outcome

    def _announce(self, state: StoredState) -> None:
        if isinstance(state, SecretCredential):
            self._events.enrolled(state.id, imported=True, weak=state.secret.weak)
        else:
            self._events.changed(Action.IMPORTED, state.id)
