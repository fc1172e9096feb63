"""Renaming authenticators."""

from dataclasses import replace

from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events
from domain.errors import NotEnrolled
from domain.owner import CredentialId
from domain.secret_credential import SecretCredential
from domain.stored_state import AnySecretCredential, StoredState


class Rename:
    """Give an authenticator a name by which people distinguish it from their others."""

    def __init__(self, changes: OptimisticUpdate, events: Events) -> None:
        self._changes = changes
        self._events = events

    def execute(self, credential_id: CredentialId, name: str) -> AnySecretCredential:
        """Return the credential with its new name. Raise `NotEnrolled` or `StoreUnavailable`."""

        def decide(state: StoredState | None, _now: int) -> Change[AnySecretCredential]:
            if not isinstance(state, SecretCredential):
                raise NotEnrolled
            renamed = state if state.name == name else replace(state, name=name)
            return Change(renamed, renamed)

        self._events.require_room()
        credential = self._changes.apply(credential_id, decide)
        self._events.changed(Action.RENAMED, credential_id)
        return credential
