"""Removing credentials, replacements and failures."""

from dataclasses import replace

from application.errors import UnreadableRecord
from application.optimistic_update import Change, OptimisticUpdate, OwnerChange
from application.ports.events import Action, Events
from application.ports.stores import CredentialRepository, OwnerCredentials
from domain.credential import Credential
from domain.errors import NotEnrolled
from domain.failures import NO_FAILURES
from domain.owner import CredentialId, Owner
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState


class Remove:
    """Remove one credential. Its failures still count for a while, so that a removal does not reset the throttle.

    A credential that is unreadable because its key is missing can be removed too: nothing else would end it.
    """

    def __init__(self, changes: OptimisticUpdate, repository: CredentialRepository, events: Events) -> None:
        self._changes = changes
        self._repository = repository
        self._events = events

    def execute(self, credential_id: CredentialId) -> None:
        """Remove the credential. Raise `NotEnrolled` or `StoreUnavailable`."""

        def decide(state: StoredState | None, now: int) -> Change[None]:
            if not isinstance(state, Credential):
                raise NotEnrolled
            return Change(None, state.removed(now))

        self._events.require_room()
        try:
            self._changes.apply(credential_id, decide)
        except UnreadableRecord:
            self._repository.discard(credential_id)
        self._events.changed(Action.REMOVED, credential_id)


class Forget:
    """Remove all stored states of an owner at once. Nothing of them remains."""

    def __init__(self, repository: CredentialRepository, events: Events) -> None:
        self._repository = repository
        self._events = events

    def execute(self, owner: Owner) -> None:
        """Remove all stored states of the owner. Raise `StoreUnavailable`."""
        self._events.require_room()
        self._repository.forget(owner)
        self._events.forgotten(owner)


class Unlock:
    """Clear the failures and locks of all credentials of an owner together, including those of removed ones."""

    def __init__(self, changes: OptimisticUpdate, events: Events) -> None:
        self._changes = changes
        self._events = events

    def execute(self, owner: Owner) -> None:
        """Clear all failures of the owner.

        Raises:
            StoreUnavailable: the store failed.
            UnreadableRecord: a stored state is unreadable. The readable ones have been unlocked.
        """

        def decide(credentials: OwnerCredentials, now: int) -> OwnerChange[tuple[OwnerCredentials, list[CredentialId]]]:
            states = credentials.states(now)
            failing = {each: state for each, state in states.items() if state.failures != NO_FAILURES}
            unlocked = {each: state.unlocked() for each, state in failing.items()}
            return OwnerChange((credentials, list(unlocked)), unlocked)

        self._events.require_room()
        credentials, unlocked = self._changes.apply_to_owner(owner, decide)
        for credential_id in unlocked:
            self._events.changed(Action.UNLOCKED, credential_id)
        credentials.require_readable()


class DropReplacement:
    """Remove an unconfirmed replacement. The confirmed secret is not changed."""

    def __init__(self, changes: OptimisticUpdate, events: Events) -> None:
        self._changes = changes
        self._events = events

    def execute(self, credential_id: CredentialId) -> None:
        """Remove the replacement. Raise `NotEnrolled` or `StoreUnavailable`."""

        def decide(state: StoredState | None, now: int) -> Change[None]:
            if not isinstance(state, SecretCredential):
                raise NotEnrolled
            state.unexpired_replacement(now)
            return Change(None, replace(state, replacement=None))

        self._events.require_room()
        self._changes.apply(credential_id, decide)
        self._events.changed(Action.REPLACEMENT_DROPPED, credential_id)
