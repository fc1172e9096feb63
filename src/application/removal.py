"""Removing credentials."""

from application.errors import UnreadableRecord
from application.ports import Action, CredentialRepository, Events
from application.state_change import Change, StateChange
from domain.credential import Credential, Remnant
from domain.errors import NotEnrolled
from domain.owner import CredentialId, Owner


class Remove:
    """Removes one credential; failures that were counted stay behind for a while, so that this resets no throttle.

    What can't be read any more, because its key is gone, can still be removed: nothing else would end it.
    """

    def __init__(self, changes: StateChange, repository: CredentialRepository, events: Events) -> None:
        self._changes = changes
        self._repository = repository
        self._events = events

    def execute(self, credential_id: CredentialId) -> None:
        """Raises `NotEnrolled` or `StoreUnavailable`."""

        def decide(content: Remnant | None, now: int) -> Change[None]:
            if not isinstance(content, Credential):
                raise NotEnrolled
            return Change(None, content.removed(now))

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
        self._repository.forget(owner)
        self._events.forgotten(owner)
