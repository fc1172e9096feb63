"""A `CredentialRepository` in memory, with the failures that tests need."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from application.errors import StoreUnavailable
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from domain.authenticators import AUTHENTICATOR_FACTORS
from domain.owner import REMOVED, CredentialId, Factor, Owner
from domain.stored_state import StoredState, unexpired
from domain.tombstone import Tombstone


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
        now: returns Unix time in seconds.
    """

    def __init__(self, *rivals: Callable[[], object]) -> None:
        self.committed = 0
        self.rivals = list(rivals)
        self.down_for_loads = False
        self.down_before_commits = False
        self.down_after_commits = False
        self._states: dict[CredentialId, tuple[MemoryRevision, StoredState]] = {}
        self._numbers = itertools.count(1)
        self.now: Callable[[], int] = lambda: 0

    def load(self, credential_id: CredentialId) -> Snapshot:
        if self.down_for_loads:
            raise StoreUnavailable("down")
        return self._stored(credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        if self.down_for_loads:
            raise StoreUnavailable("down")
        order = list(Factor)
        stored = sorted(self._states, key=lambda each: (each.suffix != "", order.index(each.factor)))
        ids = [each for each in stored if each.owner == owner]
        return OwnerCredentials({each: self._stored(each) for each in ids}, MemoryRevision(0))

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

    def commit_all(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool = False
    ) -> bool:
        if self.rivals:
            self.rivals.pop(0)()
        if self.down_before_commits:
            raise StoreUnavailable("down before")
        owner = next(iter(states)).owner
        stored = self.load_all(owner).snapshots
        examined = {each for each in (*read.snapshots, *stored) if each.factor in AUTHENTICATOR_FACTORS}
        for credential_id in {*states, *(examined if exclusive else ())}:
            known = read.snapshots.get(credential_id, Snapshot(None, MemoryRevision(0)))
            if known.revision != stored.get(credential_id, Snapshot(None, MemoryRevision(0))).revision:
                return False
        for credential_id, state in states.items():
            self._put(credential_id, state)
        if self.down_after_commits:
            raise StoreUnavailable("down after")
        return True

    def require_writable(self, credential_id: CredentialId) -> None:
        """Do nothing: this repository refuses no write."""

    def forget(self, owner: Owner) -> None:
        if self.down_before_commits:
            raise StoreUnavailable("down before")
        for credential_id in [each for each in self._states if each.owner == owner]:
            del self._states[credential_id]

    def discard(self, credential_id: CredentialId) -> None:
        self._states.pop(credential_id, None)

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
        if isinstance(state, Tombstone) and credential_id.suffix not in {"", REMOVED}:
            self._states.pop(credential_id, None)
            former = unexpired(self._stored(credential_id.removed).state, self.now())
            credential_id, state = credential_id.removed, replace(state, id=credential_id.removed)
            if isinstance(former, Tombstone):
                state = former.joined(state, self.now())
        if state is None:
            self._states.pop(credential_id, None)
        else:
            self._states[credential_id] = (MemoryRevision(next(self._numbers)), state)
