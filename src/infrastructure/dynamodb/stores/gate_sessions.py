"""The sessions of the gate, one item each."""

from collections.abc import Sequence

from application.ports.clock import Clock
from infrastructure.dynamodb.client.items import (
    EXPIRES,
    KEY,
    REMEMBERED,
    Item,
    is_current,
    number,
    number_in,
    string,
    string_in,
)
from infrastructure.dynamodb.client.table import Condition, Table
from infrastructure.records.gate_tokens import digests_of, new_token

_USER = "user"


class DynamoGateSessions:
    """Implements `GateSessions`. DynamoDB stores only the digests of tokens.

    Args:
        table: the table.
        clock: the service's clock.
        gate: the name of the gate. It depends on the secret and the tenant, so a change of these ends all sessions.
        lifetime: seconds after which a session ends. Its use does not extend it.
    """

    def __init__(self, table: Table, clock: Clock, gate: str, lifetime: int) -> None:
        self._table = table
        self._clock = clock
        self._gate = gate
        self._lifetime = lifetime

    def begin(self, user: str) -> str:
        """Begin a session and return its token. Raise `StoreUnavailable`."""
        token = new_token()
        (key,) = self._keys([token])
        item = {_USER: string(user), EXPIRES: number(self._clock.now() + self._lifetime)}
        # The condition fails only for another copy of this write. A late one must not begin an ended session again.
        self._table.put(key, item, Condition("attribute_not_exists(#key)", {"#key": KEY}))
        return token

    def user_of(self, tokens: Sequence[str]) -> str | None:
        """Return the user, or None without a call if no text has the form of a token. Raise `StoreUnavailable`."""
        users = {user for item in self._found(tokens) if (user := string_in(item, _USER)) is not None}
        return users.pop() if len(users) == 1 else None

    def end(self, tokens: Sequence[str]) -> None:
        """End the sessions that have these tokens. Raise `StoreUnavailable`."""
        # A client can send any number of tokens, but only those of sessions cost a write.
        for item in self._found(tokens):
            end = max(number_in(item, EXPIRES) or 0, self._clock.now() + REMEMBERED)
            self._table.put(string_in(item, KEY) or "", {EXPIRES: number(end)})

    def _found(self, tokens: Sequence[str]) -> list[Item]:
        """Return the items of sessions that have not ended. An ended session leaves an item without a user."""
        now = self._clock.now()
        return [item for item in self._table.get_all(self._keys(tokens)) if _USER in item and is_current(item, now)]

    def _keys(self, tokens: Sequence[str]) -> list[str]:
        return [f"gate-session:{digest}" for digest in digests_of(self._gate, tokens)]
