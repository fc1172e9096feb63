"""The limits of sent codes, which every store counts under keyed digests."""

import hmac
import logging
from dataclasses import dataclass
from typing import Final

from application.ports.delivery import Channel
from application.ports.stores import RefusedSend
from application.request_context import FIELDS
from application.usage import DAY
from domain.owner import Owner, OwnerKind
from domain.usage import LimitName
from infrastructure.delivery.recipients import counted_as

MOST_SENDS: Final = 5
WINDOW: Final = 600
"""Seconds."""
HOUR: Final = 3600
"""Seconds."""
CLIENT_SHARE: Final = 20
"""The sessions of one client address may send one in `CLIENT_SHARE` of the codes that all sessions may send."""
_log = logging.getLogger("open_mfa.delivery")


@dataclass(frozen=True, slots=True)
class SendCounter:
    """A counter of codes, in a window that begins with its first code.

    Attributes:
        name: the name within the counters of the sender.
        seconds: the length of the window.
        most: the number of codes in a window.
        meaning: the limit, as the log names it.
        limit: the limit of the tenant; None for a limit of the service.
    """

    name: str
    seconds: int
    most: int
    meaning: str
    limit: LimitName | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What a code counts for.

    Attributes:
        channel: the channel that sends it.
        sender: the tenant, or all sessions together.
        recipients: the digests of the spellings of the recipient.
        counters: the counters of all recipients together.
    """

    channel: Channel
    sender: str
    recipients: tuple[str, ...]
    counters: tuple[SendCounter, ...]

    def refusal(self, number: int, wait: int) -> RefusedSend:
        """Return the refusal by a limit. Log it if it is a limit of the service.

        Args:
            number: the number of the limit: 1 for the recipient's, 2 for that of the first counter, and so on.
            wait: the seconds until a code may be sent.
        """
        counter = self.counters[number - 2] if number > 1 else None
        if counter is not None and counter.limit is not None:
            return RefusedSend(wait, counter.limit)
        meaning = "recipient" if counter is None else counter.meaning
        fields = {"channel": self.channel.value, "limit": meaning, "sender": self.sender, "wait": wait}
        _log.warning("too many codes", extra={FIELDS: fields})
        return RefusedSend(wait)


class SendLimits:
    """The limits: for one recipient, for all recipients, and for one client address.

    At most 5 codes are sent to one recipient in any 10 minutes, for each tenant and for all sessions together. The
    other limits do not depend on the spelling of a recipient. Stores keep keyed digests of recipients and addresses, so
    they do not reveal the recipients of codes.

    Attributes:
        per_hour: the number of codes in an hour, for each tenant and for all sessions together.
        per_client: the number of codes in an hour for the sessions of one client address.

    Args:
        key: the key of the digests.
        per_hour: see the attribute.
    """

    def __init__(self, key: str, per_hour: int) -> None:
        self._key = key.encode()
        self.per_hour = per_hour
        self.per_client = max(MOST_SENDS, per_hour // CLIENT_SHARE)

    def counted(self, owner: Owner, channel: Channel, to: str, client: str, per_day: int | None) -> Counted:
        """Return what a code counts for. `per_day` is the limit of the tenant; None for no limit."""
        scope = (owner.kind.value, owner.tenant or "", channel.value)
        counters = [SendCounter("all", HOUR, self.per_hour, "all recipients")]
        if owner.kind is OwnerKind.SESSION:
            name = f"from:{self._digest('client', client)}"
            counters.append(SendCounter(name, HOUR, self.per_client, "client address"))
        if per_day is not None:
            counters.append(SendCounter("day", DAY, per_day, "day", LimitName.SENDS))
        return Counted(
            channel=channel,
            sender=f"{owner.kind.value}:{owner.tenant or ''}",
            recipients=tuple(self._digest(*scope, spelling) for spelling in counted_as(channel, to)),
            counters=tuple(counters),
        )

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(("open-mfa sends", *parts)).encode(), "sha256").hex()
