"""The Redis store: all adapters over one gateway."""

from application.ports.clock import Clock
from application.ports.stores import GateSessions, StoreDescription
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.stores.accounts import RedisAccountDirectory
from infrastructure.redis.stores.audit_anchors import RedisAuditAnchors
from infrastructure.redis.stores.credentials import RedisCredentialRepository
from infrastructure.redis.stores.gate_sessions import RedisGateSessions
from infrastructure.redis.stores.log_levels import RedisLogLevels
from infrastructure.redis.stores.rate_limits import RedisRequestCounters
from infrastructure.redis.stores.scan_positions import PositionCodec
from infrastructure.redis.stores.send_limits import RedisSendLimit


class RedisStore:
    """Implements `Store`.

    Args:
        gateway: the gateway to Redis.
        codec: the codec of credentials; it has the encryption keys.
        clock: the service's clock.
        digest_key: the key of the digests of recipients. The key of the cursors is derived from it.
        sends_per_hour: the number of codes that each tenant, and all sessions together, may send in an hour.
    """

    def __init__(
        self, gateway: Gateway, codec: RecordCodec, clock: Clock, *, digest_key: str, sends_per_hour: int
    ) -> None:
        self._gateway = gateway
        self.credentials = RedisCredentialRepository(gateway, codec, clock)
        self.accounts = RedisAccountDirectory(gateway, self.credentials, PositionCodec(digest_key))
        self.send_limit = RedisSendLimit(gateway, clock, digest_key, sends_per_hour)
        self.rate_limits = RedisRequestCounters(gateway)
        self.log_levels = RedisLogLevels(gateway)
        self.audit_anchors = RedisAuditAnchors(gateway)

    def gate_sessions(self, gate: str, lifetime: int) -> GateSessions:
        """Return the sessions of one gate. They end after `lifetime` seconds."""
        return RedisGateSessions(self._gateway, gate, lifetime)

    def check_ready(self) -> None:
        """Raise `StoreUnavailable` unless Redis answers."""
        self._gateway.ping()

    def describe(self) -> StoreDescription:
        """Return the version and the clock of Redis. Raise `StoreUnavailable`."""
        return self._gateway.describe()

    def close(self) -> None:
        """Close all connections."""
        self._gateway.close()
