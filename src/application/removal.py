"""Removing credentials."""

from dataclasses import replace

from application.errors import UnreadableRecord
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events
from application.ports.stores import CredentialRepository
from domain.credential import Credential, StoredState
from domain.errors import NotEnrolled
from domain.failures import NO_FAILURES
from domain.owner import CredentialId, Owner
from domain.secret_credential import SecretCredential


class Remove:
    """Removes one credential; failures that were counted stay behind for a while, so that this resets no throttle.

    What can't be read any more, because its key is gone, can still be removed: nothing else would end it.
    """

    def __init__(self, changes: OptimisticUpdate, repository: CredentialRepository, events: Events) -> None:
        self._changes = changes
        self._repository = repository
        self._events = events

    def execute(self, credential_id: CredentialId) -> None:
        """Raises `NotEnrolled` or `StoreUnavailable`."""

        def decide(state: StoredState | None, now: int) -> Change[None]:
            if not isinstance(state, Credential):
                raise NotEnrolled
            return Change(None, state.removed(now))

        self._events.require_room()
        try:
            self._changes.apply(credential_id, decide)
        except UnreadableRecord:
            self._repository.forget(credential_id.owner, credential_id.factor)
        self._events.changed(Action.REMOVED, credential_id)


class Forget:
    """Removes everything that an owner has, at once and without a trace."""

    def __init__(self, repository: CredentialRepository, events: Events) -> None:
        self._repository = repository
        self._events = events

    def execute(self, owner: Owner) -> None:
        """Raises `StoreUnavailable`."""
        self._events.require_room()
        self._repository.forget(owner)
        self._events.forgotten(owner)


class Unlock:
    """Clears the failure counts and locks of everything that an owner has, or had."""

    def __init__(self, changes: OptimisticUpdate, repository: CredentialRepository, events: Events) -> None:
        self._changes = changes
        self._repository = repository
        self._events = events

    def execute(self, owner: Owner) -> None:
        """Raises `StoreUnavailable`, after what can be read has been unlocked `UnreadableRecord`."""

        def decide(state: StoredState | None, _now: int) -> Change[bool]:
            if state is None or state.failures == NO_FAILURES:
                return Change(answer=False, state=state)
            return Change(answer=True, state=state.unlocked())

        self._events.require_room()
        everything = self._repository.load_all(owner)
        for factor, stored in everything.snapshots.items():
            credential_id = CredentialId(owner, factor)
            if self._changes.apply(credential_id, decide, stored):
                self._events.changed(Action.UNLOCKED, credential_id)
        everything.require_readable()


class DropReplacement:
    """Gives a replacement up; the confirmed secret stays as it is."""

    def __init__(self, changes: OptimisticUpdate, events: Events) -> None:
        self._changes = changes
        self._events = events

    def execute(self, credential_id: CredentialId) -> None:
        """Raises `NotEnrolled` or `StoreUnavailable`."""

        def decide(state: StoredState | None, now: int) -> Change[None]:
            if not isinstance(state, SecretCredential):
                raise NotEnrolled
            state.living_replacement(now)
            return Change(None, replace(state, replacement=None))

        self._events.require_room()
        self._changes.apply(credential_id, decide)
        self._events.changed(Action.REPLACEMENT_DROPPED, credential_id)
