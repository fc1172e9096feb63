"""How often codes are sent, counted in the same Redis as everything else."""

import hmac
import logging
from typing import Final

from application.call import FIELDS
from application.ports import Channel, Clock
from domain.owner import Owner, OwnerKind
from infrastructure.recipients import counted_as
from infrastructure.redis.gateway import Gateway, Script

MOST_SENDS: Final = 5
WINDOW: Final = 600
"""Seconds."""
HOUR: Final = 3600
"""Seconds."""
CLIENT_SHARE: Final = 20
"""The sessions of one client address may have this part of the codes of all sessions sent."""
SENDS: Final = Script("sends.lua")
KEY_PREFIX: Final = "open-mfa:sends"
_LIMITS: Final = ("none", "recipient", "all recipients", "client address")
_log = logging.getLogger("open_mfa.delivery")


class RedisSendLimit:
    """Implements `SendLimit`: to one recipient, to all of them, and for one client address.

    At most 5 codes are sent to one recipient in any 10 minutes, for each tenant, and for all sessions together. No
    spelling of a recipient evades the other limits. Recipients and addresses are kept under a keyed digest: nobody
    reads in Redis who is sent codes.

    Args:
        gateway: to Redis.
        clock: tells when a code was sent.
        key: of the digests.
        per_hour: how many codes are sent in an hour for each tenant, and for all sessions together.
    """

    def __init__(self, gateway: Gateway, clock: Clock, key: str, per_hour: int) -> None:
        self._gateway = gateway
        self._clock = clock
        self._key = key.encode()
        self._per_hour = per_hour
        self._per_client = max(MOST_SENDS, per_hour // CLIENT_SHARE)

    def admit(self, owner: Owner, channel: Channel, to: str, client: str) -> int:
        """Seconds until the next one may be sent, 0 where this one may. Raises `StoreUnavailable`.

        An answer that was lost may make one count twice, which sends too little rather than too much.
        """
        is_session = owner.kind is OwnerKind.SESSION
        sender = f"{owner.kind.value}:{owner.tenant or ''}"
        # The hash tag keeps all that one script touches in one Cluster slot.
        name = f"{KEY_PREFIX}:{{{sender}}}"
        scope = (owner.kind.value, owner.tenant or "", channel.value)
        recipient = [f"{name}:to:{self._digest(*scope, spelling)}" for spelling in counted_as(channel, to)]
        keys, most = [*recipient, f"{name}:all"], [self._per_hour]
        if is_session:
            keys.append(f"{name}:from:{self._digest('client', client)}")
            most.append(self._per_client)
        numbers = (self._clock.now(), WINDOW, MOST_SENDS, len(recipient), HOUR, *most)
        wait, reason = self._gateway.run_script(SENDS, keys[0], *numbers, further=keys[1:], lasting=False)
        if wait:
            fields = {"channel": channel.value, "limit": _LIMITS[reason], "sender": sender, "wait": wait}
            _log.warning("too many codes", extra={FIELDS: fields})
        return int(wait)

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(("open-mfa sends", *parts)).encode(), "sha256").hex()
