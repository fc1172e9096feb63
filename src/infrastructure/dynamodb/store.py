"""The store in one table of DynamoDB."""

from application.ports.clock import Clock
from application.ports.stores import GateSessions, StoreDescription
from infrastructure.dynamodb.client.table import Table
from infrastructure.dynamodb.stores.accounts import DynamoAccountDirectory
from infrastructure.dynamodb.stores.audit_anchors import DynamoAuditAnchors
from infrastructure.dynamodb.stores.credentials import DynamoCredentialRepository
from infrastructure.dynamodb.stores.gate_sessions import DynamoGateSessions
from infrastructure.dynamodb.stores.log_levels import KEY as LOG_LEVEL
from infrastructure.dynamodb.stores.log_levels import DynamoLogLevels
from infrastructure.dynamodb.stores.rate_limits import DynamoRequestCounters
from infrastructure.dynamodb.stores.send_limits import DynamoSendLimit
from infrastructure.records.codec import RecordCodec
from infrastructure.records.cursors import CursorCodec

VERSION = "DynamoDB API 2012-08-10 (protocol JSON 1.0)"


class DynamoStore:
    """Implements `Store`.

    Args:
        table: the table.
        codec: the codec of credentials; it has the encryption keys.
        clock: the service's clock.
        digest_key: the key of the digests of recipients. The key of the cursors is derived from it.
        sends_per_hour: the number of codes that each tenant, and all sessions together, may send in an hour.
    """

    def __init__(self, table: Table, codec: RecordCodec, clock: Clock, *, digest_key: str, sends_per_hour: int) -> None:
        self._table = table
        self._clock = clock
        self.credentials = DynamoCredentialRepository(table, codec, clock)
        self.accounts = DynamoAccountDirectory(table, self.credentials, CursorCodec(digest_key))
        self.send_limit = DynamoSendLimit(table, clock, digest_key, sends_per_hour)
        self.rate_limits = DynamoRequestCounters(table)
        self.log_levels = DynamoLogLevels(table)
        self.audit_anchors = DynamoAuditAnchors(table, clock)

    def gate_sessions(self, gate: str, lifetime: int) -> GateSessions:
        """Return the sessions of one gate. They end after `lifetime` seconds."""
        return DynamoGateSessions(self._table, self._clock, gate, lifetime)

    def check_ready(self) -> None:
        """Raise `StoreUnavailable` unless the table can be read."""
        self._table.get(LOG_LEVEL)

    def describe(self) -> StoreDescription:
        """Return the version of the protocol and the clock of DynamoDB. Raise `StoreUnavailable`."""
        return StoreDescription(VERSION, self._table.time(LOG_LEVEL))

    def close(self) -> None:
        """Close all connections."""
        self._table.close()
