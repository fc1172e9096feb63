"""A `CredentialRepository` in memory, with the failures that tests need."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from application.errors import StoreUnavailable
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import StoredState


@dataclass(frozen=True, slots=True)
class MemoryRevision:
    """The number of a commit. 0 is the revision of a missing record."""

    number: int


class MemoryRepository:
    """A repository that never removes expired records by itself, because a store may remove them late.

    Attributes:
        committed: the number of stored commits.
        rivals: each is called once, in order, before a commit is compared; its own commit wins the race.
        down_for_loads: whether loads fail.
        down_before_commits: whether commits fail and nothing is stored.
        down_after_commits: whether commits fail although the state is stored.
    """

    def __init__(self, *rivals: Callable[[], object]) -> None:
        self.committed = 0
        self.rivals = list(rivals)
        self.down_for_loads = False
        self.down_before_commits = False
        self.down_after_commits = False
        self._states: dict[CredentialId, tuple[MemoryRevision, StoredState]] = {}
        self._numbers = itertools.count(1)

    def load(self, credential_id: CredentialId) -> Snapshot:
        if self.down_for_loads:
            raise StoreUnavailable("down")
        return self._stored(credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        if self.down_for_loads:
            raise StoreUnavailable("down")
        ids = [CredentialId(owner, factor) for factor in Factor]
        return OwnerCredentials({each.factor: self._stored(each) for each in ids if each in self._states})

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        if self.rivals:
            self.rivals.pop(0)()
        if self.down_before_commits:
            raise StoreUnavailable("down before")
        current = self._stored(credential_id)
        if current.revision != revision:
            return current
        self._put(credential_id, state)
        if self.down_after_commits:
            raise StoreUnavailable("down after")
        return None

    def require_writable(self, credential_id: CredentialId) -> None:
        """Do nothing: this repository refuses no write."""

    def forget(self, owner: Owner, *factors: Factor) -> None:
        if self.down_before_commits:
            raise StoreUnavailable("down before")
        for factor in factors or Factor:
            self._states.pop(CredentialId(owner, factor), None)

    def state(self, credential_id: CredentialId) -> StoredState | None:
        """Return the stored record, even if reads fail."""
        return self._stored(credential_id).state

    def expire(self, now: int) -> None:
        """Remove expired records at `now`, Unix time in seconds. This store keeps them."""

    def put(self, state: StoredState) -> None:
        """Change the revision as another request would."""
        self._put(state.id, state)

    def _stored(self, credential_id: CredentialId) -> Snapshot:
        revision, state = self._states.get(credential_id, (MemoryRevision(0), None))
        return Snapshot(state, revision)

    def _put(self, credential_id: CredentialId, state: StoredState | None) -> None:
        self.committed += 1
        if state is None:
            self._states.pop(credential_id, None)
        else:
            self._states[credential_id] = (MemoryRevision(next(self._numbers)), state)
