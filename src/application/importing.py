"""Importing authenticators of other systems, and stored states of this one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from application.errors import UnreadableRecord
from application.import_decision import ImportDecision, ImportOutcome, decide
from application.imported_states import ImportRequest, state_at
from application.optimistic_update import OptimisticUpdate, OwnerChange
from application.ports.clock import Clock
from application.ports.events import Action, Events
from application.ports.migration import ImportedAuthenticator, ImportedRecord, ImportedState, Refusal
from application.ports.secrets import Randomness
from application.ports.stores import CredentialRepository, OwnerCredentials
from domain.errors import DomainError
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState


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

    An existing credential is never overwritten: a further authenticator of an account gets an id of its own. The same
    secret again is present already. So an interrupted run can be repeated, and several runs at once have the same
    result as one. Secrets are confirmed, and every code that the other system can have accepted is spent. Failures of
    removed authenticators still count, and spent codes stay spent.
    """

    def __init__(
        self,
        changes: OptimisticUpdate,
        repository: CredentialRepository,
        randomness: Randomness,
        clock: Clock,
        events: Events,
    ) -> None:
        self._changes = changes
        self._repository = repository
        self._randomness = randomness
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
            except DomainError as error:
                yield ImportResult(ImportOutcome.REFUSED, record.place, str(error))
            except UnreadableRecord:
                reason = "a stored state of the account is unreadable"
                yield ImportResult(ImportOutcome.REFUSED, record.place, reason)

    def _import(self, request: ImportRequest, record: ImportedAuthenticator | ImportedState) -> ImportOutcome:
        suffix = self._randomness.authenticator_suffix()

        def change(credentials: OwnerCredentials, now: int) -> OwnerChange[ImportDecision]:
            return decide(state_at(request, record, now), suffix, credentials, now)

        now = self._clock.now()
        state = state_at(request, record, now)
        owner, exclusive = state.id.owner, isinstance(state, SecretCredential)
        if request.dry_run:
            return change(self._repository.load_all(owner), now).answer.outcome
        self._events.require_room()
        decision = self._changes.apply_to_owner(owner, change, exclusive=exclusive)
        if decision.state is not None:
            self._announce(decision.state)
        return decision.outcome

    def _announce(self, state: StoredState) -> None:
        if isinstance(state, SecretCredential):
            self._events.enrolled(state.id, imported=True, weak=state.secret.weak)
        else:
            self._events.changed(Action.IMPORTED, state.id)
