"""Limits of sent codes, counted in Redis."""

import hmac
import logging
from typing import Final

from application.ports.clock import Clock
from application.ports.delivery import Channel
from application.request_context import FIELDS
from domain.owner import Owner, OwnerKind
from infrastructure.delivery.recipients import counted_as
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script

MOST_SENDS: Final = 5
WINDOW: Final = 600
"""Seconds."""
HOUR: Final = 3600
"""Seconds."""
CLIENT_SHARE: Final = 20
"""The sessions of one client address may send one in `CLIENT_SHARE` of the codes that all sessions may send."""
SENDS: Final = Script("infrastructure.redis.stores", "sends.lua")
KEY_PREFIX: Final = "open-mfa:sends"
_LIMITS: Final = ("none", "recipient", "all recipients", "client address")
_log = logging.getLogger("open_mfa.delivery")


class RedisSendLimit:
    """The `SendLimit` in Redis: for one recipient, for all recipients, and for one client address.

    At most 5 codes are sent to one recipient in any 10 minutes, for each tenant and for all sessions together. The two
    other limits do not depend on the spelling of a recipient. Keys contain keyed digests of recipients and addresses,
    so Redis does not reveal the recipients of codes.

    Args:
        gateway: the gateway to Redis.
        clock: the time at which a code is sent.
        key: the key of the digests.
        per_hour: the number of codes in an hour, for each tenant and for all sessions together.
    """

    def __init__(self, gateway: Gateway, clock: Clock, key: str, per_hour: int) -> None:
        self._gateway = gateway
        self._clock = clock
        self._key = key.encode()
        self._per_hour = per_hour
        self._per_client = max(MOST_SENDS, per_hour // CLIENT_SHARE)

    def admit(self, owner: Owner, channel: Channel, to: str, client: str) -> int:
        """Count a code and return 0, or return the seconds until one may be sent. Raise `StoreUnavailable`.

        If a response is lost, a code may count twice. Then fewer codes are sent, never more.
        """
        is_session = owner.kind is OwnerKind.SESSION
        sender = f"{owner.kind.value}:{owner.tenant or ''}"
        # The hash tag keeps all keys of the script in one slot of a Cluster.
        name = f"{KEY_PREFIX}:{{{sender}}}"
        scope = (owner.kind.value, owner.tenant or "", channel.value)
        recipient = [f"{name}:to:{self._digest(*scope, spelling)}" for spelling in counted_as(channel, to)]
        keys, most = [*recipient, f"{name}:all"], [self._per_hour]
        if is_session:
            keys.append(f"{name}:from:{self._digest('client', client)}")
            most.append(self._per_client)
        numbers = (self._clock.now(), WINDOW, MOST_SENDS, len(recipient), HOUR, *most)
        wait, reason = self._gateway.run_script(SENDS, keys[0], *numbers, further=keys[1:], durable=False)
        if wait:
            fields = {"channel": channel.value, "limit": _LIMITS[reason], "sender": sender, "wait": wait}
            _log.warning("too many codes", extra={FIELDS: fields})
        return int(wait)

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(("open-mfa sends", *parts)).encode(), "sha256").hex()
