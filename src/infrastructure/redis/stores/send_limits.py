"""Limits of sent codes, counted in Redis."""

from typing import Final

from application.ports.clock import Clock
from application.ports.delivery import Channel
from application.ports.stores import RefusedSend
from domain.owner import Owner
from infrastructure.delivery.send_limits import MOST_SENDS, WINDOW, SendLimits
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script

SENDS: Final = Script("infrastructure.redis.stores", "sends.lua")
KEY_PREFIX: Final = "open-mfa:sends"


class RedisSendLimit:
    """The `SendLimit` in Redis.

    Args:
        gateway: the gateway to Redis.
        clock: the time at which a code is sent.
        key: the key of the digests.
        per_hour: the number of codes in an hour, for each tenant and for all sessions together.
    """

    def __init__(self, gateway: Gateway, clock: Clock, key: str, per_hour: int) -> None:
        self._gateway = gateway
        self._clock = clock
        self._limits = SendLimits(key, per_hour)

    def admit(
        self, owner: Owner, channel: Channel, to: str, client: str, per_day: int | None = None
    ) -> RefusedSend | None:
        """Count a code and return None, or return the refusal. Raise `StoreUnavailable`.

        If a response is lost, a code may count twice. Then fewer codes are sent, never more.
        """
        counted = self._limits.counted(owner, channel, to, client, per_day)
        # The hash tag keeps all keys of the script in one slot of a Cluster.
        name = f"{KEY_PREFIX}:{{{counted.sender}}}"
        recipient = [f"{name}:to:{digest}" for digest in counted.recipients]
        keys = [*recipient, *(f"{name}:{counter.name}" for counter in counted.counters)]
        bounds = [number for counter in counted.counters for number in (counter.seconds, counter.most)]
        numbers = (self._clock.now(), WINDOW, MOST_SENDS, len(recipient), *bounds)
        wait, number = self._gateway.run_script(SENDS, keys[0], *numbers, further=keys[1:], durable=False)
        return counted.refusal(number, int(wait)) if wait else None
