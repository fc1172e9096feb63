"""The repository of the service on the embedded store, with failures and a clock for tests."""

from collections.abc import Mapping

from redis import Redis

from application.errors import StoreUnavailable
from application.ports.stores import OwnerCredentials, Snapshot
from domain.owner import CredentialId, Owner
from domain.stored_state import StoredState
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.stores.credentials import RedisCredentialRepository, key_of
from tests.support.fakes import FakeClock
from tests.support.memory_repository import MemoryRepository


class StoredRepository(MemoryRepository):
    """A repository that keeps records in Redis and removes them when they expire."""

    def __init__(self, redis: Redis, codec: RecordCodec, clock: FakeClock) -> None:
        super().__init__()
        self._redis = redis
        self._repository = RedisCredentialRepository(Gateway(lambda: redis), codec, clock)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        return self._repository.load_all(owner)

    def commit_all(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool = False
    ) -> bool:
        if self.rivals:
            self.rivals.pop(0)()
        if self.down_before_commits:
            raise StoreUnavailable("down before")
        done = self._repository.commit_all(read, states, exclusive=exclusive)
        self.committed += done
        if done and self.down_after_commits:
            raise StoreUnavailable("down after")
        return done

    def forget(self, owner: Owner) -> None:
        self._repository.forget(owner)

    def discard(self, credential_id: CredentialId) -> None:
        self._repository.discard(credential_id)

    def expires_at(self, credential_id: CredentialId) -> int | None:
        """Return when Redis will remove the record, Unix time in seconds; None for never."""
        milliseconds: int = self._redis.pexpiretime(key_of(credential_id))  # type: ignore[assignment] # not awaitable here
        return None if milliseconds < 0 else milliseconds // 1000

    def expire(self, now: int) -> None:
        """Remove records that have expired by the clock of the tests, which is far ahead of the clock of Redis."""
        for key in self._redis.scan_iter():
            if 0 <= self._redis.pexpiretime(key) <= now * 1000:  # type: ignore[operator] # not awaitable here
                self._redis.delete(key)

    def _stored(self, credential_id: CredentialId) -> Snapshot:
        return self._repository.load(credential_id)

    def _put(self, credential_id: CredentialId, state: StoredState | None) -> None:
        self.committed += 1
        assert self._repository.commit(credential_id, self._stored(credential_id).revision, state) is None
