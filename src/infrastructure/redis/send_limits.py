"""How often codes are sent to one place, counted in the same Redis as everything else."""

import hmac
from typing import Final

from application.ports import Channel, Clock
from infrastructure.redis.gateway import Gateway, Script

MOST_SENDS: Final = 5
WINDOW: Final = 600
"""Seconds."""
SENDS: Final = Script("sends.lua")
KEY_PREFIX: Final = "open-mfa:sends"


class RedisSendLimit:
    """Implements `SendLimit`: at most 5 in any 10 minutes, whoever asks.

    A place is kept under a keyed digest: nobody reads in Redis who is sent codes.
    """

    def __init__(self, gateway: Gateway, clock: Clock, key: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._key = key.encode()

    def admit(self, channel: Channel, to: str) -> int:
        """Seconds until the next one may be sent, 0 where this one may. Raises `StoreUnavailable`.

        An answer that was lost may make one count twice, which sends too little rather than too much.
        """
        # Mail servers that tell a person's address in capitals from the same in small letters are a thing of the past.
        place = hmac.digest(self._key, f"open-mfa sends\0{channel.value}\0{to.casefold()}".encode(), "sha256")
        name = f"{KEY_PREFIX}:{place.hex()}"
        wait: int = self._gateway.run_script(SENDS, name, self._clock.now(), WINDOW, MOST_SENDS, lasting=False)
        return wait
