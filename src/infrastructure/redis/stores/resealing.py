"""Moving all that is sealed under former keys to the first one, while the service goes on serving."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from application.errors import StoreUnavailable, UnreadableRecord
from application.ports.stores import Snapshot
from domain.credential import Credential
from domain.owner import CredentialId
from infrastructure.crypto.sealing import KeyRing
from infrastructure.redis.stores.credentials import RedisCredentialRepository, RedisRevision

ATTEMPTS: Final = 64
"""Lost races on one credential after which the walk is given up."""
WALKS: Final = 10
"""After which it ends although there was something to do in each: some instance still seals under a former key."""


@dataclass(slots=True)
class Tally:
    """What one walk over everything has found.

    Attributes:
        looked_at: how many places, whatever lay in them.
        credentials: how many could be read.
        resealed: how many secrets were sealed again.
        keys: how many secrets are sealed under which key by now.
        derived: how many are derived, so that none is sealed.
        unreadable: how many could not be read; the log names them, and the key that is missing.
    """

    looked_at: int = 0
    credentials: int = 0
    resealed: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    derived: int = 0
    unreadable: int = 0


class Resealing:
    """Seals again by compare-and-set, so that it loses no verdict and no verdict is lost to it.

    It can be ended at any moment, and begun again: what is done is done.
    """

    def __init__(self, repository: RedisCredentialRepository, keys: KeyRing) -> None:
        self._repository = repository
        self._keys = keys

    def run(self, progress: Callable[[Tally], None]) -> Tally:
        """Walks until a whole walk has found nothing to do: a fail-over during a walk can hide a part of the keys.

        Args:
            progress: is told the tally of the walk so far after every credential.

        Returns:
            The tally of the last walk, with all that was sealed again before.

        Raises:
            StoreUnavailable: what was done so far is done.
        """
        resealed = 0
        for _ in range(WALKS):
            tally = Tally(resealed=resealed)
            for place in self._repository.places():
                tally.looked_at += 1
                try:
                    self._visit(place, tally)
                except UnreadableRecord:
                    tally.unreadable += 1
                progress(tally)
            if tally.resealed == resealed:
                break
            resealed = tally.resealed
        return tally

    def _visit(self, place: CredentialId, tally: Tally) -> None:
        stored: Snapshot | None = self._repository.load(place)
        for _ in range(ATTEMPTS):
            if stored is None or not isinstance(stored.state, Credential):
                return
            former = self._former(stored)
            if not former:
                self._count(stored, tally)
                return
            revision = stored.revision
            if not isinstance(revision, RedisRevision):
                raise TypeError(type(revision).__name__)
            winner = self._repository.commit(place, replace(revision, sealed=()), stored.state)
            if winner is None:
                tally.resealed += former
                stored = self._repository.load(place)
            else:
                stored = winner
        raise StoreUnavailable(f"{place} is changed too often at once")

    def _former(self, stored: Snapshot) -> int:
        """How many secrets are not sealed under the first key."""
        return sum(key != self._keys.first for key in self._sealed_under(stored))

    def _count(self, stored: Snapshot, tally: Tally) -> None:
        tally.credentials += 1
        names = self._sealed_under(stored)
        tally.keys.update(names)
        tally.derived += not names

    def _sealed_under(self, stored: Snapshot) -> list[str]:
        sealed = stored.revision.sealed if isinstance(stored.revision, RedisRevision) else ()
        return [self._keys.name_of(each.blob) for each in sealed]
