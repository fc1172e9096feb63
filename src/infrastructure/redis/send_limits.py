"""How often codes are sent to one place, counted in the same Redis as everything else."""

import contextlib
import hmac
import re
import unicodedata
from typing import Final

from application.ports import Channel, Clock
from domain.owner import Owner
from infrastructure.redis.gateway import Gateway, Script

MOST_SENDS: Final = 5
WINDOW: Final = 600
"""Seconds."""
SENDS: Final = Script("sends.lua")
KEY_PREFIX: Final = "open-mfa:sends"
_PUNCTUATION: Final = re.compile(r"[\s().\-/]")
"""What people put between the digits of a telephone number."""


class RedisSendLimit:
    """Implements `SendLimit`: at most 5 in any 10 minutes, for each tenant, and for all sessions together.

    A place is kept under a keyed digest: nobody reads in Redis who is sent codes.
    """

    def __init__(self, gateway: Gateway, clock: Clock, key: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._key = key.encode()

    def admit(self, owner: Owner, channel: Channel, to: str) -> int:
        """Seconds until the next one may be sent, 0 where this one may. Raises `StoreUnavailable`.

        An answer that was lost may make one count twice, which sends too little rather than too much.
        """
        text = f"open-mfa sends\0{owner.kind.value}\0{owner.tenant or ''}\0{channel.value}\0{_normal(channel, to)}"
        place = hmac.digest(self._key, text.encode(), "sha256")
        name = f"{KEY_PREFIX}:{place.hex()}"
        wait: int = self._gateway.run_script(SENDS, name, self._clock.now(), WINDOW, MOST_SENDS, lasting=False)
        return wait


def _normal(channel: Channel, to: str) -> str:
    """One spelling of a place for the many that lead to it: more would be a way round the limit.

    Two places that are taken for one are sent too little, which is the smaller harm.
    """
    text = unicodedata.normalize("NFKC", to).casefold().strip()
    if channel is Channel.EMAIL:
        local, _, domain = text.rpartition("@")
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
        # What stands behind a plus is the recipient's own mark (RFC 5233).
        return f"{local.partition('+')[0]}@{domain}"
    text = _PUNCTUATION.sub("", text)
    return f"+{text[2:]}" if text.startswith("00") and text.isdecimal() else text
