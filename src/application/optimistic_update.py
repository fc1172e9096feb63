"""Changes of stored states: load, decide, commit by compare-and-set, and only then answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.stores import CredentialRepository, OwnerCredentials, Snapshot
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import StoredState, unexpired

Answer = TypeVar("Answer")

ATTEMPTS: Final = 64
"""Lost races after which a change is given up.

A race is lost only to another commit. At most five wrong codes can be committed on one credential before it is locked,
and an accepted code refuses all its copies. Only a client that sends dozens of valid codes at once reaches this limit.
"""


@dataclass(frozen=True, slots=True)
class Change(Generic[Answer]):
    """A decision: the answer, and the state that must be committed before the answer may be given."""

    answer: Answer
    state: StoredState | None


@dataclass(frozen=True, slots=True)
class OwnerChange(Generic[Answer]):
    """A decision about several credentials of an owner: the answer, and the states that must be committed together."""

    answer: Answer
    states: Mapping[CredentialId, StoredState | None]


class OptimisticUpdate:
    """Applies a decision to the stored state of a credential, or to several of one owner.

    The decision is made on a loaded state and holds only if it is committed against that very state. After a lost race,
    it is made again on the state that won. A decision that changes nothing needs no commit. After a refused commit, no
    decision is made until the store accepts writes again.
    """

    def __init__(self, repository: CredentialRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def apply(
        self,
        credential_id: CredentialId,
        decide: Callable[[StoredState | None, int], Change[Answer]],
        snapshot: Snapshot | None = None,
    ) -> Answer:
        """Decide until a decision is committed, and return its answer.

        Args:
            credential_id: the credential.
            decide: gets the state and the time, Unix seconds.
            snapshot: the snapshot that the caller has already loaded; None to load one.

        Raises:
            StoreUnavailable: the store failed, or `ATTEMPTS` races were lost; nothing was accepted.
        """
        snapshot = snapshot or self._repository.load(credential_id)
        # If the commit of a judged code fails, a wrong code is not counted.
        self._repository.require_writable(credential_id)
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            state = unexpired(snapshot.state, now)
            change = decide(state, now)
            if change.state is state:
                return change.answer
            winner = self._repository.commit(credential_id, snapshot.revision, change.state)
            if winner is None:
                return change.answer
            snapshot = winner
        raise StoreUnavailable(f"{credential_id} is changed too often at once")

    def apply_to_owner(
        self,
        owner: Owner,
        decide: Callable[[OwnerCredentials, int], OwnerChange[Answer]],
        *,
        exclusive: bool = False,
    ) -> Answer:
        """Decide on all credentials of an owner until a decision is committed, and return its answer.

        Args:
            owner: the owner.
            decide: gets the stored states and the time, Unix seconds.
            exclusive: whether the decision holds only if no HOTP or TOTP state of the owner has changed.

        Raises:
            StoreUnavailable: the store failed, or `ATTEMPTS` races were lost; nothing was accepted.
        """
        for _ in range(ATTEMPTS):
            credentials = self._repository.load_all(owner)
            self._repository.require_writable(CredentialId(owner, Factor.TOTP))
            change = decide(credentials, self._clock.now())
            if not change.states or self._repository.commit_all(credentials, change.states, exclusive=exclusive):
                return change.answer
        raise StoreUnavailable(f"{owner} is changed too often at once")
