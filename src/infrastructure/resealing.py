"""Rotation of encryption keys: seal every stored secret again under the first key while the service keeps serving."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from application.errors import StoreUnavailable, UnreadableRecord
from domain.credential import Credential
from domain.owner import CredentialId
from infrastructure.crypto.sealing import KeyRing
from infrastructure.store import SealedCredentialRepository

ATTEMPTS: Final = 64
"""Lost races on one credential after which the walk fails."""
WALKS: Final = 10
"""The largest number of walks. If the last one still finds something to do, an instance seals under a former key."""


@dataclass(slots=True)
class Tally:
    """The result of one walk over all credentials.

    Attributes:
        looked_at: the number of stored states.
        credentials: the number of readable credentials.
        resealed: the number of secrets that were sealed again.
        keys: the number of sealed secrets by the name of their key.
        derived: the number of credentials without a sealed secret, because theirs is derived.
        unreadable: the number of unreadable records; the log names each of them and the key that it needs.
    """

    looked_at: int = 0
    credentials: int = 0
    resealed: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    derived: int = 0
    unreadable: int = 0


class Resealing:
    """Seals secrets again by compare-and-set, so no verdict is lost and none is delayed.

    It can be interrupted at any moment and run again. The finished part stays finished.
    """

    def __init__(self, repository: SealedCredentialRepository, keys: KeyRing) -> None:
        self._repository = repository
        self._keys = keys

    def run(self, progress: Callable[[Tally], None]) -> Tally:
        """Walk until one whole walk finds nothing to do, because a fail-over can hide keys from a walk.

        Args:
            progress: called with the current tally after every credential.

        Returns:
            The tally of the last walk. `resealed` includes the former walks.

        Raises:
            StoreUnavailable: the store failed. The finished part stays finished.
        """
        resealed = 0
        for _ in range(WALKS):
            tally = Tally(resealed=resealed)
            for credential_id in self._repository.ids():
                tally.looked_at += 1
                try:
                    self._visit(credential_id, tally)
                except UnreadableRecord:
                    tally.unreadable += 1
                progress(tally)
            if tally.resealed == resealed:
                break
            resealed = tally.resealed
        return tally

    def _visit(self, credential_id: CredentialId, tally: Tally) -> None:
        snapshot = self._repository.load(credential_id)
        for _ in range(ATTEMPTS):
            if not isinstance(snapshot.state, Credential):
                return
            keys = [self._keys.name_of(blob) for blob in self._repository.sealed_in(snapshot)]
            former = sum(key != self._keys.first for key in keys)
            if not former:
                tally.credentials += 1
                tally.keys.update(keys)
                tally.derived += not keys
                return
            winner = self._repository.reseal(credential_id, snapshot)
            if winner is None:
                tally.resealed += former
            snapshot = winner or self._repository.load(credential_id)
        raise StoreUnavailable(f"{credential_id} changes too often")
