"""The one mechanism behind every change: load, decide, commit by compare-and-set, and only then answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.stores import CredentialRepository, Snapshot
from domain.credential import StoredState, Tombstone
from domain.owner import CredentialId

Answer = TypeVar("Answer")

ATTEMPTS: Final = 64
"""Lost races after which a change is given up.

A race is lost only to somebody else's commit. On one credential at most five wrong guesses can be committed before it
is locked, and an accepted code refuses all its copies, so this bound is met only by a caller who sends good codes at
himself by the dozen.
"""


@dataclass(frozen=True, slots=True)
class Change(Generic[Answer]):
    """What was decided: the answer, and the state that must be committed before it may be given."""

    answer: Answer
    state: StoredState | None


class OptimisticUpdate:
    """Applies a decision to what lies in a credential's place.

    The decision is taken on a loaded state, and holds only if it is committed against that very state. Whoever loses a
    race decides again, on the state that won. A decision that changes nothing needs no commit. After a refused commit,
    nothing is decided until the store accepts writes again.
    """

    def __init__(self, repository: CredentialRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def apply(
        self,
        credential_id: CredentialId,
        decide: Callable[[StoredState | None, int], Change[Answer]],
        stored: Snapshot | None = None,
    ) -> Answer:
        """Decides until a decision is committed.

        Args:
            credential_id: where.
            decide: gets the state and the time, Unix seconds.
            stored: what has been loaded from there already, if it has.

        Raises:
            StoreUnavailable: the store failed, or every one of `ATTEMPTS` races was lost; nothing was accepted.
        """
        stored = stored or self._repository.load(credential_id)
        # A judged guess whose commit fails is not counted.
        self._repository.require_writable(credential_id)
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            state = living(stored.state, now)
            change = decide(state, now)
            if change.state is state:
                return change.answer
            winner = self._repository.commit(credential_id, stored.revision, change.state)
            if winner is None:
                return change.answer
            stored = winner
        raise StoreUnavailable(f"{credential_id} is changed too often at once")


def living(state: StoredState | None, now: int) -> StoredState | None:
    """The state unless its life is over: a store that forgets late must not make it longer."""
    if state is None:
        return None
    expires_at = state.expires_at
    if expires_at is not None and now >= expires_at:
        return None
    return state.at(now) if isinstance(state, Tombstone) else state
